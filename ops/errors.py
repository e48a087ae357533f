"""How a command ends when it does not end well: one message, first line first, and an exit status that scripts can rely on."""


class Stop(Exception):
    """Ends the command. ``status`` is the exit status of the contract; ``str()`` is what the person reads."""

    status = 1


class Failed(Stop):
    """The update failed; what served before still serves."""

    status = 1


class BadConfig(Stop):
    """Config or arguments are wrong; nothing was touched."""

    status = 2


class Missing(Stop):
    """What is needed is not there; the message says how to get it."""

    status = 3
