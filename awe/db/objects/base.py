"""The root of all persistent classes and of their objects.

A class declares `name = persistent(doc, type, default)`; from that follow its table, its rights,
its queries and its completion. An object is new until `commit()` and never changes afterwards.
Pickling is refused: an object is only its id plus what you may see, fetch it where it is needed.
"""

from __future__ import annotations

import datetime
import inspect
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NoReturn, Self, cast

from awe.db.declare import registry as _registry
from awe.db.declare.attributes import (
    MUTABLE,
    Kind,
    Mismatch,
    Persistent,
    TypedList,
    convert,
    persistent,
)
from awe.db.declare.hints import of_class, of_object
from awe.db.declare.members import Member, asked, is_code
from awe.db.declare.registry import registry
from awe.db.objects import digits, owntables
from awe.db.objects.commit import commit_all
from awe.db.query import loading
from awe.db.query.compiler import standard_name
from awe.db.query.conditions import Condition, Everything
from awe.db.query.loading import Batch
from awe.db.query.misused import refuse_assignment
from awe.db.query.path import RESERVED, Path, make_path
from awe.db.query.query import Query
from awe.errors import ArgumentError, AttributeUnknown, QueryError, Refused, among, nearest
from awe.lazy import behaviour, class_behaviour, resolve
from awe.terminal import harmless

__all__ = ["DBObject", "behaviour", "persistent", "registry"]

#: longest name in the representation of an object; both ends of a longer one are shown
LABEL = 64
#: methods an attribute of a class may replace: own classes had such before awe had the methods
YIELDING = {"comment", "comments"}
#: what an object keeps for itself, and what only classes are asked; not for Tab
HIDDEN = {
    "_values", "_committed", "_batch", "_doubt", "box", "covers", "during", "near", "overlaps",
}  # fmt: skip
#: whose an object is, which every committed one says and a query can compare
BELONGING = ("creator", "project", "privileges")


class PersistentType(type):
    """Type of persistent classes: answers for attributes nobody declared, and keeps them whole.

    `Class.attribute = value` would turn the attribute of all objects into that value; it is
    nearly always a comparison with one `=` too few, and refused. What declares or replaces code
    (functions, properties, declarations) passes, so that frameworks go on working;
    `type.__setattr__` is the door for whoever means it. A method or property named on the class
    can be called and looked at, and refuses to be compared.
    """

    def __getattribute__(cls, name: str) -> Any:
        found = type.__getattribute__(cls, name)
        return Member(cls, name, found) if name[0] != "_" and is_code(found) else found

    def __setattr__(cls, name: str, value: Any) -> None:
        known = cls.__dict__.get("_attributes", {})
        value = value._found if isinstance(value, Member) else value
        if name.startswith("_") or (isinstance(value, Persistent) and name in known):
            super().__setattr__(name, value)
        elif isinstance(value, Path) and _same_again(cls, value, name):
            super().__setattr__(name, value._last)
            cls._attributes = _collect(cls)  # type: ignore[arg-type]
        elif name in known:
            refuse_assignment(f"{cls.__name__}.{name}", value)
        elif isinstance(value, Persistent):
            msg = f"{cls.__name__}.{name} comes too late: declare it in the body of the class"
            raise QueryError(msg)
        elif _is_code(value) or (_declared_in(cls, name) and not _is_code(_plain(cls, name))):
            super().__setattr__(name, value)
        else:
            names = [k for k in known if not k.startswith("_")]
            refuse_assignment(f"{cls.__name__}.{name}", value, nearest(name, names))

    #: What `Class?` shows: the text of the class, and its attributes with units.
    getdoc = behaviour("awe.model.info:attributes")

    def __delattr__(cls, name: str) -> None:
        if name in cls.__dict__.get("_attributes", {}):
            msg = f"{cls.__name__}.{name} is declared for all its objects and cannot be deleted"
            raise QueryError(msg)
        super().__delattr__(name)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            msg = f"{cls.__name__} has no attribute {name!r}"
            raise AttributeError(msg)
        if name in BELONGING[:2] and "_attributes" in cls.__dict__:
            return resolve("awe.model.whose:of_class")(cls, name)
        known = list(cls.__dict__.get("_attributes", {})) or dir(cls)
        hint = of_class(cls.__name__, name) or nearest(name, known)
        msg = f"{cls.__name__} has no attribute {name!r}{hint}"
        raise AttributeUnknown(msg)

    def __getitem__(cls, index: Any) -> NoReturn:
        # loops over a class come here, too
        every = f"{cls.__name__}.select_all()"
        msg = f"{cls.__name__} is a class, not a query: {every}[0], for item in {every}"
        raise QueryError(msg)


    def __len__(cls) -> NoReturn:
        msg = f"{cls.__name__} is a class, not a query: len({cls.__name__}.select_all())"
        raise QueryError(msg)

    def __bool__(cls) -> bool:
        return True


