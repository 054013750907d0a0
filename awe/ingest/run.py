"""The ingest itself: processes for the bytes, one connection for the objects.

Files are examined, cut and sent by worker processes; reserving names and committing objects is
done here, exposure by exposure, as their files arrive. When one fails, or the ingest is stopped,
exposures committed so far stay and the rest can be ingested again; what was sent without being
committed is a file nobody names, which `awe-admin fsck` clears.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from awe import instruments, workers
from awe.context import context
from awe.dataserver.client import Client
from awe.dataserver.sending import send
from awe.dataserver.upload import Outgoing
from awe.db.objects.commit import commit_all
from awe.db.server import scope
from awe.db.server.connection import database
from awe.db.server.tickets import ticket
from awe.errors import ArgumentError, AweError, ProjectUnknown, Refused, nearest
from awe.ingest import compact, destination, known, names, planfile, sources
from awe.ingest.chipfiles import Piece, pieces
from awe.ingest.planfile import Line
from awe.ingest.records import CLASSES, Records
from awe.ingest.report import Report, Row, State
from awe.ingest.split import Exposure, examine
from awe.model import cameras
from awe.model.data import base_url

__all__ = ["ingest"]

FEW = 2
"""Up to this number of exposures no processes are started."""

GROUP = 3
"""Files of an exposure that are handed in with one request."""

AT_ONCE = 3
"""Groups on their way at the same time: they share the server's waits for disk."""

#: Tables of what all exposures of a camera share.
SHARED = ("instrument", "chip", "filter")

Statistics = list[dict[str, dict[str, float]]]
Progress = Callable[[int], None]


