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
    "sql", "stats", "stream", "to_table", "top", "user_only", "values",
}  # fmt: skip

LOAD = "loop over it: for obj in query: obj.{name}()"
TABLE = "query.to_table() makes an astropy table"
TOP = "query.top(3) is the query for the first three"
WRITE = f"{TABLE}, and its .write('name.fits') a file"

#: Methods of queries in other packages, and what to write here.
QUERY = {
    "all": "list(query) loads all objects; a loop loads them piece by piece",
    "aggregate": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "columns": "query.cls.get_persistent_properties() lists the attributes",
    "commit": "its objects are committed already",
    "delete": "context.delete(query) deletes your objects, after showing them",
    "empty": "len(query) == 0 tells",
    "exists": "len(query) > 0 tells",
    "fetch": "list(query) loads its objects",
    "filter": "combine comparisons: query & (C.EXPTIME > 100)",
    "first": "query[0] is the first object, query.top(1) the query for it",
    "get": "query[0] is the first object, C(filename='...') the one of that name",
    "group_by": "query.distinct('filter.name') lists the values; count each by another comparison",
    "head": TOP,
    "info": "query[0].info() shows one object, print(query) the first twenty",
    "inspect": "query[0].inspect() shows one frame",
    "join": "links are followed with a dot: C.filter.name == 'OCAM_r_SDSS'",
    "last": "query[-1] is the last object",
    "limit": TOP,
    "mean": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "median": "query.stats('EXPTIME') gives count, min, max, mean, median and stdev",
    "one": "query[0] is the first object; len(query) == 1 if it is the only one",
    "order": "query.order_by('DATE_OBS') sorts, a leading minus downwards",
    "publish": "context.publish(query, level) publishes",
    "retrieve": LOAD.format(name="retrieve"),
    "select": "combine comparisons: query & (C.EXPTIME > 100)",
    "show": "print(query) shows the first twenty, query.to_table() all",
    "sort": "query.order_by('DATE_OBS') sorts, a leading minus downwards",
    "sort_by": "query.order_by('DATE_OBS') sorts, a leading minus downwards",
    "tail": "query[-3:] are the last three",
    "take": TOP,
    "to_csv": TABLE + ", and its .write('name.csv') a file",
    "to_fits": WRITE,
    "to_pandas": "query.to_table().to_pandas() makes a DataFrame",
    "unique": "query.distinct('filter.name') lists the different values",
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
    "overlaps": "it is one object; its class is asked: Class.overlaps(obj) shares sky with it",
    "image": "raw.data holds the pixels, [y, x]",
    "load_image": "raw.data holds the pixels, [y, x]; they are read when they are used",
    "load_header": "raw.header holds the cards; they are read when they are used",
    "get_gain": "raw.chip.gain is the nominal one, GainLinearity.select(...).gain as measured",
    "get_inspect_figures": "awe keeps no figures; raw.preview() is the small picture",
    "creator": "obj.info() names it, query.user_only('NAME') finds by it",
    "owner": "obj.info() names it, query.user_only('NAME') finds by it",
    "user": "obj.info() names it, query.user_only('NAME') finds by it",
    "project": "obj.info() names it, query.project_only('NAME') finds by it",
    "privileges": "obj.info() names it, context.publish(obj, level) raises it",
    "level": "obj.info() names it, context.publish(obj, level) raises it",
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
