"""`Task`: one configured call of a recipe, from its arguments to its committed products.

A task splits its work into units (one chip, or one frame), makes the product of each, leaves the
files in the working directory, and with `commit` stores and commits them, one transaction per
unit. Several units are made side by side, see `awe.tasks.execution`. A unit that fails is reported
and the others go on. An interrupted unit leaves nothing.
Recipes subclass `Task` and write `make`; pixels are computed in `awe.calib`, never here.
"""

from __future__ import annotations

import datetime
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from awe import bars
from awe.calib.threads import side_by_side
from awe.db.server.connection import database
from awe.db.server.failures import is_away
from awe.db.server.interrupts import interrupts_deferred
from awe.errors import ArgumentError, AweError, Defect, ParameterError, UserMistake, nearest
from awe.lazy import behaviour
from awe.model.data import store
from awe.model.given import check_place, keys, values_for
from awe.model.mixins import has
from awe.model.parameters import parameters_class
from awe.rules.fitting import part_of
from awe.tasks import chain, code, naming
from awe.tasks.arguments import Argument, bind, common, describe, signature
from awe.tasks.attempt import Outcome, Session, Unusable, brief, brought, passing_over
from awe.tasks.between import Looked, Stopped
from awe.tasks.compatibility import blank, needs_of_unit, require_unit, require_values
from awe.tasks.keeping import keep
from awe.tasks.products import new_objects, picture_of, prepare, summary
from awe.tasks.records import made, stamp
from awe.tasks.stage import Stage
from awe.tasks.unit import Items, Unit, filter_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.fits import Image
    from awe.model.calibrations import BaseFrame
    from awe.model.data import DataObject
    from awe.tasks.code import Code

__all__ = ["Argument", "Items", "Stage", "Task", "Unit"]

SHARED = ("skip", "workers")
"""Arguments every recipe has, whether or not it names them."""

OF_STEPS = ("stop_after", "leave_out", "keep")
"""Arguments every recipe with steps has."""

_log = logging.getLogger(__name__)


