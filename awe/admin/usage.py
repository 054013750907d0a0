"""`awe-admin usage`, `quota`: what people and projects have of files, and may have."""

from __future__ import annotations

import argparse
import re
from contextlib import closing
from typing import Any

from awe.dataserver.cache import bytes_of
from awe.db.rights import quota
from awe.errors import ArgumentError
from awe.services.installation import Installation
from awe.services.logins import superuser
from awe.terminal import out

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the subcommands."""
    usage = commands.add_parser("usage", help="what people and projects have of files")
    usage.set_defaults(run=_usage)
    verb = commands.add_parser("quota", help="limit what a person or a project has of files")
    verb.add_argument("size", help="such as 500MB or 2TB; none takes it away")
    whose = verb.add_mutually_exclusive_group(required=True)
    whose.add_argument("--user", default="", help="of this person")
    whose.add_argument("--project", default="", help="of this project")
    whose.add_argument(
        "--everybody", action="store_true", help="of each person who has none of their own"
    )
    verb.set_defaults(run=_quota)


def _usage(_: argparse.Namespace) -> None:
    with closing(superuser(Installation())) as connection:
        out(f"{quota.everything(connection)!r}\n")


def _quota(chosen: argparse.Namespace) -> None:
    size = None
    if chosen.size != "none":
        if not re.fullmatch(r"\d{1,9}(MB|GB|TB)", chosen.size, re.IGNORECASE):
            msg = f"a quota of {chosen.size!r}; expected a size such as 500MB or 2TB, or none"
            raise ArgumentError(msg)
        size = bytes_of(chosen.size)
    with closing(superuser(Installation())) as connection:
        quota.set_quota(connection, size, person=chosen.user, project=chosen.project)
    whose = chosen.user.upper() or chosen.project or "each person without a quota of their own"
    told = "any number of files" if size is None else f"files of {quota.readable(size)}"
    out(f"{whose} may have {told} from now on; what is there stays\n")
