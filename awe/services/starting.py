"""Starting what an installation lacks: database, awe-server and keeper, one at a time.

Whoever calls holds the lock of the installation. Nothing here decides whether it should run:
`awe.services.stack` does.
"""

from __future__ import annotations

import time
from contextlib import closing

from awe.config import Environment
from awe.db.rights import people
from awe.db.schema import install as schema
from awe.errors import ServiceDown
from awe.model import released
from awe.services import belonging
from awe.services.cluster import ClusterSettings
from awe.services.installation import COMMANDS, Installation
from awe.services.logins import register_owner, superuser
from awe.services.process import Identity, Progress, detach, end, identify, impersonal

__all__ = ["end_moved", "end_server", "settle", "start_missing"]

SERVICE_ROLES = ("awe_dataserver", "awe_runner", "awe_pages")


def settle(house: Installation, say: Progress) -> None:
    """Let a moved home go on, and refuse one that may not use its database."""
    if belonging.adopts_itself(house.home):
        end_moved(house)
        say(belonging.adopt(house.home))
    belonging.require(house.home)


def start_missing(house: Installation, say: Progress, *, thorough: bool = False) -> None:
    """Start each service that does not run, and replace an awe-server of before an upgrade."""
    running = house.process("server") is not None
    old = house.outdated(thorough=thorough)
    if running and not old and house.all_alive:
        return
    _start_cluster(house, say)
    if running and old:
        say("replacing the awe-server of before the upgrade")
        end_server(house)
    _start_server(house, say)
    _start_keeper(house)


def end_server(house: Installation) -> None:
    """End awe-server and the keeper that would bring it back."""
    # The keeper first, or it would start the server again.
    for name in ("keeper", "server"):
        found = house.process(name)
        if found is not None:
            end(found, patience=30.0)


def end_moved(house: Installation) -> None:
    """End what still runs of a home that was moved under its services: they know the old place."""
    state = house.state
    for name in ("keeper", "server"):
        found = Identity.from_record(state.get(name))
        if found is not None and found.alive:
            end(found, patience=30.0)
    house.cluster.stop()
    house.note_all({})


def _start_cluster(house: Installation, say: Progress) -> None:
    cluster = house.cluster
    cluster.settings = ClusterSettings(temp_file_limit=Environment.load().query_disk.upper())
    fresh = not cluster.record.exists()
    say("making the database" if fresh else "starting the database")
    running = cluster.start()
    known = house.secrets
    for role in SERVICE_ROLES:
        known.setdefault(role, people.new_password())
    # Before the database gets them: a start that breaks off here is repeated with the same ones.
    house.keep_secrets(known)
    schema.install(cluster.superuser(), {role: known[role] for role in SERVICE_ROLES})
    with closing(superuser(house)) as connection:
        belonging.sign(house.home, connection)
        register_owner(house.home, connection)
        released.enter_missing(connection)
    house.note_endpoints(database_name=cluster.endpoint)
    state = {**house.state, "cluster": running.to_record(), "home": str(house.home.resolve())}
    state.pop("stopped", None)
    house.note_all(state)


def _start_server(house: Installation, say: Progress) -> None:
    if house.process("server") is not None:
        return
    say("starting the dataserver")
    log = house.services / "server.log"
    offset = log.stat().st_size if log.exists() else 0
    child = detach(
        COMMANDS["server"], log=log, environment=impersonal(house.home), directory=house.home
    )
    while child.poll() is None:
        found = Identity.from_record(house.state.get("server"))
        # The server writes its record when it listens and the database knows where.
        if found is not None and found.pid == child.pid:
            return
        time.sleep(0.02)
    said = log.read_bytes()[offset:].decode(errors="replace").splitlines()
    reason = said[-1] if said else "it said nothing"
    msg = f"awe-server does not start: {reason}; its log is {log}"
    raise ServiceDown(msg)


def _start_keeper(house: Installation) -> None:
    if house.process("keeper") is not None:
        return
    child = detach(
        COMMANDS["keeper"], log=house.services / "keeper.log",
        environment=impersonal(house.home), directory=house.home,
    )  # fmt: skip
    found = identify(child.pid)
    if found is not None:
        house.note(keeper=found.to_record())
