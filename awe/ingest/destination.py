"""Into which project frames go: one of their camera, never silently another's."""

from __future__ import annotations

from awe.db.rights import projects
from awe.errors import ProjectUnknown

__all__ = ["of"]


def of(camera: str) -> str:
    """Return the project that frames of a camera go into, if nobody named one.

    The current project if it is for this camera or for any, else the only one of yours that is.

    Parameters
    ----------
    camera : str
        Name of the instrument.

    Raises
    ------
    ProjectUnknown
        There is no such project, or several are.
    """
    current = projects.current_project()
    if not current.is_query_only and (current.instrument or camera) == camera:
        return current.name
    mine = [
        project.name for project in projects.my_projects()
        if project.instrument == camera and not project.is_query_only
    ]  # fmt: skip
    if len(mine) == 1:
        return mine[0]
    for_whom = f"is for {current.instrument}" if current.instrument else "takes no new objects"
    what = (
        f"choose one of yours, {' or '.join(mine)}, with --project"
        if mine
        else f"make one, awe-admin project add NAME --instrument {camera} --public, or choose one "
        "with --project"
    )
    msg = f"project {current.name} {for_whom}, the frames are of {camera}: {what}"
    raise ProjectUnknown(msg)
