"""Compiled loops of the search for tracks against plain numpy, on numbers that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from awe.calib.sky import background
from awe.calib.tracks import binned, bins, kernels, lit_kernels


@pytest.mark.parametrize("shape", [(64, 50), (40, 70), (3, 9), (1, 5)])
@pytest.mark.parametrize("flip", [False, True])
def test_sums_along_lines_are_those_of_strips_joined_two_by_two(shape, flip):
    rng = np.random.default_rng(1)
    image = rng.integers(-20, 20, shape).astype(np.int16)
    n = 1 << (shape[0] - 1).bit_length()
    # what other calls leave in memory has no say
    for _ in range(3):
        np.full((n, n + shape[1]), 77, np.int16)
    sums = kernels.line_sums(image, n, flip)
    row = np.zeros((n, 2 * n + shape[1]), np.int64)
    row[: shape[0], n : n + shape[1]] = image[:, ::-1] if flip else image
    # A[s / 2, j] + B[s / 2, j + (s + 1) / 2], strips of one row first
    height = 1
    while height < n:
        joined = np.zeros_like(row)
        for strip in range(0, n, 2 * height):
            for s in range(2 * height):
                lower = row[strip + height + s // 2]
                shift = (s + 1) // 2
                joined[strip + s] = row[strip + s // 2]
                joined[strip + s, : lower.size - shift] += lower[shift:]
        row, height = joined, 2 * height
    expected = row[:, : n + shape[1]]
    # before n - s a line of slope s misses the frame
    for s in range(n):
        assert not sums[s, : n - s].any()
        assert (sums[s, n - s :] == expected[s, n - s :]).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(64, 90), (128, 300), (32, 700)])
def test_the_best_lines_are_those_of_a_look_at_every_line(seed, shape):
    rng = np.random.default_rng(seed)
    light = np.rint(rng.normal(0, 7, shape)).clip(-28, 28).astype(np.int16)
    weight = np.full(shape, 16, np.int16)
    # bright and dark lines, a faint broad one, holes in the weight
    for _ in range(6):
        column, rise = rng.integers(20, shape[1] - 20), rng.integers(-shape[0], shape[0])
        at = np.rint(np.linspace(column, column + rise, shape[0])).astype(int)
        at = at.clip(0, shape[1] - 1)
        light[np.arange(shape[0]), at] += np.int16(rng.choice((-20, 10, 20)))
    light[:, 40:44] += np.int16(2 * (seed % 2))
    light[:, 60] += np.int16(20)
    weight[rng.random(shape) < 0.1] = 0
    weight[5:20, 10:30] = 3
    light[weight == 0] = 0
    sums, weights = (kernels.line_sums(plane, shape[0], seed > 1) for plane in (light, weight))
    cell, least, unit, scale = 16, 16.0 * shape[0] / 3, np.float32(4 / 7), 1.1
    grid = (shape[0] // cell + 1, sums.shape[1] // cell + 1)
    score = np.zeros(grid, np.float32)
    slope, start, width = (np.zeros(grid, np.int32) for _ in range(3))
    kernels.peaks(sums, weights, least, unit, scale, cell, score, slope, start, width)
    expected = np.zeros(grid)
    for bins_wide in (1, 2, 4):
        value = _against_side_bands(sums, weights, bins_wide, least, float(unit)) / scale
        s, j = np.nonzero(value > 0)
        np.maximum.at(expected, (s // cell, j // cell), value[s, j])
    assert (score > 0).any()
    assert np.allclose(score, expected, rtol=1e-4)
    assert set(np.unique(width)) <= {0, 1, 2, 4}


def _against_side_bands(sums, weights, width, least, unit):
    """Return the significance of every line of a width that stands out by itself, or 0."""
    n, length = sums.shape
    light, weight = (
        np.array([np.convolve(row, np.ones(width))[width - 1 :] for row in plane.astype(float)])
        for plane in (sums, weights)
    )
    result = np.zeros((n, length))
    for s in range(n):
        for j in range(max(16, n - s - 4), length - 20):
            w = weight[s, j]
            if w < least * width or light[s, j] * unit <= 5 * 1.1 * np.sqrt(w):
                continue
            bands = [*range(j - 14, j - 2), *range(j + width + 2, j + width + 14)]
            side, its = sums[s, bands].sum(dtype=float), weights[s, bands].sum(dtype=float)
            if its >= w:
                excess = light[s, j] / w - side / its
                result[s, j] = excess / np.sqrt(1 / w + 1 / its) * unit
    return result


@pytest.mark.parametrize("degree", [1, 2])
def test_a_curve_goes_through_most_places(degree):
    rng = np.random.default_rng(2)
    along = np.flatnonzero(rng.random(300) < 0.7).astype(float)
    truth = 3 - 0.02 * along + (degree - 1) * 1e-4 * along**2
    across = np.rint(truth + rng.normal(0, 0.3, along.size))
    across[::9] += rng.integers(3, 9, across[::9].size)
    found = lit_kernels.curve_through(along, across, degree, 299.0, 10, 4)
    use = np.ones(along.size, bool)
    for _ in range(4):
        curve = np.polyfit(along[use], across[use], degree)
        rest = np.abs(across - np.polyval(curve, along))
        use = rest < max(1.0, 2 * np.median(rest[use]))
    assert np.allclose(found, np.polyval(curve, (0, 149.5, 299)), atol=1e-9)
    assert np.isnan(lit_kernels.curve_through(along[:9], across[:9], degree, 299.0, 10, 4)).all()


def test_light_across_a_run_is_the_median_of_its_steps():
    rng = np.random.default_rng(3)
    z, light = rng.normal(0, 1, (2, 60, 80)).astype(np.float32)
    xs, ys = np.linspace(5, 70, 40), np.linspace(2, 50, 40)
    ux, uy = 0.8, 0.6
    one, other = np.empty(33), np.empty(33)
    lit_kernels.across_run(z, light, xs, ys, ux, uy, 5, one, other)
    for number, d in enumerate(range(-16, 17)):
        x = np.floor(xs - d * uy + 0.5).astype(int)
        y = np.floor(ys + d * ux + 0.5).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < 80) & (y < 60)
        assert inside.sum() > 5
        assert one[number] == pytest.approx(np.median(z[y[inside], x[inside]]), abs=1e-6)
        assert other[number] == pytest.approx(np.median(light[y[inside], x[inside]]), abs=1e-6)


@pytest.mark.parametrize("crowd", [2, 40])
def test_the_best_line_has_most_votes_above_its_neighbours(crowd):
    rng = np.random.default_rng(crowd)
    votes = rng.poisson(crowd, (24, 700)).astype(np.int16)
    votes[7, 300:302] += 40
    used = np.zeros((7, 176), bool)
    used[3, 40:60] = True
    top, place = np.empty(24), np.zeros(24, np.int64)
    lit_kernels.best(votes, used, 0, 24, 16, top, place)
    for t in range(24):
        r = np.arange(9, 690)
        two = votes[t, r].astype(int) + votes[t, r + 1]
        nearby = sum(votes[t, r - q].astype(int) + votes[t, r + 1 + q] for q in range(3, 8))
        value = np.where((two >= 16) & ~used[t // 4, r // 4], two - 0.2 * nearby, -1.0)
        # a top below the least number of votes is no line and need not be the best one
        if value.max() >= 16:
            assert top[t] == pytest.approx(value.max())
            assert place[t] == r[np.argmax(value)]
        else:
            assert top[t] < 16


def test_a_frame_in_bins_with_and_without_what_is_trusted():
    rng = np.random.default_rng(5)
    image = rng.normal(500, 10, (64, 96)).astype(np.float32)
    image[10, 20] = np.nan
    bad, saturated, trusted = (rng.random((3, 64, 96)) < 0.1)
    bad |= saturated | trusted
    sky = background.estimate(image, box=32)
    found = binned.blocks(image, bad, saturated, trusted, sky, 10.0, 4)
    level = np.kron(sky.mesh, np.ones((32, 32), np.float32))
    capped = np.clip(image, level - 60, level + 60)

    def mean(values, use):
        use = use & np.isfinite(values)
        total = np.where(use, values, 0).reshape(16, 4, 24, 4).sum((1, 3), dtype=np.float64)
        number = use.reshape(16, 4, 24, 4).sum((1, 3))
        return total / np.maximum(number, 1), number

    for values, use, one, number in (
        (capped, ~bad, found.mean, found.number),
        (image, ~bad | saturated | trusted, found.whole, found.counted),
    ):
        expected, counted = mean(values, use)
        assert (number == counted).all()
        assert np.allclose(one, expected, rtol=1e-5)
    assert (found.full == saturated.reshape(16, 4, 24, 4).any((1, 3))).all()


def test_larger_bins_hold_the_mean_of_known_ones():
    rng = np.random.default_rng(6)
    plane = rng.normal(0, 1, (18, 13)).astype(np.float32)
    known = rng.random((18, 13)) < 0.6
    mean, number = np.empty((4, 3), np.float32), np.empty((4, 3), np.int64)
    full, spoilt = rng.random((18, 13)) < 0.05, np.empty((4, 3), np.bool_)
    bins.enlarge(plane, known, full, 4, mean, number, spoilt)
    assert (spoilt == full[:16, :12].reshape(4, 4, 3, 4).any((1, 3))).all()
    expected = known[:16, :12].reshape(4, 4, 3, 4).sum((1, 3))
    assert (number == expected).all()
    total = (plane * known)[:16, :12].reshape(4, 4, 3, 4).sum((1, 3))
    assert np.allclose(mean, total / np.maximum(expected, 1), atol=1e-6)


def test_short_groups_are_those_of_connected_bins():
    rng = np.random.default_rng(8)
    level = ndimage.gaussian_filter(rng.normal(0, 1, (120, 90)), 2).astype(np.float32)
    level *= np.float32(0.8) / level.std()
    labels, number = ndimage.label(level > np.float32(0.6))
    expected = np.zeros(level.shape, bool)
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if np.hypot(*(side.stop - side.start for side in box)) < 20:
            expected |= (labels == label) & (level > 1)
    found = np.zeros(level.shape, bool)
    bins.compact(level, np.float32(0.6), np.float32(1), 20.0, found)
    assert number > 20
    assert 0 < expected.sum() < (level > 1).sum()
    assert (found == expected).all()


def test_a_turned_plane_has_the_columns_as_rows():
    plane = np.arange(70 * 45, dtype=np.int16).reshape(70, 45)
    out = np.empty((45, 70), np.int16)
    bins.turn(plane, out)
    assert (out == plane.T).all()


@pytest.mark.parametrize(
    "line", [(3.217, 0.313, 50.731, 89.207), (0.319, 80.123, 118.417, 70.611),
             (0.307, 1.019, 88.411, 89.257), (77.633, 0.283, 0.271, 78.947),
             (2.011, 0.337, -1.013, 89.219)],
    ids=["steep", "shallow", "diagonal", "falling diagonal", "leaves the frame"],
)
def test_the_sharpened_line_crosses_most_lit_bins(line):
    rng = np.random.default_rng(9)
    state = (rng.random((90, 120)) < 0.2).astype(np.uint8)
    x0, y0, x1, y1 = line
    px, py = (1.0, 0.0) if abs(y1 - y0) > abs(x1 - x0) else (0.0, 1.0)

    def lit(xa, ya, xb, yb):
        part = np.linspace(0, 1, int(max(abs(xb - xa), abs(yb - ya))) + 1)
        x, y = (np.floor(a + part * (b - a) + 0.5).astype(int) for a, b in ((xa, xb), (ya, yb)))
        inside = (x >= 0) & (y >= 0) & (x < 120) & (y < 90)
        return int(state[y[inside], x[inside]].sum())

    moves = [(a, b) for a in range(-3, 4) for b in range(-3, 4)]
    lines = [(x0 + a * px, y0 + a * py, x1 + b * px, y1 + b * py) for a, b in moves]
    numbers = [lit(*one) for one in lines]
    assert max(numbers) > min(numbers)
    assert lit_kernels.sharpened(state, *line, px, py, 3) == lines[int(np.argmax(numbers))]


@pytest.mark.parametrize("angle", [0, 0.001, 0.3, 45, 89.99, 90, 133, 179.9])
def test_bins_near_a_line_are_cleared_and_no_others(angle):
    signal, weight = np.ones((60, 80), np.int16), np.ones((60, 80), np.int16)
    x0, y0, size, reach = 150.0, 110.0, 4, 22.0
    ux, uy = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    ends = (x0 - 100 * ux, y0 - 100 * uy, x0 + 100 * ux, y0 + 100 * uy)
    kernels.erase(signal, weight, size, *ends, reach, np.ones(1, np.bool_))
    y, x = np.mgrid[:60, :80] * size + 1.5
    across = np.abs((x - ends[0]) * uy - (y - ends[1]) * ux)
    along = ((x - ends[0]) * ux + (y - ends[1]) * uy) / 200
    near = (across < reach) & (along >= 0) & (along < 1)
    doubtful = np.abs(along - 1) < 1e-9
    assert (signal[~doubtful] == ~near[~doubtful]).all()
    assert (signal == weight).all()
    known = np.ones((60, 80), np.bool_)
    lit_kernels.erase(known, *(place / size for place in ends[:2]), ux, uy, 2.0, 50.0, 5.0)
    y, x = np.mgrid[:60, :80]
    along = (x - ends[0] / size) * ux + (y - ends[1] / size) * uy
    across = (y - ends[1] / size) * ux - (x - ends[0] / size) * uy
    across -= 8.0 * along / 50 * (1 - along / 50)
    assert (known == ~((along >= -2) & (along <= 52) & (np.abs(across) <= 5))).mean() > 0.9999
