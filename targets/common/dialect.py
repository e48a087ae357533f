"""Nginx's text in the words of the Nginx that is there: the templates are written for one, and hosts have several.

Known: Ubuntu 22.04 (1.18), Debian 12 (1.22), Ubuntu 24.04 (1.24), Debian 13 (1.26), the official image (1.30).
"""

import re

HTTP2_DIRECTIVE = (1, 25, 1)
"""From here on ``http2`` is a directive, and as a word of ``listen`` it is warned of."""
REJECT_HANDSHAKE = (1, 19, 4)
"""From here on a name can be refused without any certificate, and OpenSSL can be given options."""
KEEPALIVE_TIME = (1, 19, 10)
"""From here on the life of a connection to the app has a limit. Before, none is kept: one could hold on to an old instance."""
OPTIONAL_CURVE = (3, 3)
"""From this OpenSSL on a curve that it does not know may be named with a question mark; before, it refuses the whole list."""
Version = tuple[int, ...]


def versions(told: str) -> tuple[Version, Version]:
    """Of Nginx and of OpenSSL, as ``nginx -V`` tells them. What it does not tell is taken for very old."""
    nginx = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", told)
    openssl = re.search(r"running with OpenSSL (\d+)\.(\d+)", told) or re.search(r"built with OpenSSL (\d+)\.(\d+)", told)
    return _numbers(nginx), _numbers(openssl)


def _numbers(found: "re.Match[str] | None") -> Version:
    return tuple(int(part) for part in found.groups()) if found else (0,)


def translate(text: str, told: str, nobody: str) -> str:
    """The text for the Nginx that ``nginx -V`` has told of.

    ``nobody`` is a folder with a certificate for no name, for an Nginx that cannot refuse a handshake without one.
    """
    nginx, openssl = versions(told)
    if nginx >= HTTP2_DIRECTIVE:
        text = re.sub(r"^( *)(listen [^;]*?) http2( default_server)?;$", r"\1\2\3;\n\1http2 on;", text, flags=re.MULTILINE)
    if nginx < REJECT_HANDSHAKE:
        pair = rf"\1ssl_certificate {nobody}/fullchain.pem;\n\1ssl_certificate_key {nobody}/privkey.pem;"
        text = re.sub(r"^( *)ssl_reject_handshake on;$", pair, text, flags=re.MULTILINE)
        text = re.sub(r"^ *ssl_conf_command [^;]*;\n", "", text, flags=re.MULTILINE)
    if nginx < KEEPALIVE_TIME:
        text = re.sub(r"^ *keepalive \d+;\n *keepalive_time \d+s;\n *keepalive_timeout \d+s;\n", "", text, flags=re.MULTILINE)
    if openssl < OPTIONAL_CURVE:
        text = text.replace("ssl_ecdh_curve ?X25519MLKEM768:", "ssl_ecdh_curve ")
    return text


def needs_nobody(text: str, told: str) -> bool:
    """Whether that text needs the certificate for no name there."""
    return "ssl_reject_handshake on;" in text and versions(told)[0] < REJECT_HANDSHAKE