class Task:
    """Base of all recipes.

    Class attributes of a recipe: `makes`, names of the classes it makes, the main one first;
    `raw`, name of the class of its raw frames; `arguments`; `example`, a call that runs; `named`,
    arguments that name a calibration, each with the class of it; `needed`, roles of calibrations
    it never goes on without; `stages`, its steps in order.

    Attributes
    ----------
    kept : dict
        Name of a step -> the frames as they were after it, of the steps that `keep` and
        `stop_after` name; each has `data`, `header`, `inspect()` and `to_ccddata()`.
    """

    makes: ClassVar[tuple[str, ...]] = ()
    raw: ClassVar[str] = ""
    arguments: ClassVar[tuple[Argument, ...]] = common(
        "instrument", "date", "chip", "template", "raw_filenames", "overscan", "pars", "commit"
    )
    example: ClassVar[str] = ""
    named: ClassVar[Mapping[str, str]] = {}
    needed: ClassVar[tuple[str, ...]] = ()
    stages: ClassVar[tuple[Stage, ...]] = ()
    whole: ClassVar[bool] = False
    """Whether one job makes the product of all chips."""
    of_object: ClassVar[bool] = False
    """Whether the name of an object alone says which frames: not where nights are kept apart."""
    _lists_steps: ClassVar[bool] = False
    _code: ClassVar[Code]
    items: Items | None = None
    only: tuple[Unit, ...] | None = None
    """The units to make, where somebody else has chosen them."""
    __signature__: ClassVar[inspect.Signature]

    instrument: str
    date: str | None = None
    chip: str | None = None
    filter: str | None = None
    object: str | None = None
    template: datetime.datetime | None = None
    raw_filenames: list[str] | None = None
    red_filenames: list[str] | None = None
    overscan: int | None = None
    pars: dict[str, Any] | None = None
    commit: bool = False
    skip: bool = False
    workers: int | None = None
    go_without: list[str] | None = None
    stop_after: str | None = None
    leave_out: list[str] | None = None
    keep: list[str] | None = None
    _alone: bool = False  # one unit only: its error is that of the call

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        known = {argument.name for argument in cls.arguments}
        if "make" in cls.__dict__:
            # the steps of a recipe it only begins with are not its own
            cls._lists_steps = bool({"stages", "chain"} & cls.__dict__.keys())
        has_steps = cls._lists_steps and len(cls.stages) != 1
        shared = (*SHARED, *OF_STEPS) if has_steps else SHARED
        named = {argument: of for argument, of in cls.named.items() if argument not in known}
        cls.arguments = (
            *cls.arguments, *naming.arguments(named, known),
            *common(*(name for name in shared if name not in known)),
            *common(*({"go_without"} - known if len(cls.named) > len(cls.needed) else ())),
        )  # fmt: skip
        text = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
        example = f"\n\nExamples\n--------\n>>> {cls.example}" if cls.example else ""
        notes = (
            "\n\nNotes\n-----\nParameters with units, ranges and the values for a camera: "
            f"{cls.__name__}.show_parameters('OMEGACAM')."
        )
        makes = ", ".join(cls.makes) or "what execute() returns"
        cls.__doc__ = f"{text}\n\nMakes {makes}.\n\n{describe(cls.arguments)}{notes}{example}\n"
        cls.__signature__ = signature(cls.arguments)

    @classmethod
    def show_parameters(cls, instrument: str | None = None) -> None:
        """Print every process parameter of the products: value, unit, range and meaning.

        Parameters
        ----------
        instrument : str, optional
            Name of the camera the values are for; values of no camera when left out.
        """
        for product in cls.makes:
            declared = parameters_class(product)
            if declared is None:
                continue
            values = declared.defaults(instrument)
            bars.say(product)
            for name, one in declared.declarations.items():
                unit = "" if one.unit == "None" else f" {one.unit}"
                bars.say(f"  {name} = {values[name]}{unit} ({one.range}): {one.doc}")

    def __init__(self, *nameless: Any, **keywords: Any) -> None:
        if nameless:
            name, first = type(self).__name__, self.arguments[0].name
            msg = f"arguments of {name} are named: {name}({first}={nameless[0]!r}, ...)"
            raise ArgumentError(msg)
        values = bind(type(self).__name__, self.arguments, keywords)
        for name, value in values.items():
            setattr(self, name, value)
        self.progress: Callable[[int, int, str], None] | None = None
        self._session: Session | None = None
        self._left: list[Path] = []
        self.kept: dict[str, list[BaseFrame]] = {}
        self._looked: list[Looked] = []
        self._check_parameters()
        naming.may_be_missing(self)
        chain.check(self)

    @classmethod
    def identifier(cls) -> str:
        """Name of the recipe, as `dpu.run` takes it."""
        return cls.__name__.removesuffix("Task")

    def __repr__(self) -> str:
        given = (f"{name}={value!r}" for name, value in self._given().items())
        return f"{type(self).__name__}({', '.join(given)})"

    # -- what a recipe writes ------------------------------------------------------------------

    def make(self, unit: Unit) -> Any:
        """Return the new, uncommitted product of one unit; its files are written."""
        msg = f"{type(self).__name__} does not say how to make its product: write make(unit)"
        raise NotImplementedError(msg)

    units = behaviour("awe.tasks.selection:units")

    # -- its steps -----------------------------------------------------------------------------

    @classmethod
    def chain(cls) -> tuple[Stage, ...]:
        """Return the steps of the recipe, in order; none where it has no more than one."""
        return cls.stages

    def conditions(self) -> Mapping[str, str]:
        """Return step -> on what it depends in this call, for steps that are not always done."""
        return {}

    steps = behaviour("awe.tasks.chain:steps")
    does = behaviour("awe.tasks.chain:does")
    after = behaviour("awe.tasks.between:after")

    # -- running -------------------------------------------------------------------------------

    execute = behaviour("awe.tasks.execution:execute")

    @contextmanager
    def _leaving(self, units: int) -> Iterator[None]:
        """Say which files a dry run leaves; one that breaks off leaves none."""
        left: list[Path] = []
        self._left = left
        try:
            yield
        except BaseException:
            if not self.commit and left:
                self._discard(left)
                bars.say(f"dry run broken off: its files are removed ({len(left)})")
            raise
        if not self.commit and self.items is None and units > 1 and left:
            bars.say(f"dry run: {len(left)} files are in {Path.cwd()}; nothing is stored")

    @classmethod
    def _is_ours(cls) -> bool:
        """Return True if the recipe is awe's: it is thread-safe and only reads what it fetches."""
        module = cls.__module__
        return module.startswith("awe.recipes.") and not module.startswith("awe.recipes.user")

    jobs = behaviour("awe.tasks.calls:jobs")
    _given = behaviour("awe.tasks.calls:given")

    def require_frames(self) -> None:
        """Refuse a call that nothing answers; by default its units are looked for."""
        self.units()

    def _attempt(self, unit: Unit) -> Outcome:
        if self.items is not None and self.items.finished(unit.name):
            return Outcome()
        if self.skip and (made := self._made(unit)) is not None:
            return Outcome(product=made)
        session = self._running()
        unit.begin()
        session.recipe = session.recipe or code.of(type(self)).unsaved()
        try:
            session.unit = unit = replace(
                unit, by_hand=naming.with_named(self, unit), dispensable=naming.dispensable(self),
                go_without=naming.may_be_missing(self),
            )  # fmt: skip
            product = passing_over(self, unit)
            self._finish(unit, product)
        except Stopped as stopped:
            self._discard(session.written)
            return Outcome(product=stopped.frames)
        except UserMistake as error:
            self._discard(session.written)
            if self.items is not None and is_away(error):
                raise  # the job waits for its services and does this one again
            return self._failed(unit, error)
        except Exception as error:
            # one frame that trips over a mistake of ours must not cost the others
            self._discard(session.written)
            return self._failed(unit, _defect(error))
        except BaseException:
            self._discard(session.written)
            raise
        return Outcome(product=product)

    def _made(self, unit: Unit) -> Any:
        """Return the product there is of the same inputs, parameters and code."""
        product = made(self, unit)
        if product is not None:
            bars.say(f"{summary(product)}; already made with the same inputs, parameters and code")
            if self.items is not None:
                with database.transaction():
                    self.items.record(unit.name, product)
        return product

    def _failed(self, unit: Unit, error: AweError) -> Outcome:
        if self.items is not None:
            self.items.failed(unit.name, error)  # and prints it
        else:
            bars.say(f"{unit.name}: failed: {brief(error) if self._alone else error}")
        return Outcome(error=error)

    def _finish(self, unit: Unit, product: Any) -> None:
        """Store and commit a product with all it brought along, or say what would be stored."""
        session = self._running()
        stamp(self, unit, product, session.recipe)
        if not self.commit:
            bars.say(f"{summary(product)}; dry run: not stored, not committed")
            if self.items is not None:
                with database.transaction():
                    self.items.record(unit.name, product)
            return
        self._running()
        # Bytes before rows: a file without a row costs disk space, a row without one is broken.
        store(new_objects(product), session.written if self._is_ours() else ())
        self._running()
        if session.recipe is not None and not session.recipe._committed:
            session.recipe = code.recorded(code.of(type(self)))
        stamp(self, unit, product, session.recipe)
        record = None if self.items is None else partial(self.items.record, unit.name)
        told = summary(product)
        with interrupts_deferred():  # so that whoever interrupts reads what became of it
            keep(product, record)
            bars.say(f"{told}; committed")

    def _discard(self, paths: Sequence[Path]) -> None:
        for path in paths:
            with suppress(FileNotFoundError):
                path.unlink()

    def _running(self) -> Session:
        """Return the session of this thread; ends the thread where the task was interrupted."""
        if self._session is None:
            msg = "a task works only inside execute()"
            raise RuntimeError(msg)
        if self._session.stop.is_set():
            raise KeyboardInterrupt
        return self._session

    def unit_in_hand(self) -> Unit:
        """Return the unit that is being made."""
        unit: Unit = self._running().unit
        return unit

    def effective(self, name: str) -> Any:
        """Return the value of an argument that holds when it is left out, for comparing calls."""
        return getattr(self, name)

    def _report_progress(self, done: int, total: int, name: str) -> None:
        if self.progress is not None:
            self.progress(done, total, name)

    # -- parameters ----------------------------------------------------------------------------

    def parameters(self, product: str, unit: Unit | None = None) -> Any:
        """Return the process parameters for a class.

        From what counts least to what counts most: the declared defaults, the values of the
        instrument, `pars` for all frames, for the filter, for the chip, for both, and `overscan`.

        Parameters
        ----------
        product : str
            Name of the class.
        unit : Unit, optional
            What they are for; the unit that is being made when left out.
        """
        cls = parameters_class(product)
        if cls is None:
            msg = f"{product} has no process parameters; it is not made by {self.identifier()}"
            raise ParameterError(msg)
        if unit is None and self._session is not None:
            unit = self._session.unit
        place = {"filter": filter_of(unit), "chip": unit.chip} if unit is not None else {}
        changes = values_for(self.pars, product, **place)
        if self.overscan is not None and "OVERSCAN_CORRECTION" in cls.declarations:
            changes["OVERSCAN_CORRECTION"] = self.overscan
        return cls.make(self.instrument, changes)

    def _check_parameters(self) -> None:
        for key, value in keys(self.pars):
            product = key.product
            cls = parameters_class(product)
            if cls is None or product not in self.makes:
                known = [name for name in self.makes if parameters_class(name) is not None]
                hint = nearest(product, known)
                makes = ", ".join(known)
                msg = (
                    f"{str(key)!r} is not a parameter of {self.identifier()}{hint}; keys are "
                    f"'<class>.process_params.<NAME>' with the classes {makes}"
                )
                raise ParameterError(msg)
            cls.check(key.name, value)
            check_place(self.instrument, filter=key.filter, chip=key.chip)

    # -- files ---------------------------------------------------------------------------------

    def fetch(self, objects: Sequence[DataObject]) -> None:
        """Bring the files of several objects into the task's scratch directory."""
        missing = [item for item in objects if not item.pathname]
        if missing:
            brought(missing, self._running().scratch, link=self._is_ours())

    def pixels(self, item: DataObject | None, instead: float = 0.0) -> NDArray[Any]:
        """Return the pixels of a calibration, those the unit's frames show; read once per task.

        Of one that is missing every pixel is `instead`.

        Raises
        ------
        BadHeader
            The file says that they are in another unit than those of its class.
        """
        if item is None:
            return blank(self.unit_in_hand(), instead)
        known = self._running().pixels
        if item.object_id not in known:
            try:
                self.fetch([item])
                require_unit(item)
                require_values(item, pixels := item.data)
            except UserMistake as error:
                if is_away(error) or isinstance(error, Unusable):
                    raise
                raise Unusable(item, error) from error
            known[item.object_id] = pixels
        return self.cut(item, known[item.object_id])

    def cut(self, item: DataObject, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return of a plane of a calibration what the frames of the unit in hand show."""
        part = part_of(needs_of_unit(self.unit_in_hand()).shown, item)
        return pixels if part is None else pixels[part].copy()

    def good(self, item: DataObject | None) -> NDArray[Any]:
        """Return a stored pixel map as a bool array, True = good; all are where it is missing."""
        good: NDArray[Any] = self.pixels(item, 1.0) != 0
        return good

    def write(
        self, product: Any, pixels: NDArray[Any], extensions: Sequence[Image] = (), **details: Any
    ) -> None:
        """Write the file of a product into the working directory and set its names.

        Inside `together` the file is there only when that block has ended.
        """
        session = self._running()
        if has(product, "recipe"):
            product.recipe = session.recipe
        consulted = session.unit.consulted if session.unit is not None else {}
        path, write = prepare(
            product, pixels, extensions, directory=Path.cwd(), consulted=consulted,
            left_out=self.leave_out or (), **details,
        )
        if self.commit:
            picture_of(product, pixels)
        session.written.append(path)
        self._left.append(path)
        if session.waiting is None:
            write()
        else:
            session.waiting.append(write)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let the files written inside go to disk side by side when the block ends."""
        session = self._running()
        session.waiting = []
        try:
            yield
            side_by_side(session.waiting)
        finally:
            session.waiting = None


def _defect(error: Exception) -> Defect:
    """Return the error that stands for an unforeseen one, whose traceback goes to the log."""
    if isinstance(error, Defect):
        return error
    msg = f"awe defect: {type(error).__name__}: {error}; please report it"
    defect = Defect(msg)
    defect.__cause__ = error
    _log.debug("a unit failed by a defect", exc_info=error)
    return defect
