"""The certificate with which a dataserver answers over https.

Owns the two files that `data_certificate` and `data_key` name. They are tried out before anything
listens: a certificate without its key, a key that others can read or that is locked with a
password, and a protocol that says otherwise are refused in one line.
"""

from __future__ import annotations

import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from awe.config import Environment
from awe.errors import ConfigError

__all__ = ["Certificate", "certificate_of"]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Files of a certificate and of its private key."""

    chain: Path
    key: Path


def certificate_of(environment: Environment) -> Certificate | None:
    """Return the certificate of this dataserver, None where it answers over plain http.

    Raises
    ------
    ConfigError
        The files are not there, do not belong together, or others can read the key.
    """
    names = environment.data_certificate, environment.data_key
    if not any(names):
        return None
    if not all(names):
        msg = "data_certificate and data_key belong together; Environment.cfg has one of them"
        raise ConfigError(msg)
    if "data_protocol" in environment.origin and environment.data_protocol != "https":
        where = environment.origin["data_protocol"]
        if where != "embedded services":
            msg = f"{where} has data_protocol {environment.data_protocol}, expected https"
            raise ConfigError(msg)
    found = Certificate(chain=Path(names[0]).expanduser(), key=Path(names[1]).expanduser())
    try:
        mode = stat.S_IMODE(found.key.stat().st_mode)
        if mode & 0o077:
            msg = f"data_key {found.key} has mode {mode:04o}; expected 0600: chmod 600 {found.key}"
            raise ConfigError(msg)
        # without a question for a password that nobody could answer
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            found.chain, found.key, password=lambda: ""
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        msg = f"data_certificate {found.chain} with data_key {found.key}: {reason}"
        raise ConfigError(msg) from error
    return found
