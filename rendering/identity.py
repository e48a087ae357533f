"""Ids: 10 hex digits over everything that decides how a thing behaves. Equal content is the same release, the same instance."""

import hashlib
import json


def short_hash(*parts: object) -> str:
    """10 hex digits of sha256 over the JSON form of the parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]
