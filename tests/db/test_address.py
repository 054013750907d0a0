"""`database_name` is read in one way, whoever reads it."""

from __future__ import annotations

import pytest

from awe.config import DATABASE
from awe.db.server.address import Address, connection_arguments
from awe.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "host", "port", "database"),
    [
        ("localhost/awe", "localhost", 5432, "awe"),
        ("db.example.org:6000/awe", "db.example.org", 6000, "awe"),
        ("10.1.2.3:1/a", "10.1.2.3", 1, "a"),
        ("/run/awe:5433/awe", "/run/awe", 5433, "awe"),
        ("/run/awe/awe", "/run/awe", 5432, "awe"),
        ("/run/a:b:5432/awe", "/run/a:b", 5432, "awe"),
        ("/run/of awe/x.y:65535/awe test", "/run/of awe/x.y", 65535, "awe test"),
        ("::1/awe", "::1", 5432, "awe"),
        ("fe80::a:5432/awe", "fe80::a:5432", 5432, "awe"),
        ("[::1]:6000/awe", "::1", 6000, "awe"),
        ("[::1]/awe", "::1", 5432, "awe"),
        (":6000/awe", "localhost", 6000, "awe"),
        ("/awe", "localhost", 5432, "awe"),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int, database: str) -> None:
    assert DATABASE.accepts(text)
    assert Address.parse(text) == Address(host=host, port=port, database=database)
    told = connection_arguments(text, "me", "secret")
    where = {"host": host, "port": port, "dbname": database}
    assert told == {**where, "user": "me", "password": "secret"}


@pytest.mark.parametrize(
    "text",
    ["", "awe", "host:5432", "host/", "host:port/awe", "host:0/awe", "host:65536/awe",
     "host:5432 /awe", "host:-1/awe", "host:٣/awe", "a/b/c"],
)  # fmt: skip
def test_what_is_not_an_address_is_refused_and_named(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Address.parse(text)
    assert str(refused.value) == f"database_name is {text!r}, expected host[:port]/database"
