"""From conditions to SQL text with bound values.

Owns the rules that keep queries honest and fast. Honest: a condition is true or false, never
unknown, so a negation is written `(...) IS NOT TRUE`; a link that is missing, or that one may not
see, has no value. Fast under row-level security: bare columns against leakproof operators, and
names of reference objects resolved once, as subqueries that do not depend on the row. Identifiers
come from the declarations only, values are always bound. It runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from awe.db.declare import registry
from awe.db.declare.attributes import Kind, Persistent
from awe.db.declare.entity import Entity
from awe.db.query import footprint, patterns, sky
from awe.db.query.conditions import (
    And,
    Any_,
    Compare,
    CompareCount,
    ComparePaths,
    Condition,
    Everything,
    Holds,
    InRegion,
    IsNone,
    Like,
    Not,
    OneOf,
    Or,
    Running,
    Steps,
    Within,
)
from awe.db.query.sky import Region
from awe.errors import Defect, QueryError

__all__ = ["Compiler", "Source", "column", "link_table", "quoted", "table"]

OPERATORS = {"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

#: Where a word begins inside a class name: BiasFrame, CCDChip.
WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Picks = Literal["one", "few", "many"]

#: Makes the condition on the last attribute of a path, given the alias and class it belongs to.
Leaf = Callable[[str, type[Entity], Persistent[Any]], str]


def quoted(name: str) -> str:
    """Return an identifier in quotes; names come from declarations, never from values."""
    if not name.isidentifier() or not name.isascii():
        msg = f"{name!r} cannot name a table or column"
        raise Defect(msg)
    return f'"{name}"'


def standard_name(cls: type[Entity]) -> str:
    """Return the name of the table of an installed class: its name in snake case."""
    return WORD_STARTS.sub("_", cls.__name__).lower()


def table_name(cls: type[Entity]) -> str:
    """Return the name of the table of a class; one of the user's own is made on first use."""
    return cls._table_name()


def table(cls: type[Entity], name: Callable[[type[Entity]], str] = table_name) -> str:
    """Return the table of a class as it is written in SQL."""
    return f"awe.{quoted(name(cls))}"


def link_table(
    cls: type[Entity],
    attribute: Persistent[Any],
    name: Callable[[type[Entity]], str] = table_name,
) -> str:
    """Return the table that holds a list of links."""
    return f"awe.{quoted(f'{name(cls)}__{attribute.column}')}"


def column(attribute: Persistent[Any], alias: str) -> str:
    """Return a column as it is written in SQL."""
    return f"{alias}.{quoted(attribute.column)}"


class Source:
    """One table in a FROM clause, with the linked tables joined to it.

    Joins are outer joins on the primary key of the linked table: they never change the number
    of rows, they only give the values at the end of a path.
    """

    def __init__(self, compiler: Compiler, cls: type[Entity]) -> None:
        self.cls = cls
        self.alias = compiler.alias()
        self._compiler = compiler
        self._joins: dict[Steps, str] = {}
        self._clauses: list[str] = []

    @property
    def text(self) -> str:
        """The FROM clause, without the word."""
        return " ".join([f"{table(self.cls)} {self.alias}", *self._clauses])

    def value(self, steps: Steps) -> str:
        """Return the expression for the value at the end of a path without lists."""
        alias = self.alias
        for length in range(1, len(steps)):
            alias = self._join(steps[:length], alias)
        return column(steps[-1], alias)

    def _join(self, steps: Steps, before: str) -> str:
        if steps not in self._joins:
            link = steps[-1]
            targets = registry.concrete(link.target)
            if len(targets) != 1:
                msg = (
                    f"{link.name} links to objects of several classes "
                    f"({link.target.__name__}); ask for one of its values in a comparison only"
                )
                raise QueryError(msg)
            alias = self._compiler.alias()
            self._joins[steps] = alias
            self._clauses.append(
                f"LEFT JOIN {table(targets[0])} {alias} "
                f"ON {alias}.object_id = {column(link, before)}"
            )
        return self._joins[steps]