def ingest(
    paths: Iterable[Path | str] | Path | str = (),
    purpose: str | None = None,
    commit: bool = False,
    *,
    plan: Path | str | None = None,
    project: str | None = None,
    split_cubes: bool = False,
    pack: bool = False,
    processes: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Bring exposures into the system, into a project of their camera at the current level.

    Parameters
    ----------
    paths : path, or iterable of path
        FITS files, packed or not; patterns such as `night/*.fits`, folders, `@list` of names,
        and tar archives.
    purpose : str, optional
        What they were taken for (`"bias"`, `"dome"`, `"twilight"`, `"science"`, ...). The headers
        decide; files that say otherwise are refused, and files that do not say are taken for it.
    commit : bool
        Store and commit. Without it nothing is changed.
    plan : path, optional
        A plan, `ingest(...).to_plan('plan.csv')`, perhaps edited: its files are taken, as what
        it says they are.
    project : str, optional
        Where they go; by default into the current project if it is for their camera, else into
        the only one of yours that is.
    split_cubes : bool
        Take each plane of an image of three axes for an exposure, also where the description of
        the camera does not say so.
    pack : bool
        Let the dataserver keep the frames packed, in less than half the room; whoever fetches one
        gets the bytes that were stored.
    processes : int, optional
        How many processes read and send files; by default one per core, at most four.
    progress : callable, optional
        Called with 1 for each exposure done.

    Returns
    -------
    Report
        One row per file.

    Raises
    ------
    ArgumentError
        There is no such purpose or plan, or a folder, a list or an archive holds no FITS file.
    """
    if purpose is not None and purpose not in CLASSES:
        hint = nearest(purpose, list(CLASSES))
        msg = f"no purpose {purpose!r}{hint}; purposes are {', '.join(CLASSES)}"
        raise ArgumentError(msg)
    lines = {} if plan is None else planfile.read(Path(plan))
    with (
        sources.opened(paths, lines) as files,
        _executor(len(files), processes) as pool,
    ):
        report = Report([Row(path=path) for path in files])
        exposures = _examine(pool, report, purpose, lines, split_cubes, commit)
        known.skip(exposures, report)
        known.refuse_twins(exposures, report)
        names.refuse_taken(exposures, report)
        projects = _projects(exposures, report, project)
        if commit:
            stored = _store(pool, exposures, report, projects, progress)
            if pack:
                compact.pack(stored, report)
    return report


@contextmanager
def _executor(files: int, processes: int | None) -> Iterator[Executor]:
    number = processes or min(os.cpu_count() or 1, 4)
    pool: Executor
    pool = ThreadPoolExecutor(1) if files <= FEW or number == 1 else workers.pool(number)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _examine(
    pool: Executor,
    report: Report,
    purpose: str | None,
    lines: Mapping[Path, Line],
    cubes: bool,
    digest: bool,
) -> dict[int, Exposure]:
    """Return the exposures that may go on, by the number of their row."""
    said = {path: line.purpose or purpose for path, line in lines.items()}
    calls = {
        number: (row.path, said.get(row.path, purpose), cubes, digest, row.path in lines)
        for number, row in enumerate(report)
    }
    exposures = {}
    for number, exposure in sorted(workers.outcomes(pool, examine, calls)):
        row = report.rows[number]
        if isinstance(exposure, Exception):
            row.state, row.message = State.REFUSED, _told(exposure)
            continue
        try:
            judged = lines[row.path].applied(exposure) if row.path in lines else exposure
        except ArgumentError as error:
            row.state, row.message = State.REFUSED, str(error)
            continue
        if _fits(row, judged, purpose, insisted=row.path in lines):
            exposures[number] = judged
    return exposures


def _fits(row: Row, exposure: Exposure, purpose: str | None, *, insisted: bool) -> bool:
    """Say in the row what an exposure is; return False where it is refused.

    A plan insists on its files.
    """
    first = exposure.frames[0].attributes
    row.purpose = exposure.purpose
    row.object = first["OBJECT"]
    row.filter = exposure.filter
    row.frames = len(exposure.frames)
    row.begin = exposure.begin
    row.message = "; ".join(exposure.notes)
    if exposure.combined:
        told = f"{exposure.combined}: it was combined of several frames and is not a raw one"
        row.message = "; ".join(filter(None, [row.message, told]))
    if exposure.combined and not insisted:
        row.state = State.REFUSED
        row.message = (
            f"{told}; give awe those frames, or, where the camera itself combines them, write a "
            "plan and say yes there"
        )
    elif exposure.purpose not in CLASSES:
        row.state = State.REFUSED
        row.message = f"exposures for {exposure.purpose!r} are not ingested"
    elif purpose is not None and CLASSES[purpose] is not CLASSES[exposure.purpose]:
        row.state = State.REFUSED
        row.message = f"its header says {exposure.purpose}, you say {purpose}; leave out -t"
    return row.state is not State.REFUSED


def _projects(
    exposures: dict[int, Exposure], report: Report, asked: str | None
) -> dict[int, str]:
    """Return where each exposure goes; drop those that belong nowhere."""
    current = context.get_current_project().name
    places: dict[str, str | AweError] = {}
    found = {}
    for number, exposure in list(exposures.items()):
        row = report.rows[number]
        if exposure.instrument not in places:
            places[exposure.instrument] = _place(exposure.instrument, asked)
        place = places[exposure.instrument]
        if isinstance(place, AweError):
            row.state, row.message = State.REFUSED, str(place)
            del exposures[number]
            continue
        found[number] = place
        if place != current:
            row.message = "; ".join(filter(None, [row.message, f"into {place}"]))
    return found


def _place(camera: str, asked: str | None) -> str | AweError:
    try:
        return asked or destination.of(camera)
    except ProjectUnknown as error:
        return error


def _store(
    pool: Executor,
    exposures: dict[int, Exposure],
    report: Report,
    projects: Mapping[int, str],
    progress: Progress | None,
) -> dict[int, list[uuid.UUID]]:
    """Send and commit exposures, and return the files of those that were, by their rows."""
    if not exposures:
        return {}
    records: dict[str, Records] = defaultdict(Records)
    address = base_url()
    calls = {
        # Rows before bytes: the dataserver takes reserved files only, and clears unlinked ones.
        number: (exposure, _reserve([frame.filename for frame in exposure.frames]), address,
                 ticket())
        for number, exposure in exposures.items()
    }  # fmt: skip
    for number, statistics in workers.outcomes(pool, _send, calls):
        row = report.rows[number]
        try:
            if isinstance(statistics, Exception):
                raise statistics
            with context.project(projects[number]):
                shared = records[projects[number]]
                _commit(shared, exposures[number], number, calls[number][1], statistics, report)
        except (AweError, OSError, MemoryError) as error:
            camera = exposures[number].instrument
            row.state, row.message = State.FAILED, _unseen(error, camera) or _told(error)
        if progress is not None:
            progress(1)
    _keep(exposures, report)
    return {n: call[1] for n, call in calls.items() if report.rows[n].state is State.INGESTED}


def _keep(exposures: Mapping[int, Exposure], report: Report) -> None:
    """Keep the descriptions of cameras that came in; what there is to know goes to a row."""
    stored = [n for n in exposures if report.rows[n].state is State.INGESTED]
    first = {exposures[number].instrument: number for number in reversed(stored)}
    for camera, number in first.items():
        row = report.rows[number]
        row.message = "; ".join(filter(None, [row.message, cameras.keep(camera)]))


def _commit(
    records: Records,
    exposure: Exposure,
    number: int,
    ids: list[uuid.UUID],
    statistics: Statistics,
    report: Report,
) -> None:
    """Commit an exposure, unless another ingest has stored it since it was looked for."""

    def commit() -> None:
        # two ingests of one folder: whoever finds it missing is alone in storing it
        report.rows[number].state = State.INGESTED
        with database.transaction(alone=True):
            if not known.came_in_meanwhile(exposure, number, report):
                commit_all(records.frames(exposure, exposure.purpose, ids, statistics))

    try:
        database.retrying(commit)
    except Refused:
        # a camera, chip or filter of the same name that the other one made meanwhile
        records.forget()
        database.retrying(commit)


def _unseen(error: Exception, camera: str) -> str:
    """Return what to do where a camera is known at a level that this session does not see."""
    cause = error.__cause__
    table = getattr(getattr(cause, "diag", None), "table_name", None)
    if getattr(cause, "pgcode", None) != "23505" or table not in SHARED:
        return ""
    level = scope.current().privileges
    known = f"{camera} is known here, at a level that you do not see at {level}:"
    if camera in instruments.shipped():
        return f"{known} ask for awe-admin instrument enter {camera}"
    return (
        f"{known} ingest at a lower level, or let whoever ingested it first raise what is shared: "
        f"context.publish(Instrument.name == {camera!r}, 4), then Chip and Filter by their "
        "instrument.name"
    )


def _told(error: Exception) -> str:
    """Return what the report says of an error."""
    if isinstance(error, AweError):
        return str(error)
    if not isinstance(error, OSError):
        # `'chip'` alone says nothing: it is the KeyError of a camera's reader
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    place = error.filename or tempfile.gettempdir()
    return f"{place}: {error.strerror or error}"


def _reserve(names: list[str]) -> list[uuid.UUID]:
    """Announce files to the database and return their ids."""
    ids = [uuid.uuid4() for _ in names]
    values = [value for pair in zip(map(str, ids), names, strict=True) for value in pair]
    places = ", ".join(["(%s, %s)"] * len(names))
    database.execute(f"INSERT INTO awe.file (id, filename) VALUES {places}", values)
    return ids


def _send(exposure: Exposure, ids: list[uuid.UUID], address: str, secret: str) -> Statistics:
    """Cut an exposure and send its files; return the statistics of the frames."""
    # Mostly another process, without a connection to the database: the ticket comes along.
    client = Client(address, lambda: secret)

    def put(group: dict[uuid.UUID, Piece]) -> Statistics:
        files = {
            file_id: Outgoing(
                name=piece.frame.filename, parts=(piece.header, piece.pixels),
                sums=(None, piece.datasum),
            )
            for file_id, piece in group.items()
        }  # fmt: skip

        def checksum(file_id: uuid.UUID) -> str:
            # where it was cut off meanwhile, a look at its bytes ends the process
            exposure.require_same()
            return group[file_id].checksum

        send(client, files, sha256=checksum)
        return [piece.statistics for piece in group.values()]

    under_way: list[Future[Statistics]] = []
    with (
        contextlib.closing(client),
        ThreadPoolExecutor(AT_ONCE) as senders,
    ):
        try:
            frames = zip(ids, pieces(exposure), strict=True)
            while group := dict(islice(frames, GROUP)):
                under_way.append(senders.submit(put, group))
                if len(under_way) > AT_ONCE:
                    # no more pieces are in memory than that, and a refusal ends it at once
                    under_way[-AT_ONCE - 1].result()
            return [numbers for job in under_way for numbers in job.result()]
        finally:
            senders.shutdown(cancel_futures=True)
