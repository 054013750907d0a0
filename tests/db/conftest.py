"""The small model, with tables in the database of the test and out of the registry afterwards."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from databases import Pool

from awe.config import Environment
from awe.db.declare import registry
from awe.db.schema import install as schema
from awe.db.schema import tables
from awe.db.server import scope
from awe.db.server.connection import database
from awe.services.cluster import Cluster
from tests.conftest import taken


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


@contextmanager
def entered() -> Iterator[Any]:
    """The small model in the registry, and out of it again."""
    module = importlib.import_module("tests.db.model")
    for cls in module.CLASSES:
        cls.__installed__ = True
        registry.enter(cls, abstract=False)
    for cls in module.ABSTRACT:
        registry.enter(cls, abstract=True)
    yield module
    for cls in (*module.CLASSES, *module.ABSTRACT):
        registry.declared.pop(cls.__name__, None)
        registry.registry.pop(cls.__name__, None)


@pytest.fixture(scope="session")
def model_pool(cluster: Cluster, template: str) -> Pool:
    """Copies of a template that has the tables of the small model, too."""
    name = f"{template}_model"
    schema.create_database(cluster.superuser(), name, template=template)
    connection = psycopg2.connect(**cluster.superuser(name))
    with entered() as module, closing(connection), connection, connection.cursor() as cursor:
        cursor.execute("SET ROLE awe_owner")
        for statement in tables.ddl(module.CLASSES):
            cursor.execute(statement)
    return Pool(cluster, name)


@pytest.fixture
def db(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A database as new; with the tables of the small model for the tests that use it."""
    wanted = "model_pool" if "model" in request.fixturenames else "pool"
    with taken(request.getfixturevalue(wanted)) as database:
        yield database


@pytest.fixture
def model(db: Any) -> Iterator[Any]:
    with entered() as module:
        yield module


@pytest.fixture
def login(db: Any) -> Iterator[Login]:
    yield Login(db)
    database.close()
    scope.use(None)
