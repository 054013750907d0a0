"""What to write instead: answers to names that awe spells otherwise than other query languages.

Only text; it asks the database nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from awe.db.declare.entity import Entity
from awe.errors import nearest

__all__ = ["of_class", "of_object", "of_query"]

#: Methods of a query that a class has not: one asks all its objects for them.
ASKED_OF_ALL = {
    "count", "distinct", "explain", "max", "min", "newest", "order_by", "project_only", "save",
    "sql", "first", "group_by", "exists", "one", "retrieve", "stats", "stream", "to_pandas",
    "to_table", "top", "user_only", "values",
}  # fmt: skip

TABLE = "query.to_table() makes an astropy table"
GROUPS = "query.group_by('filter').count() counts, .mean('EXPTIME') averages by value"
TOP = "query.top(3) is the query for the first three"
WRITE = f"{TABLE}, and its .write('name.fits') a file"

#: Methods of queries in other packages, and what to write here.
QUERY = {
    "all": "list(query) loads all objects; a loop loads them piece by piece",
    "agg": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "aggregate": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "any": "query.exists() tells",
    "count_by": GROUPS,
    "describe": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "difference": "q1 - q2 is the query for those of the first that are not in the second",
    "exclude": "combine comparisons: query & ~(C.EXPTIME > 100)",
    "columns": "query.cls.get_persistent_properties() lists the attributes",
    "commit": "its objects are committed already",
    "delete": "context.delete(query) deletes your objects, after showing them",
    "empty": "not query.exists() tells",
    "fetch": "list(query) loads its objects",
    "filter_by": "combine comparisons: query & (C.EXPTIME == 100)",
    "filter": "combine comparisons: query & (C.EXPTIME > 100)",
    "get": "query.one() is the only object, C(filename='...') the one of that name",
    "head": TOP,
    "info": "query[0].info() shows one object, print(query) the first twenty",
    "inspect": "query[0].inspect() shows one frame",
    "groupby": GROUPS,
    "intersection": "q1 & q2 is the query for those in both",
    "iterator": "for obj in query.stream(): ... loops over any number",
    "join": "links are followed with a dot: C.filter.name == 'OCAM_r_SDSS'",
    "last": "query[-1] is the last object",
    "limit": TOP,
    "mean": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "median": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "order": "query.order_by('DATE_OBS') sorts, a leading minus downwards",
    "publish": "context.publish(query, level) publishes",
    "select": "combine comparisons: query & (C.EXPTIME > 100)",
    "show": "print(query) shows the first twenty, query.to_table() all",
    "sort": "query.order_by('DATE_OBS') sorts, a leading minus downwards",
    "sort_by": "query.order_by('DATE_OBS') sorts, a leading minus downwards",
    "tail": "query[-3:] are the last three",
    "sum": "query.group_by('chip').sum('EXPTIME') adds up by value",
    "take": TOP,
    "to_dataframe": "query.to_pandas() makes a DataFrame",
    "to_csv": TABLE + ", and its .write('name.csv') a file",
    "to_fits": WRITE,
    "union": "q1 | q2 is the query for those in either",
    "unique": "query.distinct('filter.name') lists the different values",
    "value_counts": GROUPS,
    "where": "combine comparisons: query & (C.EXPTIME > 100)",
    "write": WRITE,
}  # fmt: skip

#: Methods people try on an object, and what to call instead.
OBJECT = {
    "history": "context.audit(obj) tells who changed it, obj.lineage() what it was made from",
    "audit": "context.audit(obj) tells who changed it, obj.lineage() what it was made from",
    "box": "it is one object; its class is asked: Class.box(ra_low, ra_high, dec_low, dec_high)",
    "covers": "it is one object; its class is asked: Class.covers(ra, dec)",
    "near": "it is one object; its class is asked: Class.near(ra, dec, radius)",
    "level": "obj.privileges is its level, context.publish(obj, level) raises it",
    "owner": "obj.creator is who made it",
    "user": "obj.creator is who made it",
    "overlaps": "it is one object; its class is asked: Class.overlaps(obj) shares sky with it",
    "image": "raw.data holds the pixels, [y, x]",
    "load_image": "raw.data holds the pixels, [y, x]; they are read when they are used",
    "load_header": "raw.header holds the cards; they are read when they are used",
    "get_gain": "raw.chip.gain is the nominal one, GainLinearity.select(...).gain as measured",
    "get_inspect_figures": "awe keeps no figures; raw.preview() is the small picture",
}


def of_query(cls: type[Entity], name: str, known: Iterable[str]) -> str:
    """Return the message for a name that a query for objects of `cls` does not have.

    Parameters
    ----------
    cls : type
        Class the query is about.
    name : str
        Name that was tried on a query.
    known : iterable of str
        Names a query has.
    """
    begin = f"a query has no {name!r}"
    if name in QUERY:
        return f"{begin}; {QUERY[name].replace('C.', f'{cls.__name__}.')}"
    if name in cls._attributes:
        return (
            f"{begin}, its objects have: query[0].{name}, query.values({name!r}); "
            f"to narrow it: query & ({cls.__name__}.{name} == ...)"
        )
    return f"{begin}{nearest(name, [n for n in known if not n.startswith('_')])}"


def of_class(cls: str, name: str) -> str:
    """Return how to call a method of queries that was tried on a class, or an empty string."""
    return f"; write {cls}.select_all().{name}" if name in ASKED_OF_ALL else ""


def of_object(name: str) -> str:
    """Return the hint for a name that objects do not have, or an empty text."""
    return f"; {OBJECT[name]}" if name in OBJECT else ""