class Compiler:
    """Builds one statement: hands out aliases and collects the values to bind."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._aliases = 0

    def alias(self) -> str:
        """Return a table alias not used yet."""
        self._aliases += 1
        return f"t{self._aliases}"

    def bind(self, value: Any) -> str:
        """Bind a value and return its place in the text."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def where(self, source: Source, condition: Condition) -> str:
        """Return a condition on the rows of a source as SQL."""
        if isinstance(condition, Everything):
            return "TRUE"
        if isinstance(condition, And | Or):
            word = " AND " if isinstance(condition, And) else " OR "
            parts = [self.where(source, part) for part in condition.parts]
            return f"({word.join(parts)})"
        if isinstance(condition, Not):
            return self._negated(source, condition.part)
        return self._atom(source, condition)

    def _negated(self, source: Source, condition: Condition) -> str:
        """Negate by moving inwards, so that whole conditions keep their indexes."""
        if isinstance(condition, Not):
            return self.where(source, condition.part)
        # De Morgan holds here because no part is ever unknown: each atom below is negated by
        # IS NOT TRUE, which makes NULL count as false before it is turned round.
        if isinstance(condition, And | Or):
            word = " OR " if isinstance(condition, And) else " AND "
            parts = [self._negated(source, part) for part in condition.parts]
            return f"({word.join(parts)})"
        if isinstance(condition, IsNone) and len(condition.steps) == 1:
            return f"{column(condition.steps[0], source.alias)} IS NOT NULL"
        return f"({self.where(source, condition)}) IS NOT TRUE"

    def _atom(self, source: Source, condition: Condition) -> str:
        if isinstance(condition, ComparePaths):
            left = source.value(condition.steps)
            right = source.value(condition.other)
            if condition.operator == "==":
                return f"({left} IS NOT DISTINCT FROM {right})"
            return f"({left} {OPERATORS[condition.operator]} {right})"
        if isinstance(condition, IsNone):
            return self._is_none(source.alias, source.cls, condition.steps)
        leaf = self._leaf(condition)
        steps: Steps = condition.steps  # type: ignore[attr-defined]
        return self._walk(source.alias, source.cls, steps, leaf, _picks(condition))

    # -- the last attribute ------------------------------------------------------------------

    def _leaf(self, condition: Condition) -> Leaf:
        if isinstance(condition, Compare):
            return self._simple_leaf(OPERATORS[condition.operator], self.bind(condition.value))
        if isinstance(condition, OneOf):
            if not condition.values:
                return lambda alias, cls, last: "FALSE"
            return self._simple_leaf("=", f"ANY({self.bind(list(condition.values))})")
        if isinstance(condition, Within):
            return self._simple_leaf("IN", f"({condition.query._ids(self)})")
        if isinstance(condition, Holds):
            place = self.bind(condition.value)
            return lambda alias, cls, last: f"{place} = ANY({column(last, alias)})"
        if isinstance(condition, Like):
            return self._like_leaf(condition)
        if isinstance(condition, InRegion):
            return self._sky_leaf(condition.region)
        if isinstance(condition, Running):
            return self._running_leaf(condition)
        if isinstance(condition, Any_):
            return self._any_leaf(condition.condition)
        if isinstance(condition, CompareCount):
            return self._count_leaf(OPERATORS[condition.operator], self.bind(condition.value))
        msg = f"no rule for the condition {type(condition).__name__}"
        raise Defect(msg)

    def _simple_leaf(self, sign: str, right: str) -> Leaf:
        def leaf(alias: str, cls: type[Entity], last: Persistent[Any]) -> str:
            if last.kind is not Kind.LINKS:
                return f"{column(last, alias)} {sign} {right}"
            # A subquery and not a join: an object whose list fits twice is still one row.
            owners = f"SELECT owner FROM {link_table(cls, last)} WHERE target {sign} {right}"
            return f"{alias}.object_id IN ({owners})"

        return leaf

    def _like_leaf(self, condition: Like) -> Leaf:
        pattern = condition.pattern
        # The planner uses an index under row-level security only for leakproof operators, since
        # any other might reveal hidden rows before the policy has dropped them. `=` and `^@` are
        # leakproof, LIKE and ~ are not: what a pattern begins with is therefore asked apart.
        if condition.ignore_case:
            return self._simple_leaf("~*", self.bind(patterns.regex(pattern)))
        prefix = patterns.beginning(pattern)
        if prefix == pattern:
            return self._simple_leaf("=", self.bind(pattern))
        if prefix and pattern == prefix + "*":
            return self._simple_leaf("^@", self.bind(prefix))
        sign, text = "LIKE", patterns.sql_like(pattern)
        if text is None:
            sign, text = "~", patterns.regex(pattern)
        matches = self._simple_leaf(sign, self.bind(text))
        if not prefix:
            return matches
        begins = self._simple_leaf("^@", self.bind(prefix))
        return lambda *place: f"({begins(*place)} AND {matches(*place)})"

    def _sky_leaf(self, region: Region) -> Leaf:
        def leaf(alias: str, cls: type[Entity], last: Persistent[Any]) -> str:
            if footprint.has_footprint(cls):
                cell, ranges = f"{alias}.{quoted(footprint.CELL)}", footprint.ranges(region)
                exact = region.meets(f"{alias}.{quoted(footprint.CORNERS)}", self.bind)
            else:
                cell, ranges = f"{alias}.{quoted(sky.COLUMN)}", region.ranges()
                ra, dec = (column(cls._attribute(name), alias) for name in cls.__sky__)
                exact = region.exact(ra, dec, self.bind)
            near = [
                f"{cell} BETWEEN {self.bind(low)} AND {self.bind(high)}" for low, high in ranges
            ]
            # The server may try conditions in any order, and sin(infinity) is an error.
            return (
                f"(({' OR '.join(near)}) "
                f"AND CASE WHEN {cell} IS NULL THEN FALSE ELSE {exact} END)"
            )

        return leaf

    def _running_leaf(self, condition: Running) -> Leaf:
        start, end = self.bind(condition.start), self.bind(condition.end)

        def leaf(alias: str, cls: type[Entity], last: Persistent[Any]) -> str:
            begin, length = column(last, alias), column(condition.length, alias)
            # what began earlier is seldom there still, and no interval holds an infinite length
            ends = f"{begin} + make_interval(secs => least({length}, 1e9))"
            return f"({begin} < {end} AND ({begin} >= {start} OR {ends} > {start}))"

        return leaf

    def _any_leaf(self, condition: Condition) -> Leaf:
        def leaf(alias: str, cls: type[Entity], last: Persistent[Any]) -> str:
            def inner(target: Source) -> str:
                return self.where(target, condition)

            return self._through(alias, cls, last, inner, "join")

        return leaf

    def _count_leaf(self, sign: str, place: str) -> Leaf:
        def leaf(alias: str, cls: type[Entity], last: Persistent[Any]) -> str:
            if last.kind is Kind.ARRAY:
                return f"coalesce(cardinality({column(last, alias)}), 0) {sign} {place}"
            links = f"{link_table(cls, last)} l WHERE l.owner = {alias}.object_id"
            return f"(SELECT count(*) FROM {links}) {sign} {place}"

        return leaf

    # -- along the links ---------------------------------------------------------------------

    def _walk(
        self, alias: str, cls: type[Entity], steps: Steps, leaf: Leaf, picks: Picks
    ) -> str:
        """Return the condition that some object at the end of the path passes the leaf."""
        head, rest = steps[0], steps[1:]
        if not rest:
            return leaf(alias, cls, head)

        def inner(target: Source) -> str:
            return self._walk(target.alias, target.cls, rest, leaf, picks)

        return self._through(alias, cls, head, inner, _lookup(head.target, rest, picks))

    def _through(
        self,
        alias: str,
        cls: type[Entity],
        link: Persistent[Any],
        inner: Callable[[Source], str],
        lookup: str,
    ) -> str:
        """Return the condition that a linked object, or any of a list, passes `inner`."""
        # A subquery that does not mention the row is run once, before the scan: `=` compares with
        # its one id (more than one row would be an error, so only unique names come this way),
        # `= ANY` with its few. IN leaves the planner free to make a join of it.
        parts = []
        for target_class in registry.concrete(link.target):
            target = Source(self, target_class)
            condition = inner(target)
            found = f"SELECT {target.alias}.object_id FROM {target.text} WHERE {condition}"
            test = {"one": f"= ({found})", "array": f"= ANY(ARRAY({found}))"}.get(
                lookup, f"IN ({found})"
            )
            if link.kind is Kind.LINKS:
                owners = f"SELECT owner FROM {link_table(cls, link)} WHERE target IN ({found})"
                parts.append(f"{alias}.object_id IN ({owners})")
            else:
                parts.append(f"{column(link, alias)} {test}")
        if not parts:
            return "FALSE"
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def _is_none(self, alias: str, cls: type[Entity], steps: Steps) -> str:
        """Return the condition that there is no value; through a list: in some element."""
        head, rest = steps[0], steps[1:]
        if any(step.kind is Kind.LINKS for step in steps[:-1]):

            def inner(target: Source) -> str:
                return self._is_none(target.alias, target.cls, rest)

            return self._through(alias, cls, head, inner, "join")

        def present(alias: str, cls: type[Entity], last: Persistent[Any]) -> str:
            return f"{column(last, alias)} IS NOT NULL"

        if not rest:
            return f"{column(head, alias)} IS NULL"
        found = self._walk(alias, cls, steps, present, "many")
        return f"({found}) IS NOT TRUE"


def _picks(condition: Condition) -> Picks:
    """Tell how many different values of the last attribute a condition lets pass."""
    if isinstance(condition, Compare) and condition.operator == "==":
        return "one"
    return "few" if isinstance(condition, OneOf) else "many"


def _lookup(target: type[Entity], rest: Steps, picks: Picks) -> str:
    """Decide how to find linked objects: `one` id, an `array` of a few, or by `join`.

    An id found once, before the scan, lets an index on (link, date) deliver rows in order; with
    a join the planner reads and sorts all of them.
    """
    if len(rest) > 1 or picks == "many":
        return "array" if target.__reference__ else "join"
    name = rest[0].name
    unique = name == "object_id" or name in target.__unique__ or (name,) in target.__unique__
    if unique and picks == "one":
        return "one"
    leading = {entry if isinstance(entry, str) else entry[0] for entry in target.__indexes__}
    return "array" if target.__reference__ or name in leading else "join"
