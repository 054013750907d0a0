"""Cosmic rays beside the neural networks deepCR and Cosmic-CoNN, on files through Reduce.

    python -m venv /tmp/networks
    /tmp/networks/bin/pip install torch deepcr==0.3.1 cosmic-conn==0.6.1 matplotlib
    python -m benchmarks.networks --python /tmp/networks/bin/python

Cells are those of `benchmarks.pipeline`. The networks get the reduced image in electrons, at which
hits are still in it. Each is scored at probabilities of 0.5 and 0.1, and at the least probability
from which on its flags are as pure as awe's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from awe.errors import AweError
from benchmarks import grid, networks_apply, real, scenes
from benchmarks.alternating import load
from benchmarks.pipeline import DATA, Night, installation, reduced
from benchmarks.scores import Result, Score, score

CELLS = (
    "0/300/2.8/200", "0/2000/3.6/700", "300/2000/2.2/200", "300/2000/2.8/700", "1500/300/2.2/700",
    "1500/300/5/3000",
)  # fmt: skip
#: probabilities that are tried for a purity
TRIED = (0.02, 0.05, *np.arange(0.1, 1, 0.05), 0.97, 0.98, 0.99, 0.995, 0.999)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="interpreter that has the networks")
    parser.add_argument("--cells", nargs="+", default=CELLS, metavar="CELL")
    parser.add_argument("--size", type=int, default=768, help="side of the window [pixel]")
    parser.add_argument("--seed", type=int, default=81)
    parser.add_argument("--real", action="store_true", help="hits cut out of a real frame")
    parser.add_argument("--data", default=DATA, help="folder of real frames")
    options = parser.parse_args()
    hits = real.library(Path(options.data)) if options.real else []
    warnings.simplefilter("ignore")
    with installation() as folder:
        night = Night.taken(folder, options.size, options.seed, hits)
        print("| cell | who | events % | pixels % | purity % | CPU s |")
        print("| --- | --- | --- | --- | --- | --- |", flush=True)
        for number, cell in enumerate(map(grid.named, options.cells)):
            for who, figures in _compared(night, number, cell, options.python):
                print(f"| {cell} | {who} | {figures.events:.1f} | {figures.pixels:.1f} | "
                      f"{figures.purity:.1f} | {figures.cpu:.2f} |", flush=True)
    print(load())


def _compared(
    night: Night, number: int, cell: grid.Cell, python: str
) -> Iterator[tuple[str, Score]]:
    """Yield names and figures of awe, the script and the networks on one exposure."""
    scene = scenes.scene(cell, night.writer.sensor, night.seed, night.hits)
    path = night.writer.write("science", number, scene.raw)
    try:
        ours = reduced(path)
    except AweError as error:
        print(f"{cell} is refused: {error}")
        return
    mine = score(scene, ours)
    yield "awe, whole Reduce", mine
    yield "script, whole", score(scene, night.scripted(path))
    path.unlink()
    image = np.where(np.isfinite(ours.image), ours.image, np.nanmedian(ours.image))
    for name, (chances, cpu) in probabilities(image * scenes.GAIN, python).items():
        for least in (0.5, 0.1):
            yield f"{name} at {least}", score(scene, _with(ours, chances > least, cpu))
        equal = _as_pure(scene, ours, chances, cpu, mine.purity)
        if equal is not None:
            yield f"{name} at {equal[0]:.3g}, as pure as awe", equal[1]


def _with(ours: Result, hits: np.ndarray, cpu: float) -> Result:
    """Return a result with the hits of another."""
    return replace(ours, hits=hits, cpu=cpu)


def _as_pure(
    scene: scenes.Scene, ours: Result, chances: np.ndarray, cpu: float, purity: float
) -> tuple[float, Score] | None:
    """Return the least probability from which on flags are so pure, and the figures there."""
    for least in TRIED:
        figures = score(scene, _with(ours, chances > least, cpu))
        if figures.purity >= purity:
            return float(least), figures
    return None


def probabilities(image: np.ndarray, python: str) -> dict[str, tuple[Any, float]]:
    """Return what each network says of an image [electron], and its CPU time [s]."""
    source, target = Path("network.npy").resolve(), Path("network.npz").resolve()
    np.save(source, image.astype(np.float32))
    # one thread, none of this interpreter's packages, nor modules of this folder: its `inspect`
    env = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "HOME": str(Path.cwd())}
    subprocess.run(
        [python, "-P", networks_apply.__file__, source, target], check=True, env=env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with np.load(target) as saved:
        return {
            name: (saved[name], float(saved[f"{name} CPU"]))
            for name in saved.files if not name.endswith(" CPU")
        }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
