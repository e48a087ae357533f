"""The steps of a site's certificate, the same on a host and in a container beside Docker's Nginx.

In a container: ``python3 -m targets.common.certificates ensure FILE`` (a request as JSON), ``renew [force]``, ``loop``.
"""

import json
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from targets.common import acme
from targets.common.acme import Account, Asked
from targets.common.errors import AgentError
from targets.common.pairs import Pair, Store, self_made

TLS = Path("/etc/gateway/tls")
ACME = Path("/var/lib/gateway/acme")
"""Where the volumes are mounted in a container."""
LOOP_SECONDS = 3600
"""How often it is looked whether a certificate is due; a server that has refused is asked again as late."""


def ensure(store: Store, account: Account, asked: Mapping[str, Any]) -> Pair:
    """The certificate that the config asks for, or one to begin with, in its place; Nginx need not run."""
    names = tuple(asked["names"])
    with store.lock():
        if asked["mode"] == "acme":
            return acme.place(store, account, Asked(names=names, server=asked["server"], email=asked["email"], ca=asked["ca"]))
        account.forget()
        if asked["mode"] == "files":
            return store.install("files", asked["chain"], asked["key"])
        return self_made(store, names, time.time())


def words(store: Store) -> str:
    """What serves, in one line."""
    told = store.told()
    if not told:
        return "no certificate"
    failed = f"; not renewed: {told['error']}" if told.get("error") else ""
    return f"{told['source']} until {told['ends'][:10]} ({told['days']} days) for {', '.join(told['names'])}{failed}"


def _renewed(store: Store, account: Account, *, force: bool = False) -> str:
    """One try; what serves then, in words. A refusal is no failure: the certificate before goes on serving."""
    try:
        acme.renew(store, account, force=force)
    except AgentError as error:
        print(f"gateway: {error}", file=sys.stderr, flush=True)
    return words(store)


def _loop(store: Store, account: Account) -> None:
    while True:
        before = store.serving()
        told = _renewed(store, account)
        if before is None or before != store.serving():
            print(f"gateway: {told}", flush=True)
        time.sleep(LOOP_SECONDS * random.uniform(0.9, 1.1))


def main(argv: list[str]) -> int:
    """Run one verb on the volumes of this container."""
    store, account = Store(TLS), Account(ACME)
    try:
        match argv:
            case ["ensure", file]:
                ensure(store, account, json.loads(Path(file).read_text()))
                print(words(store))
            case ["renew", *rest]:
                print(_renewed(store, account, force=rest == ["force"]))
            case ["loop"]:
                _loop(store, account)
            case _:
                raise AgentError(str(__doc__))
    except AgentError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
