"""The embedded engine: runs this program without the Pulumi CLI. docs/engines.md says what it can and what it cannot do."""
