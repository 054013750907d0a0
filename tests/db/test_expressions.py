"""Random expressions over random data give exactly what plain Python gives, with missing values.

AWE_TEST_EXPRESSIONS sets how many are tried.
"""

from __future__ import annotations

import datetime
import itertools
import operator
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awe.db.objects.commit import commit_all

EXPRESSIONS = int(os.environ.get("AWE_TEST_EXPRESSIONS", "150"))

OPERATORS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
DAY = datetime.datetime(2012, 6, 1)
POOLS: dict[str, list[Any]] = {
    "name": ["a", "ab", "a_b", "a%b", "B", "é", "", "a\\b", "x*y"],
    "exposure": [0.0, -1.5, 30.0, 1e300, float("inf")],
    "number": [0, 1, -7, 2**40, 30],
    "good": [True, False],
    "taken": [DAY, DAY + datetime.timedelta(hours=1), DAY + datetime.timedelta(days=400)],
    "wavelength": [0.0, 30.0, 620.0],
    "level": [0.0, 1.0, 30.0],
}
PATTERNS = ["*", "a*", "?", "a?b", "*b", "a_b", "a%*", "", "*\\*", "é*", "x?y", "??*"]
PLATE_PATHS = [
    "name", "exposure", "number", "good", "taken", "tint.name", "tint.wavelength", "twin.name",
    "twin.number", "twin.tint.name", "best.level", "best.first.name", "twin.twin.exposure",
]  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """A query, and the same question asked of one object in plain Python."""

    text: str
    query: Callable[[Any], Any]
    holds: Callable[[Any], bool]

    def __repr__(self) -> str:
        return self.text


def path_of(cls: Any, path: str) -> Any:
    for name in path.split("."):
        cls = getattr(cls, name)
    return cls


def value_of(item: Any, path: str) -> Any:
    for name in path.split("."):
        if item is None:
            return None
        item = getattr(item, name)
    return item


def compare(sign: str, left: Any, right: Any) -> bool:
    """One rule: a missing value makes a comparison false; != is the opposite of ==."""
    if sign == "!=":
        return not compare("==", left, right)
    if left is None or right is None:
        return sign == "==" and left is None and right is None
    return bool(OPERATORS[sign](left, right))


@st.composite
def comparisons(draw: Any) -> Expression:
    path = draw(st.sampled_from(PLATE_PATHS))
    sign = draw(st.sampled_from(sorted(OPERATORS)))
    choices = POOLS[path.split(".")[-1]]
    value = draw(st.sampled_from([*choices, None] if sign in ("==", "!=") else choices))
    return Expression(
        f"(Plate.{path} {sign} {value!r})",
        lambda m: OPERATORS[sign](path_of(m.Plate, path), value),
        lambda o: compare(sign, value_of(o, path), value),
    )


@st.composite
def memberships(draw: Any) -> Expression:
    path = draw(st.sampled_from(PLATE_PATHS))
    pool = [*POOLS[path.split(".")[-1]], None]
    values = draw(st.lists(st.sampled_from(pool), max_size=3))
    return Expression(
        f"Plate.{path}.isin({values!r})",
        lambda m: path_of(m.Plate, path).isin(values),
        lambda o: value_of(o, path) in values,
    )


@st.composite
def patterns(draw: Any) -> Expression:
    path = draw(st.sampled_from(["name", "tint.name", "twin.name"]))
    pattern = draw(st.sampled_from(PATTERNS))
    translated = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    matches = re.compile(translated, re.DOTALL)
    return Expression(
        f"Plate.{path}.like({pattern!r})",
        lambda m: path_of(m.Plate, path).like(pattern),
        lambda o: value_of(o, path) is not None and bool(matches.fullmatch(value_of(o, path))),
    )


@st.composite
def pairs(draw: Any) -> Expression:
    left, right = draw(st.sampled_from(
        [("exposure", "number"), ("name", "twin.name"), ("tint.wavelength", "twin.exposure"),
         ("tint.name", "twin.tint.name"), ("taken", "twin.taken")]
    ))  # fmt: skip
    sign = draw(st.sampled_from(sorted(OPERATORS)))
    return Expression(
        f"(Plate.{left} {sign} Plate.{right})",
        lambda m: OPERATORS[sign](path_of(m.Plate, left), path_of(m.Plate, right)),
        lambda o: compare(sign, value_of(o, left), value_of(o, right)),
    )


@st.composite
def arrays(draw: Any) -> Expression:
    value = draw(st.integers(0, 3))
    if draw(st.booleans()):
        return Expression(
            f"Plate.marks.contains({value})",
            lambda m: m.Plate.marks.contains(value),
            lambda o: value in o.marks,
        )
    sign = draw(st.sampled_from(sorted(OPERATORS)))
    return Expression(
        f"(Plate.marks.count() {sign} {value})",
        lambda m: OPERATORS[sign](m.Plate.marks.count(), value),
        lambda o: OPERATORS[sign](len(o.marks), value),
    )


