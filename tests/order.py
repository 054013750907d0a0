"""Which tests go first, which go together, and which are quick, by how long each file took before.

`pytest --record-seconds` (alone or with -n) writes the seconds of the files it ran to
`seconds.toml`. A file without a record is quick; where the longest go first it counts for each
test what those of its folder take.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Recorder", "file_of", "likely", "longest_first", "quick", "scheduler"]

RECORD = Path(__file__).with_name("seconds.toml")
ROOT = Path(__file__).parents[1]
#: Folders whose files share an installation that is dear: one worker runs them all.
TOGETHER = ("tests/tutorial",)
#: Seconds of work in the subset for every commit: two minutes, with room for a busy machine.
QUICK = 75.0
#: A file that takes longer than this is no check for every commit.
QUICK_FILE = 10.0
UNKNOWN = 0.1


def seconds() -> dict[str, float]:
    """Return what each file took when it was last recorded."""
    return dict(tomllib.loads(RECORD.read_text())) if RECORD.exists() else {}


def file_of(test: pytest.Item | pytest.TestReport) -> str:
    """Return the file a test stands in, as its name begins."""
    return test.nodeid.partition("::")[0]


def scope(node: str) -> str:
    """Return what runs on one worker together with this test: its file, or a folder."""
    file = node.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(folder + "/")), file)


def expected(files: Iterable[str]) -> dict[str, float]:
    """Return the seconds each file is expected to take, from the files of all its tests."""
    known = seconds()
    return {file: known.get(file, number * UNKNOWN) for file, number in Counter(files).items()}


def likely(files: Iterable[str]) -> dict[str, float]:
    """Return the seconds of each file; of one without a record as its folder makes them likely."""
    known, tests = seconds(), Counter(files)
    took: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for file in tests.keys() & known.keys():
        folder = file.rpartition("/")[0]
        took[folder] += known[file]  # type: ignore[assignment]
        number[folder] += tests[file]
    each = {folder: took[folder] / number[folder] for folder in took}
    return {
        file: known.get(file, n * each.get(file.rpartition("/")[0], UNKNOWN))
        for file, n in tests.items()
    }


def quick(files: Iterable[str]) -> set[str]:
    """Return the files of the subset for every commit: the shortest, until the time is used.

    Which of the recorded files belong to it does not depend on what is run.
    """
    left = QUICK
    chosen = set()
    for file, cost in sorted({**expected(files), **seconds()}.items(), key=lambda pair: pair[1]):
        left -= cost
        if cost > QUICK_FILE or left < 0:
            break
        chosen.add(file)
    return chosen


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return xdist's scheduler by file, but with the folders of `TOGETHER` in one piece."""
    from xdist.scheduler import LoadFileScheduling

    class ByScope(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid)

        def remove_node(self, node: Any) -> str | None:
            """Hand out what a dead worker had left, but for the test it died of and what is done.

            Run again, the test would end the next worker too; a finished file would be handed
            to a worker that then waits for ever.
            """
            given = self.assigned_work[node]
            left = (
                (unit, test) for unit in given.values() for test, done in unit.items() if not done
            )
            unit, died = next(left, ({}, None))
            if died is not None:
                unit[died] = True
            for name in [name for name, unit in given.items() if all(unit.values())]:
                del given[name]
            super().remove_node(node)
            return died

        def _reschedule(self, node: Any) -> None:
            """Give work to a worker that knows the tests; a dead one's successor may not yet."""
            if node in self.registered_collections:
                super()._reschedule(node)

        def schedule(self) -> None:
            """Hand out work; who has one test and gets no more is told so, and runs it."""
            super().schedule()
            for node in self.nodes:
                self._reschedule(node)

    # the tests come in the order in which they are to be handed out
    config.option.loadscopereorder = False
    return ByScope(config, log)


def longest_first(items: list[pytest.Item]) -> None:
    """Put the tests of the longest scopes first; those of one scope keep their order."""
    cost: Counter[str] = Counter()
    for file, took in likely(map(file_of, items)).items():
        cost[scope(file)] += took  # type: ignore[assignment]
    items.sort(key=lambda item: (-cost[scope(item.nodeid)], scope(item.nodeid)))


class Recorder:
    """Adds up the seconds of each file and writes them down at the end."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.taken[file_of(report)] += report.duration  # type: ignore[assignment]

    def pytest_sessionfinish(self) -> None:
        found = {**seconds(), **self.taken}
        found = {file: took for file, took in found.items() if (ROOT / file).exists()}
        lines = [f'"{file}" = {took:.1f}\n' for file, took in sorted(found.items())]
        head = "# Seconds each file took, by `pytest --record-seconds`: the longest go first.\n"
        RECORD.write_text(head + "".join(lines))
