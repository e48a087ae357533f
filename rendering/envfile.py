"""The env file of an instance: a ``NAME='value'`` per line, quoted so that a shell, systemd and the launcher agree."""

import hashlib
import hmac
import shlex
from collections.abc import Mapping


def render(values: Mapping[str, str]) -> str:
    """Text of the env file, sorted by name. Any value survives: quotes, ``$``, ``#``, newlines, spaces, non-ASCII."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(values.items()))


def digest(values: Mapping[str, str]) -> str:
    """10 hex digits that name the env file.

    The id is public (it stands in names and logs), so it is keyed with the longest value, which is the strong secret key wherever
    settings were checked: nobody can try out a weak password against it.
    """
    key = max(values.values(), key=lambda value: (len(value), value), default="").encode()
    return hmac.new(key, render(values).encode(), hashlib.sha256).hexdigest()[:10]
