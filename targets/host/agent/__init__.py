"""What runs on a host. Standard library only, Python 3.10 or newer: it is copied there as it is, named by its content.

Pulumi's steps call it, and so may an operator who is logged in: ``gateway status``, ``gateway --help``.
"""
