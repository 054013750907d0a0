"""A scientist with a camera of one's own: its description, a project, and a dataserver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dataservers import Dataserver

from awe.config import Environment
from awe.context import context
from awe.db.server.connection import database

#: what exposures are taken for, by the words of many programs for small cameras
PURPOSES = """
[[purpose]]
is = "bias"
IMAGETYP = "Bias Frame"
[[purpose]]
is = "dome"
IMAGETYP = "Flat Field"
[[purpose]]
is = "science"
IMAGETYP = "Light Frame"
"""


@contextmanager
def observing(db, home, monkeypatch, name: str, description: str | None) -> Iterator[None]:
    """Connect as one who has a camera described in `home`, or one that comes with awe."""
    server = Dataserver.start(db, home / "files")
    monkeypatch.setenv("AWE_HOME", str(home))
    if description is not None:
        (home / "instruments").mkdir()
        (home / "instruments" / f"{name.lower()}.toml").write_text(description)
    settings = db.environment("scientist", data_port=str(server.port), privileges="1")
    context.start(Environment.load(**settings))
    project = f"{name}@HOME"
    db.rows("superuser", f"SELECT awe.project_create('{project}', '', '{name}', true, 4, 1)")
    context.set_project(project)
    # products are written where one stands
    monkeypatch.chdir(home)
    try:
        yield
    finally:
        database.close()
        server.stop()