@st.composite
def links(draw: Any) -> Expression:
    name = draw(st.sampled_from(["tint", "twin", "best", "best.first", "twin.tint"]))
    if draw(st.booleans()):
        sign = draw(st.sampled_from(["==", "!="]))
        return Expression(
            f"(Plate.{name} {sign} None)",
            lambda m: OPERATORS[sign](path_of(m.Plate, name), None),
            lambda o: compare(sign, value_of(o, name), None),
        )
    low = draw(st.sampled_from(POOLS["wavelength"]))
    return Expression(
        f"Plate.tint.isin(Tint.wavelength > {low})",
        lambda m: m.Plate.tint.isin(m.Tint.wavelength > low),
        lambda o: compare(">", value_of(o, "tint.wavelength"), low),
    )


def combined(inner: Any) -> Any:
    return st.one_of(
        st.builds(
            lambda a, b: Expression(
                f"({a} & {b})",
                lambda m: a.query(m) & b.query(m),
                lambda o: a.holds(o) and b.holds(o),
            ),
            inner, inner,
        ),
        st.builds(
            lambda a, b: Expression(
                f"({a} | {b})",
                lambda m: a.query(m) | b.query(m),
                lambda o: a.holds(o) or b.holds(o),
            ),
            inner, inner,
        ),
        st.builds(
            lambda a: Expression(f"~{a}", lambda m: ~a.query(m), lambda o: not a.holds(o)), inner
        ),
    )  # fmt: skip


ATOMS = st.one_of(comparisons(), memberships(), patterns(), pairs(), arrays(), links())
PLATES = st.recursive(ATOMS, combined, max_leaves=5)


@st.composite
def of_lists(draw: Any) -> Expression:
    """Questions about the plates of a stack."""
    kind = draw(st.sampled_from(["any", "all", "count", "through", "first", "none"]))
    if kind == "count":
        number = draw(st.integers(0, 3))
        sign = draw(st.sampled_from(sorted(OPERATORS)))
        return Expression(
            f"(Stack.plates.count() {sign} {number})",
            lambda m: OPERATORS[sign](m.Stack.plates.count(), number),
            lambda o: OPERATORS[sign](len(o.plates), number),
        )
    if kind == "through":
        path = draw(st.sampled_from(["name", "tint.name", "twin.exposure"]))
        sign = draw(st.sampled_from(["==", "<", ">="]))
        value = draw(st.sampled_from(POOLS[path.split(".")[-1]]))
        return Expression(
            f"(Stack.plates.{path} {sign} {value!r})",
            lambda m: OPERATORS[sign](path_of(m.Stack.plates, path), value),
            lambda o: any(compare(sign, value_of(p, path), value) for p in o.plates),
        )
    if kind == "none":
        path = draw(st.sampled_from(["name", "tint", "tint.name"]))
        return Expression(
            f"(Stack.plates.{path} == None)",
            lambda m: path_of(m.Stack.plates, path) == None,  # noqa: E711
            lambda o: any(value_of(p, path) is None for p in o.plates),
        )
    inner = draw(PLATES)
    if kind == "first":
        return Expression(
            f"Stack.first.isin({inner})",
            lambda m: m.Stack.first.isin(inner.query(m)),
            lambda o: o.first is not None and inner.holds(o.first),
        )
    if kind == "any":
        return Expression(
            f"Stack.plates.any({inner})",
            lambda m: m.Stack.plates.any(inner.query(m)),
            lambda o: any(inner.holds(p) for p in o.plates),
        )
    return Expression(
        f"Stack.plates.all({inner})",
        lambda m: m.Stack.plates.all(inner.query(m)),
        lambda o: all(inner.holds(p) for p in o.plates),
    )


STACKS = st.recursive(of_lists(), combined, max_leaves=4)


@pytest.fixture
def world(model: Any, login: Any) -> Any:
    """Committed random objects, a third of all values missing."""
    login()
    dice = random.Random(20120601)

    def pick(name: str) -> Any:
        return dice.choice([*POOLS[name], None, None])

    tints = [model.Tint(name=name, wavelength=pick("wavelength")) for name in POOLS["name"]]
    commit_all(tints)
    plates: list[Any] = []
    stacks: list[Any] = []
    for _ in range(60):
        plate = model.Plate(
            marks=[dice.randrange(4) for _ in range(dice.randrange(4))],
            tint=dice.choice([*tints, None]),
            twin=dice.choice([*plates, None, None]),
            best=dice.choice([*stacks, None, None]),
            **{name: pick(name) for name in ("name", "exposure", "number", "good", "taken")},
        )
        plates.append(plate)
        if dice.random() < 0.5:
            chosen = [dice.choice(plates) for _ in range(dice.randrange(4))]
            stacks.append(
                model.Stack(
                    plates=list(dict.fromkeys(chosen)), level=pick("level"),
                    first=dice.choice([*plates, None]),
                )
            )  # fmt: skip
    commit_all(itertools.chain(plates, stacks))
    model.plates, model.stacks = plates, stacks
    return model


SETTINGS = settings(
    max_examples=EXPRESSIONS, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@given(expression=PLATES)
@SETTINGS
def test_queries_on_values_and_links_agree_with_python(world: Any, expression: Expression) -> None:
    found = list(expression.query(world))
    assert len(found) == len(set(found))
    assert set(found) == {plate for plate in world.plates if expression.holds(plate)}


@given(expression=STACKS)
@SETTINGS
def test_queries_on_lists_agree_with_python(world: Any, expression: Expression) -> None:
    assert set(expression.query(world)) == {s for s in world.stacks if expression.holds(s)}
