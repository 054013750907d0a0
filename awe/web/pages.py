"""The routes of the pages, and what they need of the process they are in.

Pages are made on the server; every one of them shows what the database shows the visitor, and
changes what it lets the visitor change.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
from starlette.routing import Route

from awe.config import Environment
from awe.dataserver.authorisation import Permits
from awe.web import browsing, entry, intentions, membership, runs, validities
from awe.web.assets import asset
from awe.web.object import object_page
from awe.web.sessions import Sessions
from awe.web.view import polite, view
from awe.web.visitors import Visitors

__all__ = ["pages"]

#: Pages that are made at the same time; files have threads of their own.
THREADS = 8

_own = partial(view, login=True)


def pages(permits: Permits, environment: Environment) -> dict[str, Any]:
    """Return what the application of the dataserver needs to have these pages.

    Parameters
    ----------
    permits : Permits
        Judge of who may read and write.
    environment : Environment
        Where the database is, with the login of whoever is not logged in.
    """
    sessions = Sessions()
    return {
        "routes": _ROUTES,
        "visitors": Visitors(permits, environment),
        "sessions": sessions,
        "session_of": sessions.of,
        "page_threads": anyio.CapacityLimiter(THREADS),
    }


_JUDGED = "/calibrations/{class_name}/{object_id}"
_ROUTES = [
    Route("/", view(entry.home), methods=["GET"]),
    Route("/static/{name}", asset, methods=["GET"]),
    Route("/login", polite(entry.login, entry.USED), methods=["GET"]),
    Route("/login", polite(entry.enter, entry.USED), methods=["POST"]),
    Route("/logout", view(entry.leave), methods=["POST"]),
    Route("/scope", _own(entry.choose_project), methods=["POST"]),
    Route("/jobs", _own(runs.jobs_page), methods=["GET"]),
    Route("/jobs/{job}", _own(runs.job), methods=["GET"]),
    Route("/jobs/{job}/cancel", _own(runs.cancel), methods=["POST"]),
    Route("/jobs/{job}/retry", _own(runs.retry), methods=["POST"]),
    Route("/members", _own(membership.members_page), methods=["GET"]),
    Route("/objects", view(browsing.classes_page), methods=["GET"]),
    Route("/objects/{class_name}", view(browsing.objects_page), methods=["GET"]),
    Route("/objects/{class_name}/table.{format}", view(browsing.table_file), methods=["GET"]),
    Route("/object/{class_name}/{object_id}", view(object_page), methods=["GET"]),
    Route("/calibrations", view(validities.calibrations_page), methods=["GET"]),
    Route(_JUDGED, view(validities.change_page), methods=["GET"]),
    Route(_JUDGED, _own(validities.change), methods=["POST"]),
    Route("/targets", view(intentions.targets_page), methods=["GET"]),
    Route("/targets", _own(intentions.make), methods=["POST"]),
    Route("/runs/{run}", _own(runs.run_page), methods=["GET"]),
    Route("/runs/{run}/cancel", _own(runs.cancel_run), methods=["POST"]),
]
