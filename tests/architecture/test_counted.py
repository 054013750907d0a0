"""Imports are at the top and go round in no circle; sizes and names keep their limits.

The numbers called `..._MOST` are budgets: what the tree has today, and they only ever shrink.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.architecture.count import inside_functions, needless, quantile, table, twice
from tests.architecture.tree import Import, Module, Place, circles, heavy_modules, modules

#: Statements inside functions that import a module of ours, heavy ones included.
INSIDE_MOST = 76
#: Modules imported inside functions that are neither heavy nor hold something heavy.
NEEDLESS_MOST = 8
#: Modules that are part of a circle.
CIRCLING_MOST = 0
#: Lines of the 90th percentile of function bodies.
BODY_90TH_MOST = 20
LONGEST_MODULE = 500

#: Names of files and folders that exist more than once, and why each of them may.
TWICE = {
    "astrometry": "the kernels, the solution of a frame, and the recipe of that name",
    "background": "the method on an array, and the recipe's settings of it",
    "backup": "the service, and the command of awe-admin that calls it",
    "bias": "the kernel, and the recipe of that name",
    "client": "one speaks to the dataserver, one is the prompt's end of the DPU",
    "columns": "text next to text on a terminal, and columns of a table",
    "command": "the command line of each program",
    "courses": "their rights, and the accounts made for them",
    "detector": "the kernels that correct one, and the one that is simulated",
    "errors": "the errors, and how the prompt shows them",
    "fsck": "the check, and the command of awe-admin that calls it",
    "gain": "the kernel, and the recipe of that name",
    "graph": "the lineage of an object, and the picture of it",
    "illumination": "the kernel, and the recipe of that name",
    "keeper": "one watches the jobs, one the services",
    "kernels": "the compiled loops of each family",
    "photometry": "aperture photometry in a window, of simulated stars, and what nights are",
    "quality": "the verdict, and the picture of what it is made from",
    "query": "the folder of the query language, and its noun",
    "records": "what is written down of an ingest, of a recipe, and of an installation",
    "reference": "pages made from declarations, and catalogues of stars with known places",
    "runner": "the folder of the process, and its loop",
    "search": "the search for hits, and for tracks",
    "server": "the database server, the dataserver, and the process that serves both",
    "services": "the folder, and the commands of awe-admin that start and stop them",
    "skies": "the kernels, and the choice of the frames for them",
    "sky": "kernels of the light, regions in a query, and the simulated sky",
    "sources": "what the ingest takes files from, and lists of what is detected in frames",
    "stars": "the stars in a frame, and those a search for hits must leave alone",
    "statistics": "the kernels, and the attributes that hold their results",
    "store": "the dataserver's files, and the command of awe-admin about them",
    "tables": "tables of the database, and the table of a task's results",
    "user": "users of awe-admin, and the folder of their own recipes",
    "values": "of header cards, and shown at the prompt",
    "worker": "the folder of the process, and its loop",
}


@pytest.fixture(scope="module")
def tree() -> list[Module]:
    return modules()


def imports(tree: list[Module]) -> list[Import]:
    return [one for module in tree for one in module.imports]


def within(found: list[str], most: int) -> None:
    """Fail above the budget, and name what was found."""
    assert len(found) <= most, "\n".join([f"{len(found)}, and {most} at most:", *found])


def test_modules_of_ours_are_imported_at_the_top(tree: list[Module]) -> None:
    found = [f"{module}:{line}" for module, line in inside_functions(imports(tree))]
    within(found, INSIDE_MOST)


def test_inside_functions_only_what_is_heavy_is_imported(tree: list[Module]) -> None:
    found = [f"{one.importer}:{one.line} imports {one.target}" for one in needless(tree)]
    within(found, NEEDLESS_MOST)


def test_modules_import_each_other_in_no_circle(tree: list[Module]) -> None:
    groups = circles(imports(tree))
    found = [f"{name} (circle {number})" for number, one in enumerate(groups) for name in one]
    within(found, CIRCLING_MOST)


def test_names_exist_twice_only_for_a_reason(tree: list[Module]) -> None:
    new = {name: places for name, places in twice(tree).items() if name not in TWICE}
    assert not new, f"give these a name of their own, or a reason in TWICE: {new}"
    past = set(TWICE) - set(twice(tree))
    assert not past, f"these exist once by now, take them out of TWICE: {past}"


def test_sizes_keep_their_limits(tree: list[Module]) -> None:
    assert max(len(module.lines) for module in tree) <= LONGEST_MODULE
    assert quantile([n for module in tree for _, n in module.bodies], 0.9) <= BODY_90TH_MOST


def test_the_table_is_counted(tree: list[Module]) -> None:
    counted = table(tree)
    assert counted["modules"] == str(len(tree))
    assert int(counted["source lines"]) > 10_000
    assert all(counted.values())


# -- the reader itself ---------------------------------------------------------------------------

Plant = Callable[[str, str], Module]


@pytest.fixture
def plant(tmp_path) -> Plant:
    """Return a function that makes a module of a false package from its text."""

    def made(name: str, text: str) -> Module:
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return Module(path, tmp_path)

    return made


def test_a_circle_is_found_through_functions_and_types(plant: Plant) -> None:
    tree = [
        plant("awe.errors", "def f():\n    import awe.config\n"),
        plant("awe.config", "if TYPE_CHECKING:\n    import awe.lazy\n"),
        plant("awe.lazy", "from awe.errors import f\n"),
        plant("awe.terminal", "import awe.lazy\n"),
    ]
    assert circles(imports(tree)) == [["awe.config", "awe.errors", "awe.lazy"]]
    assert circles(one for one in imports(tree) if one.place is not Place.TYPES) == []


def test_what_holds_something_heavy_at_its_top_is_heavy(plant: Plant) -> None:
    tree = [
        plant("awe.errors", "import numpy.linalg\n"),
        plant("awe.config", "import awe.errors\n"),
        plant("awe.lazy", "def f():\n    import awe.config, awe.terminal, scipy, math\n"),
        plant("awe.terminal", "import awe.lazy\n"),
    ]
    assert heavy_modules(tree) == {"awe.errors", "awe.config"}
    assert [one.target for one in needless(tree)] == ["awe.terminal", "math"]
    assert inside_functions(imports(tree)) == [("awe.lazy", 2)]


def test_a_method_and_a_body_are_measured_without_the_docstring(plant: Plant) -> None:
    text = (
        '"""Text."""\n'
        "class Noun:\n"
        "    def method(self):\n"
        '        """Say something\n\n        in three lines."""\n'
        "        # why\n"
        "        return 1\n"
        "    def _hidden(self): pass\n"
    )
    module = plant("awe.errors", text)
    assert module.bodies == [("method", 2), ("_hidden", 1)]
    assert (module.docstring_lines, module.comment_lines) == (4, 1)
    assert [name for name, _ in module.public] == [
        "awe.errors", "awe.errors.Noun", "awe.errors.Noun.method",
    ]  # fmt: skip
