"""Times that several programs along the path have to agree on."""

UPSTREAM_SECONDS = 2
"""How long Nginx keeps a connection to the app server, busy and then idle: at most twice that in all."""

STOP_SECONDS = 5
"""How long a server may finish what it has once it is told to stop. The drain has ended by then; only streams are left."""

KEEP_ALIVE_SECONDS = 75
"""Longer than any upstream connection of Nginx lives, so that the server never closes one under a request."""

TIMEOUT_MARGIN = 5
"""So many seconds longer than Nginx a server waits for its own worker."""

STREAM_READ_SECONDS = 3600
"""How long a WebSocket or an event stream may be silent."""
