"""Secrets by passphrase, as Pulumi's passphrase provider has them: PBKDF2 and AES-256-GCM, ``v1:<nonce>:<text>`` in base64."""

import base64
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from embedded.errors import WrongPassphrase

ROUNDS = 1_000_000
WAY_OUT = "way out: set PULUMI_CONFIG_PASSPHRASE(_FILE) to the one it was made with"


class PassphraseCrypter:
    """Encrypts and decrypts the secrets of one stack. ``state`` is the stack's ``encryptionsalt``: ``v1:<salt>:<proof>``."""

    def __init__(self, passphrase: str, state: str = "") -> None:
        """Raises ``WrongPassphrase``; without ``state`` a new salt is made."""
        salt = base64.b64decode(state.split(":", 2)[1]) if state else os.urandom(8)
        self._key = AESGCM(_key(passphrase, salt))
        self._known: dict[str, str] = {}
        self.state = state or f"v1:{_text(salt)}:{self.encrypt('pulumi')}"
        if state:
            self.decrypt(state.split(":", 2)[2])

    def encrypt(self, plain: str) -> str:
        """Another text each time, as the nonce is random."""
        nonce = os.urandom(12)
        return f"v1:{_text(nonce)}:{_text(self._key.encrypt(nonce, plain.encode(), None))}"

    def decrypt(self, encrypted: str) -> str:
        """Raises ``WrongPassphrase``."""
        if encrypted not in self._known:
            _, nonce, sealed = encrypted.split(":", 2)
            try:
                opened = self._key.decrypt(base64.b64decode(nonce), base64.b64decode(sealed), None)
            except InvalidTag:
                raise WrongPassphrase(f"the passphrase does not fit this stack; {WAY_OUT}") from None
            self._known[encrypted] = opened.decode()
        return self._known[encrypted]


def given(env: Mapping[str, str]) -> str:
    """The passphrase that the environment names, as the CLI reads it."""
    if "PULUMI_CONFIG_PASSPHRASE" in env:
        return env["PULUMI_CONFIG_PASSPHRASE"]
    file = env.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not file:
        raise WrongPassphrase(f"no passphrase is given; {WAY_OUT}")
    return Path(file).read_text().strip()


@lru_cache(maxsize=8)
def _key(passphrase: str, salt: bytes) -> bytes:
    """The derivation takes a good part of a second on purpose: once per process is enough."""
    return PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=ROUNDS).derive(passphrase.encode())


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
