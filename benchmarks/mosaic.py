"""A mosaic of 32 chips in five exposures: time, memory, and how often a frame is read.

160 regridded frames of one camera, with their stars, planes and weights, are written as Regrid
writes them; a process of its own adds them and writes the files of the sum. Exits 1 where a limit
is not kept.

    python -m benchmarks.mosaic [--folder DIR] [--part 1]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.alternating import load

CHIPS = (8, 4)
SHAPE = (4100, 2048)
GAP = 60
DITHERS = ((0, 0), (110, 70), (-90, 130), (170, -120), (-140, -80))
NOISE, GAIN, SIGMA = 10.0, 2.5, 1.7
#: stars of a chip
STARS = 250
SECONDS, MEGABYTES = 60.0, 1000.0


def written(folder: Path, part: int) -> list[dict[str, Any]]:
    """Write the frames of a mosaic, their sides parts of the whole ones; return their places."""
    from astropy.io import fits as astropy_fits

    from awe import fits
    from awe.fits.planes import WEIGHT_WITHIN
    from awe.tasks.maps import flag_image, variance_image

    ny, nx = (side // part for side in SHAPE)
    random = np.random.default_rng(5)
    size = (CHIPS[1] * (ny + GAP), CHIPS[0] * (nx + GAP))
    number = STARS * CHIPS[0] * CHIPS[1] // part**2
    stars = np.c_[random.uniform(0, size[0], number), random.uniform(0, size[1], number)]
    light = 10 ** random.uniform(3, 5, number)
    noise = random.normal(0, NOISE, (ny + 997, nx)).astype(np.float32)
    found = []
    for exposure, (right, up) in enumerate(DITHERS):
        for chip in range(CHIPS[0] * CHIPS[1]):
            row = (chip // CHIPS[0]) * (ny + GAP) + up // part
            column = (chip % CHIPS[0]) * (nx + GAP) + right // part
            # the same noise from another row on: a frame in a moment
            image = noise[random.integers(997) :][:ny] * (1 + 0.02 * random.random())
            _lit(image, stars - (row, column), light)
            weight = np.ones((ny, nx), np.float32)
            weight.ravel()[random.integers(0, weight.size, weight.size // 500)] = 0
            flags = np.where(weight > 0, 0, 16).astype(np.uint16)
            variance = NOISE**2 + np.maximum(image, 0) / np.float32(GAIN)
            name = folder / f"f{exposure}-{chip}.fits"
            cards = astropy_fits.Header()
            fits.write(name, [flag_image(flags), variance_image(variance)],
                       primary=fits.Image(image, cards))  # fmt: skip
            behind = folder / f"w{exposure}-{chip}.fits"
            fits.write(behind, fits.Image(weight, cards, WEIGHT_WITHIN))
            found.append({"image": str(name), "weight": str(behind), "at": (row, column)})
    return found


def _lit(image: np.ndarray, places: np.ndarray, light: np.ndarray) -> None:
    reach = 12
    side = np.arange(-reach, reach + 1)
    ny, nx = image.shape
    for (y, x), counts in zip(places, light, strict=True):
        j, i = round(y), round(x)
        if reach <= j < ny - reach and reach <= i < nx - reach:
            along = np.exp(-((side + j - y) ** 2) / 2 / SIGMA**2)
            across = np.exp(-((side + i - x) ** 2) / 2 / SIGMA**2)
            image[j - reach : j + reach + 1, i - reach : i + reach + 1] += (
                counts / (2 * np.pi * SIGMA**2) * along[:, None] * across
            )


class Watch(threading.Thread):
    """The largest memory of its own that this process had, pages of mapped files left out."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self.steps: dict[str, float] = {}
        self.step = "start"

    def run(self) -> None:
        """Look fifty times a second."""
        while True:
            text = Path("/proc/self/status").read_text()
            now = next(int(one.split()[1]) for one in text.splitlines() if "RssAnon" in one) / 1024
            self.most = max(self.most, now)
            self.steps[self.step] = max(self.steps.get(self.step, 0.0), now)
            time.sleep(0.02)