class DBObject(metaclass=PersistentType):
    """An object whose attributes live in the database.

    Parameters
    ----------
    object_id : str or uuid.UUID
        Given alone: fetch this object. The first characters of the id, or of the hash in its
        file's name, suffice if only one object of the class begins with them.
    filename : str
        Given alone: fetch the object with this file.
    **attributes : object
        Values of a new object; those left out have their default.
    """

    object_id = persistent("Identification, unique in the whole system [None]", uuid.UUID, None)
    creation_date = persistent(
        "Moment the object was committed, by the server's clock [UTC]", datetime.datetime, None
    )
    _creator = persistent("Id of the user who made the object [None]", int, None)
    _project = persistent("Id of the project the object belongs to [None]", int, None)
    _privileges = persistent(
        "Who may see it: 1 MyDB, 2 Project, 3 Astro-WISE, 4 World, 5 VO [None]", int, None
    )

    #: Natural order of the class: attributes, or chains such as `"chip.name"`.
    __order__: ClassVar[Sequence[str]] = ("creation_date",)
    #: Indexes: attribute names, or tuples of names for composite ones.
    __indexes__: ClassVar[Sequence[str | Sequence[str]]] = ()
    #: Combinations of attributes that occur once in the whole system.
    __unique__: ClassVar[Sequence[str | Sequence[str]]] = ()
    #: A small class other objects point to: looked up once per query instead of joined.
    __reference__: ClassVar[bool] = False
    #: An administrator made the table under the class's own name; awe's own classes need no mark.
    __installed__: ClassVar[bool] = False
    #: Attributes with right ascension and declination [deg], if the objects are places.
    __sky__: ClassVar[tuple[str, ...]] = ()

    _attributes: ClassVar[dict[str, Persistent[Any]]] = {}

    def __init_subclass__(cls, *, abstract: bool = False, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls._attributes = _collect(cls)
        _refuse_collisions(cls)
        _registry.enter(cls, abstract=abstract)

    def __new__(cls, *unnamed: Any, **attributes: Any) -> Self:
        """Fetch the object named by its id or filename alone, or begin a new one."""
        if unnamed:
            _refuse_unnamed(cls, unnamed)
        current = registry.get(cls.__name__)
        if current is not cls:
            if current is not None and _registry.same(current, cls):
                return cast("Self", current(**attributes))
            if list(attributes) == ["object_id"]:
                return cast("Self", digits.find_below(cls, attributes["object_id"]))
            _refuse_abstract(cls, attributes)
        if len(attributes) == 1:
            name = next(iter(attributes))
            if name in ("object_id", "filename") and name in cls._attributes:
                return cast("Self", digits.fetch(cls, name, attributes[name]))
        return super().__new__(cls)

    def __init__(self, **attributes: Any) -> None:
        if "_values" in self.__dict__:
            return
        self.__dict__["_values"] = {"object_id": uuid.uuid4()}
        self.__dict__["_committed"] = False
        for name, value in attributes.items():
            if name not in self._attributes or name.startswith("_"):
                self._unknown(name)
            setattr(self, name, value)

    # -- the class ---------------------------------------------------------------------------

    @classmethod
    def _path(cls, attribute: Persistent[Any]) -> Path:
        return make_path(cls, (attribute,))

    @classmethod
    def _where(cls, condition: Condition) -> Query:
        return Query(cls, condition)

    @classmethod
    def _table_name(cls) -> str:
        """Return the name of the table; that of a user's own class is made on first use."""
        return owntables.table_of(cls) if owntables.is_own(cls) else standard_name(cls)

    @classmethod
    def _attribute(cls, name: str) -> Persistent[Any]:
        """Return the declaration of an attribute, or say which one was meant."""
        try:
            return cls._attributes[name]
        except KeyError:
            known = cls.get_persistent_properties()
            msg = f"{cls.__name__} has no attribute {name!r}{among(name, known)}"
            raise AttributeUnknown(msg) from None

    @classmethod
    def get_persistent_properties(cls) -> list[str]:
        """Return the names of all attributes one can query for, in alphabetical order."""
        return sorted(name for name in cls._attributes if not name.startswith("_"))

    @classmethod
    def select_all(cls) -> Query:
        """Return the query without a condition."""
        return cls._where(Everything())

    @asked
    @classmethod
    def near(cls, ra: Any, dec: Any = None, radius: Any = None) -> Query:
        """Return the query for objects within `radius` of a place on the sky [deg].

        A frame is as far as the nearest part of its chip; radius 0 finds those that cover the
        place. Text is sexagesimal, `near('22:04:00', '-31:12:00', 0.1)`, a `SkyCoord` stands for
        both coordinates.
        """
        return cls.select_all().near(ra, dec, radius)

    @asked
    @classmethod
    def covers(cls, ra: Any, dec: Any = None) -> Query:
        """Return the query for frames with a place on their chip, [deg] or sexagesimal text."""
        return cls.select_all().covers(ra, dec)

    @asked
    @classmethod
    def overlaps(cls, other: Any) -> Query:
        """Return the query for frames that share sky with a frame or with `[(ra, dec), ...]`."""
        return cls.select_all().overlaps(other)

    @asked
    @classmethod
    def box(cls, ra_low: Any, ra_high: Any, dec_low: Any, dec_high: Any) -> Query:
        """Return the query for objects in a box on the sky, eastwards from `ra_low` [deg].

        A frame is in the box with any part of its chip.
        """
        return cls.select_all().box(ra_low, ra_high, dec_low, dec_high)

    @asked
    @classmethod
    def during(cls, start: Any, end: Any = None) -> Query:
        """Return the query for objects that share a moment with a span of time, UTC.

        `during('2012-06-01', '2012-06-02')`, or `during(frame)` for the time of another object.
        """
        return cls.select_all().during(start, end)

    select = class_behaviour("awe.rules.select:frames")

    # -- attributes --------------------------------------------------------------------------

    def _read(self, attribute: Persistent[Any]) -> Any:
        values = self.__dict__["_values"]
        name = attribute.name
        if name not in values:
            if attribute.kind is Kind.LINKS and self._committed:
                return self._follow(attribute)
            default = attribute.fresh_default()
            if isinstance(default, list | dict):
                values[name] = default
            return default
        value = values[name]
        if attribute.kind is Kind.LINK and type(value) is uuid.UUID:
            return self._follow(attribute)
        if type(value) is dict and self._committed:
            return attribute.fresh_copy(value)
        return value

    def _follow(self, attribute: Persistent[Any]) -> Any:
        return loading.follow(self, attribute)

    def _write(self, attribute: Persistent[Any], value: Any) -> None:
        name = attribute.name
        if self._committed:
            msg = f"{self!r} is committed: {name} never changes; make a new object with .copy()"
            if name in MUTABLE:
                msg = f"{self!r} is committed: change it by context.update_{name}(obj, value)"
            raise Refused(msg)
        if name in ("object_id", "creation_date") or name.startswith("_"):
            msg = f"{type(self).__name__}.{name} is set by the system and cannot be assigned"
            raise Refused(msg)
        try:
            value = convert(attribute, value)
        except Mismatch as error:
            msg = f"{type(self).__name__}.{name} is {attribute.type_name}: {error}"
            raise ArgumentError(msg) from None
        if attribute.kind in (Kind.LINKS, Kind.ARRAY):
            value = TypedList(attribute, value)
        self.__dict__["_values"][name] = value

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name in self._attributes or _declared_in(type(self), name):
            object.__setattr__(self, name, value)
        else:
            self._unknown(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            msg = f"{type(self).__name__} has no attribute {name!r}"
            raise AttributeError(msg)
        found = inspect.getattr_static(type(self), name, None)
        if isinstance(found, property) and found.fget is not None:
            # a property that failed inside leads here too: its own error names what is missing
            found.fget(self)
        if name in BELONGING:
            return resolve("awe.model.whose:of_object")(self, name)
        return self._unknown(name)

    def __delattr__(self, name: str) -> None:
        if name in self._attributes:
            msg = f"{type(self).__name__}.{name} cannot be deleted; set it to None"
            raise Refused(msg)
        object.__delattr__(self, name)

    def _unknown(self, name: str) -> NoReturn:
        known = [*self.get_persistent_properties(), *self.__dir__()]
        hint = of_object(name) or nearest(name, known)
        msg = f"{type(self).__name__} has no attribute {name!r}{hint}"
        raise AttributeUnknown(msg)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *dir(type(self)), *BELONGING} - HIDDEN)

    # -- life --------------------------------------------------------------------------------

    @property
    def _committed(self) -> bool:
        committed: bool = self.__dict__["_committed"]
        return committed

    def commit(self) -> None:
        """Write the object, and every new object it links to, in one transaction."""
        commit_all([self])

    def copy(self) -> Self:
        """Return a new, uncommitted object with the same attributes and its own id."""
        attributes = {
            name: getattr(self, name)
            for name in self._attributes
            if name not in ("object_id", "creation_date") and not name.startswith("_")
        }
        new = type(self)()
        for name, value in attributes.items():
            setattr(new, name, value)
        return new

    def _ready(self) -> None:
        """Refuse a commit that cannot succeed; classes with conditions of their own extend it."""

    def _entered(self) -> None:
        """Write what belongs to the new row, in its transaction; classes may extend it."""

    @classmethod
    def _restore(cls, values: dict[str, Any], batch: Batch) -> Self:
        """Return the object of one row of the database."""
        self = object.__new__(cls)
        self.__dict__.update(_values=values, _committed=True, _batch=batch)
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DBObject):
            mine: bool = self.object_id == other.object_id
            return mine
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.__dict__["_values"]["object_id"])

    def __reduce__(self) -> NoReturn:
        msg = (
            f"{type(self).__name__} objects are not pickled: what you see depends on your "
            f"rights; pass obj.object_id and fetch it with {type(self).__name__}(object_id=...)"
        )
        raise TypeError(msg)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __iter__(self) -> Iterator[Any]:
        msg = f"a {type(self).__name__} is one object and cannot be looped over"
        raise ArgumentError(msg)

    def __repr__(self) -> str:
        values = self.__dict__["_values"]
        label = values.get("filename") or values.get("name") or str(values["object_id"])
        if len(label) > LABEL:
            label = f"{label[: LABEL - 23]}...{label[-20:]}"
        new = "" if self._committed else ", not committed"
        return f"<{type(self).__name__} {harmless(label)}{new}>"

    info = behaviour("awe.model.info:info")
    _repr_html_ = behaviour("awe.model.info:html")
    inverse_objects = behaviour("awe.rules.graph:inverse_objects")
    used_by = behaviour("awe.rules.graph:used_by")
    lineage = behaviour("awe.rules.graph:lineage")
    comment = behaviour("awe.model.comment:comment")

    @property
    def comments(self) -> Any:
        """What people wrote about the object, oldest first, with author and date."""
        return resolve("awe.model.comment:comments")(self)


