"""The error that every agent tells its caller in words."""


class AgentError(Exception):
    """What a person reads: the cause and the way out in the first line, details in the lines below."""
