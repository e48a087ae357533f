"""The embedded engine beside the real CLI: the same small programs, the same operations, the same state."""
