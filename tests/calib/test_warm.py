"""What is compiled is compiled before anybody waits for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import importlib, json, pathlib, sys, tempfile
import awe.calib
from awe import calib, fits
calib.warm()
list(fits.warming())
folder = pathlib.Path(awe.calib.__file__).parent
names = [".".join(("awe.calib", *path.relative_to(folder).with_suffix("").parts))
         for path in folder.rglob("*.py") if path.stem != "__init__"]
modules = [importlib.import_module(name) for name in [*names, "awe.fits._byte_kernels"]]
kernels = {
    f"{module.__name__}.{name}": kernel
    for module in modules for name, kernel in vars(module).items() if hasattr(kernel, "signatures")
}
before = {name: len(kernel.signatures) for name, kernel in kernels.items()}
from benchmarks import reduce
case = reduce.make(True, 3)
with tempfile.TemporaryDirectory() as folder:
    reduce.store(case, pathlib.Path(folder))
    reduce.ours(case, pathlib.Path(folder))
fresh = [name for name, kernel in kernels.items() if len(kernel.signatures) > before[name]]
missed = [name for name, kernel in kernels.items() if sum(kernel.stats.cache_misses.values())]
print(json.dumps([len(kernels), fresh, missed]))
"""


def run():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def first():
    """What a first process tells; it fills the cache on disk."""
    return run()


def test_a_first_reduction_with_its_files_compiles_nothing_after_warming(first):
    number, fresh, _ = first
    assert number > 30
    assert not fresh, fresh


def test_a_second_process_compiles_nothing_at_all(first):
    _, _, missed = run()
    assert not missed, missed
