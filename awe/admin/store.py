"""`awe-admin store VERB`: where the stored files are, and moving them elsewhere."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any

from awe.admin.share import say
from awe.errors import ArgumentError, NotFound
from awe.services import compaction, records, relocation, stack
from awe.services.filestore import HOME, RECORD, files_of, open_store, record_of
from awe.services.installation import Installation
from awe.terminal import out

__all__ = ["add"]

#: Where the login of an S3 store comes from, and under which names s3fs takes it.
LOGIN = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}


def add(commands: Any) -> None:
    """Add the subcommands."""
    store = commands.add_parser("store", help="where the stored files are; move them elsewhere")
    store.set_defaults(run=_show)
    verbs = store.add_subparsers(title="verbs", metavar="VERB")
    verb = verbs.add_parser("move", help="move all files, while people work, and go on there")
    verb.add_argument("place", help="s3://BUCKET/PREFIX, another URL of fsspec, a folder, or home")
    verb.add_argument("--endpoint", metavar="URL", help="address of an S3 server not Amazon's")
    verb.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE",
        help="argument of the file system of that URL; JSON where it is not text",
    )  # fmt: skip
    verb.set_defaults(run=_move)
    verb = verbs.add_parser("pack", help="keep raw frames in less than half the room from now on")
    verb.add_argument("--undo", action="store_true", help="keep them as they came again")
    verb.add_argument("--most", type=int, metavar="N", help="no more than N files")
    verb.set_defaults(run=_pack)
    verb = verbs.add_parser("login", help="another key and secret for the S3 store")
    verb.set_defaults(run=_login)


def _show(_: argparse.Namespace) -> int:
    house = Installation()
    store = files_of(house.home)
    number = sum(1 for _ in store.ids())
    out(f"{number} files at {store.url}\n")
    return 0


def _move(chosen: argparse.Namespace) -> int:
    house = Installation()
    place = chosen.place
    if place != HOME and "://" not in place:
        place = str(Path(place).absolute())
    options = _options(chosen, place)
    done = relocation.move(house, place, options, say)
    out(f"{done.files} files, {done.size / 2**20:.1f} MB, copied to {place}, and used there now\n")
    out(f"those at {done.former} stay; remove them when a backup of the new place is made\n")
    for name in done.damaged:
        out(f"damaged: {name}: awe-admin fsck\n")
    return 1 if done.damaged else 0


def _pack(chosen: argparse.Namespace) -> int:
    house = Installation()
    done = compaction.turn(house, undo=chosen.undo, most=chosen.most, say=say)
    what = "are as they came again" if chosen.undo else "are packed now"
    out(f"{done.files} raw frames {what}, {abs(done.saved) / 2**20:.1f} MB ")
    out("more" if chosen.undo else "less")
    out(f"; {done.others} were so or are not worth it\n")
    for line in done.damaged:
        out(f"damaged: {line}: awe-admin fsck\n")
    return 1 if done.damaged else 0


def _login(_: argparse.Namespace) -> None:
    house = Installation()
    record = record_of(house.home)
    if not str(record.get("place", "")).startswith("s3"):
        msg = f"the files of {house.home} are not in an S3 store; awe-admin store tells where"
        raise NotFound(msg)
    kept = {k: v for k, v in record["options"].items() if k not in LOGIN.values()}
    options = {**kept, **_credentials()}
    open_store(house.home, record["place"], options)
    with stack.replacing_server(house):
        records.write(house.home, RECORD, {**record, "options": options})
    out(f"{record['place']} answers to this login; awe-server uses it now\n")


def _options(chosen: argparse.Namespace, place: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for text in chosen.option:
        name, equal, value = text.partition("=")
        if not equal or not name.isidentifier():
            msg = f"--option {text!r}: expected NAME=VALUE, such as anon=true"
            raise ArgumentError(msg)
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    if chosen.endpoint:
        options["endpoint_url"] = chosen.endpoint
    if options and "://" not in place:
        msg = f"{place} is a folder, which has no options; leave --option and --endpoint away"
        raise ArgumentError(msg)
    if place.startswith("s3") and "key" not in options and not options.get("anon"):
        options |= _credentials()
    return options


def _credentials() -> dict[str, str]:
    """Return key and secret: of the environment, or typed; none where the machine has a role."""
    found = {name: os.environ[variable] for variable, name in LOGIN.items()
             if os.environ.get(variable)}  # fmt: skip
    if found or not sys.stdin.isatty():
        return found
    key = input("access key id (empty: what ~/.aws or the machine's role has): ").strip()
    return {"key": key, "secret": getpass.getpass("secret: ")} if key else {}
