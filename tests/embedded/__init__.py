"""The embedded engine's own parts: files, secrets, config, SSH, refusals."""
