"""Sums too large for memory: planes on disk, the same pixels, and what becomes of their room."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from awe.calib.coaddition import Layer
from awe.errors import DiskFull
from awe.tasks import mapped, spooled
from awe.tasks.mapped import Planes
from awe.tasks.spooled import Spool, outside, summed

SIDE = 500
PARAMETERS = SimpleNamespace(
    COMBINE_TYPE="CLIPPED", CLIP_SIGMA=4.0, CLIP_AMPFRAC=0.3, MAXIMUM_FLUX_DIFFERENCE=0.05,
    MAXIMUM_OFFSET=0.5, COMPARED_STARS=5,
)  # fmt: skip


def frames(odd: bool = False) -> list[Spool]:
    """Three dithers of two chips with stars; the light of the last may be wrong."""
    rng = np.random.default_rng(7)
    grid = np.arange(40, 1050, 60)
    y, x = (plane.ravel() + rng.uniform(-2, 2, grid.size**2) for plane in np.meshgrid(grid, grid))
    made = []
    for number in range(6):
        row, column = 17 * (number // 2), 11 * (number // 2) + 520 * (number % 2)
        image = rng.normal(0, 5, (SIDE, SIDE)).astype(np.float32)
        down, right = np.mgrid[-9:10, -9:10]
        for a, b in zip(y - row, x - column, strict=True):
            j, i = round(a), round(b)
            if 9 <= j < SIDE - 9 and 9 <= i < SIDE - 9:
                r2 = (down + j - a) ** 2 + (right + i - b) ** 2
                image[j - 9 : j + 10, i - 9 : i + 10] += 900 * np.exp(-r2 / 2 / 1.7**2)
        if odd and number == 5:
            image *= 1.3
        made.append(Spool(good=1.0, layer=Layer(
            row=row, column=column, shape=image.shape, noise=5.0, gain=2.5,
            read=lambda rows, image=image: (image[rows], np.ones_like(image[rows])),
        )))  # fmt: skip
    return made


@pytest.mark.parametrize("odd", [False, True])
def test_a_sum_on_disk_has_the_pixels_of_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: bool
) -> None:
    shape = (SIDE + 34, SIDE + 542)
    plain = summed(frames(odd), shape, PARAMETERS, Planes(tmp_path))
    width = spooled.width(plain.coadded, 7.5)
    monkeypatch.setattr(mapped, "LARGE", 100_000)
    monkeypatch.setattr(spooled, "LARGE", 100_000)
    planes = Planes(tmp_path)
    found = summed(frames(odd), shape, PARAMETERS, planes)
    for name in ("image", "weight", "variance", "coverage"):
        assert np.array_equal(
            getattr(found.coadded, name), getattr(plain.coadded, name), equal_nan=True
        ), name
    assert found.kept == plain.kept == ([0, 1, 2, 3, 4] if odd else [0, 1, 2, 3, 4, 5])
    assert list(found.why) == ([5] if odd else [])
    # stars at the edges of parts are left out: most of them are there all the same
    assert found.agreements[0].stars > 0.6 * plain.agreements[0].stars > 20
    assert spooled.width(found.coadded, 7.5) == pytest.approx(width, abs=0.05)
    assert not list(tmp_path.iterdir())
    flags = outside(found.coadded.coverage, planes)
    assert np.array_equal(flags > 0, found.coadded.coverage == 0)


def test_a_plane_on_disk_takes_no_memory_and_keeps_what_was_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "LARGE", 1000)
    planes = Planes(tmp_path)
    tracemalloc.start()
    one = planes.new((2000, 2000), np.float32)
    one[...] = 7
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    planes.let_go()
    assert (one == 7).all()
    planes.forget()
    assert (one == 7).all()


def test_no_room_for_a_plane_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "LARGE", 1000)
    shape = (1 << 26, 1 << 22)
    with pytest.raises(DiskFull, match=r"GB free, a plane of the sum needs .* GB; free some"):
        Planes(tmp_path).new(shape, np.float32)