class Steps:
    """CPU seconds and memory of this process, step by step."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.watch.start()
        self.spent: dict[str, float] = {}

    def begin(self, name: str) -> None:
        """End a step and begin another one."""
        now = resource.getrusage(resource.RUSAGE_SELF)
        self.spent[self.watch.step] = now.ru_utime + now.ru_stime - sum(self.spent.values())
        self.watch.step = name

    def tell(self) -> bool:
        """Print what was spent; return whether the limits are kept."""
        seconds = sum(self.spent.values())
        told = ", ".join(f"{name} {spent:.1f}" for name, spent in self.spent.items())
        print(f"CPU s: {told}; in all {seconds:.1f}")
        told = ", ".join(f"{name} {most:.0f}" for name, most in self.watch.steps.items())
        whole = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"memory of its own: {self.watch.most:.0f} MB ({told}); with pages of mapped files "
              f"at most {whole:.0f} MB")  # fmt: skip
        return seconds <= SECONDS and self.watch.most <= MEGABYTES


def laid_out(folder: Path, frames: list[dict[str, Any]]) -> list[Any]:
    """Return the frames as Coadd lays them out in its scratch directory."""
    from awe.tasks.spooled import Spool

    low = tuple(min(one["at"][k] for one in frames) for k in (0, 1))
    spools = []
    for number, one in enumerate(frames):
        frame = SimpleNamespace(
            pathname=one["image"], weight=SimpleNamespace(pathname=one["weight"]),
            astrom=SimpleNamespace(corner=tuple(one["at"])),
            background_noise=NOISE, gain=GAIN, correlation=1.0,
        )  # fmt: skip
        spools.append(Spool.of(frame, folder / f"layer{number}.values", (low[0], low[1]), 1.0))
    return spools


def added(folder: Path) -> bool:
    """Add the frames of a folder as Coadd does, write the files, and print what it took."""
    from astropy.io import fits as astropy_fits

    from awe import fits
    from awe.fits.planes import WEIGHT_WITHIN
    from awe.tasks import maps, products, spooled
    from awe.tasks.inputs import imstat
    from awe.tasks.mapped import Planes

    frames = json.loads((folder / "frames.json").read_text())
    reads: Counter[str] = Counter()
    real = fits.read_pixels

    def counted(path: Path, *more: Any) -> Any:
        reads[str(path)] += 1
        return real(path, *more)

    fits.read_pixels = counted
    steps = Steps()
    steps.begin("read")
    spools = laid_out(folder, frames)
    layers = [one.layer for one in spools]
    shape = (max(one.row + one.shape[0] for one in layers),
             max(one.column + one.shape[1] for one in layers))  # fmt: skip
    steps.begin("add")
    planes = Planes(folder)
    how = SimpleNamespace(
        COMBINE_TYPE="CLIPPED", CLIP_SIGMA=4.0, CLIP_AMPFRAC=0.3, MAXIMUM_FLUX_DIFFERENCE=0.05,
        MAXIMUM_OFFSET=0.5, COMPARED_STARS=20,
    )  # fmt: skip
    found = spooled.summed(spools, shape, how, planes)
    new = found.coadded
    steps.begin("measure")
    spread, width = imstat(new.image).stdev, spooled.width(new, 5 * GAIN)
    flags = spooled.outside(new.coverage, planes)
    products.picture_of(SimpleNamespace(), new.image)
    steps.begin("write")
    behind = [maps.flag_image(flags), maps.variance_image(new.variance, None, "adu2/s2"),
              maps.coverage_image(new.coverage)]  # fmt: skip
    cards = astropy_fits.Header()
    fits.write(folder / "sum.fits", behind, primary=fits.Image(new.image, cards))
    fits.write(folder / "sum.weight.fits", fits.Image(new.weight, cards, WEIGHT_WITHIN))
    steps.begin("end")
    most = max(reads[one[kind]] for one in frames for kind in ("image", "weight"))
    print(f"{len(frames)} frames of {layers[0].shape}, a sum of {shape}, {len(found.kept)} kept, "
          f"scatter {spread:.1f}, stars {width:.3f} pixels wide")  # fmt: skip
    print(f"a frame is read {most} time(s); {load()}")
    return steps.tell() and most == 1


def main() -> int:
    """Write the frames, and add them in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--part", type=int, default=1, help="sides of the chips are divided by it")
    parser.add_argument("--add", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.add:
        return int(not added(options.add))
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        (folder / "frames.json").write_text(json.dumps(written(folder, options.part)))
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "benchmarks.mosaic", "--add", name]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