def _same_again(cls: type, path: Path, name: str) -> bool:
    """Return True if a path is a declaration of an older definition of a class, as in a reload."""
    anew = path._root is not cls and _registry.same(path._root, cls)
    return anew and len(path._steps) == 1 and path._last.name == name


def _plain(cls: type, name: str) -> Any:
    return inspect.getattr_static(cls, name)


def _is_code(value: Any) -> bool:
    """Return True if a value is code or a type in the body of a class, not a value to compare."""
    return isinstance(value, type | behaviour) or (
        not isinstance(value, DBObject | Path)
        and (callable(value) or hasattr(type(value), "__get__"))
    )


def _collect(cls: type[DBObject]) -> dict[str, Persistent[Any]]:
    """Return all declarations of a class, those of its bases first."""
    found: dict[str, Persistent[Any]] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Persistent):
                found[name] = value
    return found


def _refuse_collisions(cls: type[DBObject]) -> None:
    columns: dict[str, str] = {}
    others = {
        name for base in cls.__mro__ for name, value in vars(base).items()
        if not isinstance(value, Persistent) and name not in YIELDING
    }  # fmt: skip
    for name, attribute in cls._attributes.items():
        if name in vars(cls):
            attribute.check_default(cls.__name__)
        if name in RESERVED or name in others:
            msg = (
                f"persistent attribute {cls.__name__}.{name} has the name of a method; "
                f"choose another name"
            )
            raise ArgumentError(msg)
        other = columns.setdefault(attribute.column, name)
        if other != name:
            msg = f"{cls.__name__}.{name} and .{other} differ only in case; choose another name"
            raise ArgumentError(msg)


def _refuse_unnamed(cls: type[DBObject], values: tuple[Any, ...]) -> None:
    name = "filename" if "filename" in cls._attributes else "object_id"
    msg = (
        f"{cls.__name__} takes its values by name, found {values[0]!r} without one; "
        f"write {cls.__name__}({name}=...)"
    )
    raise ArgumentError(msg)


def _refuse_abstract(cls: type[DBObject], attributes: dict[str, Any]) -> None:
    if getattr(cls, "__instantiable__", False):
        return
    names = ", ".join(sorted(c.__name__ for c in _registry.concrete(cls))) or "a class below it"
    msg = f"{cls.__name__} is an abstract class without objects of its own; use {names}"
    raise ArgumentError(msg)


def _declared_in(cls: type, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__)
