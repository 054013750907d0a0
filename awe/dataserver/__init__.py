"""The dataserver: immutable files by unique id, over HTTP.

`store` keeps them on disk, `permits` asks the database who may, `server` answers, `client` asks,
`collector` clears what nobody linked, `fsck` compares disk and database. Nothing is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.dataserver.authorisation import Permits
    from awe.dataserver.client import Client
    from awe.dataserver.collector import Collected, collect
    from awe.dataserver.fsck import Finding, check, mend
    from awe.dataserver.server import create_app, listen
    from awe.dataserver.store import Store, Upload

__all__ = [
    "Client",
    "Collected",
    "Finding",
    "Permits",
    "Store",
    "Upload",
    "check",
    "collect",
    "create_app",
    "listen",
    "mend",
]

face(__name__)
