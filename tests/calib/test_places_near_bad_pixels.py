"""Bad pixels near a source leave its windowed position where it is."""

from __future__ import annotations

import numpy as np
import pytest

from awe.calib.extraction.catalogue import measure
from awe.calib.extraction.detection import Settings

SETTINGS = Settings(
    threshold=1.5, minimum_area=5, deblend_levels=32, deblend_contrast=0.005, clean=1, box=64,
    median=3, apertures=(10,), kron_factor=2.5, kron_minimum=3.5, gain=2.5, correlation=0,
)  # fmt: skip
STRAYED = 256


@pytest.fixture(scope="module")
def field():
    """Stars of 300,000 ADU and 3 pixels across: the frame, and their places."""
    random = np.random.default_rng(5)
    grid = np.mgrid[20:400:40, 20:400:40].reshape(2, -1)
    y, x = grid + random.uniform(-0.5, 0.5, grid.shape)
    rows, columns = np.mgrid[:400, :400]
    light, size = np.full(rows.shape, 100.0), 3 / 2.3548
    for up, right in zip(y, x, strict=True):
        squares = (rows - up) ** 2 + (columns - right) ** 2
        light += 3e5 / (2 * np.pi * size**2) * np.exp(-squares / 2 / size**2)
    frame = random.poisson(light * 2.5) / 2.5 + random.normal(0, 3, light.shape)
    return frame.astype(np.float32), y, x


def placed(field, bad):
    """Return rms error along an axis, median error that is told [pixel], and FLAG."""
    frame, y, x = field
    found = measure(frame, SETTINGS, reasons=bad).columns
    off = np.hypot(
        found["XWIN_IMAGE"][:, None] - 1 - x, found["YWIN_IMAGE"][:, None] - 1 - y
    )
    near = off.min(axis=0)
    assert (near < 3).all()
    told = np.median(found["PosErr"][off.argmin(axis=0)]) / np.sqrt(2)
    return np.sqrt(np.mean(near**2) / 2), told, found["FLAG"][off.argmin(axis=0)]


@pytest.mark.parametrize(("away", "most"), [(2, 0.006), (3, 0.004), (5, 0.004)])
def test_one_bad_pixel_costs_no_star_its_place(field, away, most):
    frame, y, x = field
    bad = np.zeros(frame.shape, np.uint16)
    angle = np.random.default_rng(6).uniform(0, 2 * np.pi, x.size)
    rows, columns = np.rint([y + away * np.sin(angle), x + away * np.cos(angle)]).astype(int)
    bad[rows, columns] = 1
    frame = frame.copy()
    frame[rows, columns] = 60_000
    error, told, flag = placed((frame, y, x), bad)
    # without filling it was 0.075 pixels two pixels away, and told to be 0.002
    assert error < most
    assert told == pytest.approx(0.0023, abs=0.0005)
    assert not (flag & STRAYED).any()


def test_a_bad_column_through_the_middle_is_told(field):
    frame, _, x = field
    bad = np.zeros(frame.shape, np.uint16)
    bad[:, np.unique(np.rint(x).astype(int))[::3]] = 1
    through = bad[0, np.rint(x).astype(int)] > 0
    _, _, flag = placed(field, bad)
    assert 20 < through.sum() < 60
    assert ((flag & STRAYED > 0) == through).mean() > 0.95


def test_a_bad_pixel_at_the_edge_of_the_frame_is_no_error(field):
    frame, _, _ = field
    bad = np.zeros(frame.shape, np.uint16)
    bad[0], bad[:, -1] = 1, 1
    error, _, _ = placed(field, bad)
    assert error < 0.004
