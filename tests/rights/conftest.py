"""The attacks' own way of making objects, and people who log in, in a database of the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from maker import Maker

from awe.config import Environment
from awe.context import context
from awe.db.server import scope
from awe.db.server.connection import database


@pytest.fixture
def maker(db) -> Maker:
    return Maker(db)


@pytest.fixture
def become(db) -> Iterator[Callable[..., None]]:
    """A function that starts a session as one of the people."""

    def start(person: str, **more: Any) -> None:
        context.start(Environment.load(**db.environment(person, **more)))

    yield start
    database.close()
    scope.use(None)
