"""The small model, with tables in the database of the test and out of the registry afterwards."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from awe.config import Environment
from awe.db.declare import registry
from awe.db.schema import tables
from awe.db.server import scope
from awe.db.server.connection import database


def _scope(db: Any, person: str, project: str, privileges: int) -> scope.Scope:
    role = db.user(person)
    user_id = db.rows("superuser", "SELECT id FROM awe.users WHERE role_name = %s", role)[0][0]
    found = db.rows("superuser", "SELECT id FROM awe.project WHERE name = %s", project)
    return scope.Scope(
        user_id=user_id, user_name=role.upper(), project_id=found[0][0], project_name=project,
        privileges=privileges,
    )  # fmt: skip


class Login:
    """Lets a test become one person after the other."""

    def __init__(self, db: Any) -> None:
        self.db = db

    def __call__(
        self, person: str = "student", project: str = "TUTORIAL2015", privileges: int = 1,
        **more: str,
    ) -> scope.Scope:  # fmt: skip
        database.connect(Environment.load(**self.db.environment(person, **more)))
        current = _scope(self.db, person, project, privileges)
        scope.use(current)
        return current


@pytest.fixture
def model(db: Any) -> Iterator[Any]:
    module = importlib.import_module("tests.db.model")
    for cls in module.CLASSES:
        cls.__installed__ = True
        registry.enter(cls, abstract=False)
    for cls in module.ABSTRACT:
        registry.enter(cls, abstract=True)
    connection = db.superuser()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE awe_owner")
        for statement in tables.ddl(module.CLASSES):
            cursor.execute(statement)
    yield module
    for cls in (*module.CLASSES, *module.ABSTRACT):
        registry.declared.pop(cls.__name__, None)
        registry.registry.pop(cls.__name__, None)


@pytest.fixture
def login(db: Any) -> Iterator[Login]:
    yield Login(db)
    database.close()
    scope.use(None)
