"""The page `/members`: how far the members of the projects are that one manages."""

from __future__ import annotations

from starlette.responses import Response

from awe.db.rights import projects
from awe.db.server import scope
from awe.errors import ProjectUnknown
from awe.rules.headway import progress
from awe.web.view import Look

__all__ = ["members_page"]


def members_page(look: Look) -> Response:
    """Return what each member of a project has made and shared."""
    managed = [one.name for one in projects.my_projects() if one.is_manager]
    mine = [one.name for one in projects.my_projects() if one.is_member]
    likely = [one for one in (scope.current().project_name, *managed) if one in mine] or mine
    name = look.query.get("project") or next(iter(likely), "")
    trouble, found = "", None
    try:
        found = progress(name) if name else None
    except ProjectUnknown as error:
        trouble = str(error)
    return look.page(
        "members.html", 404 if trouble else 200,
        title=f"Members of {name}" if found else "Members", project=name, projects=mine,
        found=found, trouble=trouble, manages=name in managed,
    )  # fmt: skip
