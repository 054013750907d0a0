"""Pairs and groups of sources: kinds of association, ties, poles, the seam at 0, reproducible."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from awe.calib.association import Kind, groups, middles, pairs


def at(*degrees: tuple[float, float]) -> tuple[Any, Any]:
    places = np.array(degrees, float).reshape(-1, 2)
    return places[:, 0], places[:, 1]


#: an arcsecond in degrees
S = 1 / 3600


def test_the_closest_pairs_are_each_others_nearest() -> None:
    one, other = at((10, 0), (10 + 1.2 * S, 0)), at((10 + 0.9 * S, 0), (11, 0))
    first, second = pairs(one, other, 2.0)
    assert (list(first), list(second)) == ([1], [0])
    first, second = pairs(one, other, 2.0, closest=False)
    assert (list(first), list(second)) == ([0, 1], [0, 0])
    # of two at one distance the first is taken, whichever list is named first
    one, other = at((10, 0)), at((10 - S, 0), (10 + S, 0))
    assert [int(side[0]) for side in pairs(one, other, 2.0)] == [0, 0]
    assert [int(side[0]) for side in pairs(other, one, 2.0)] == [0, 0]
    assert not pairs(at(), other, 2.0)[0].size
    assert not pairs(one, at((50, 0)), 2.0)[0].size


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.99999, 60.0), (123.0, 89.9999)])
def test_distances_are_along_the_great_circle(ra: float, dec: float) -> None:
    from astropy import units
    from astropy.coordinates import SkyCoord

    rng = np.random.default_rng(1)
    place = SkyCoord(ra * units.deg, dec * units.deg)
    around = place.directional_offset_by(
        rng.uniform(0, 360, 400) * units.deg, rng.uniform(0.5, 1.5, 400) * units.arcsec
    )
    centre = (np.array([ra]), np.array([dec]))
    _, second = pairs(centre, (around.ra.deg, around.dec.deg), 1.0, closest=False)
    assert set(second) == set((place.separation(around) <= 1 * units.arcsec).nonzero()[0])


def test_kinds_pair_what_they_say() -> None:
    # a star in all lists, one that drifts, one in the last two, one alone in the second
    first = at((10, 0), (20, 0))
    second = at((20 + 0.8 * S, 0), (10, 0.1 * S), (30, 0))
    third = at((10, -0.1 * S), (20 + 1.6 * S, 0), (40, 0))
    fourth = at((40, 0.2 * S), (10, 0))
    lists = [first, second, third, fourth]
    chain = groups(lists, Kind.CHAIN, 1.0)
    assert [list(each) for each in chain] == [[0, 1], [1, 0, 2], [0, 1, 3], [3, 0]]
    master = groups(lists, Kind.MASTER, 1.0)
    assert [list(each) for each in master] == [[0, 1], [1, 0, -1], [0, -1, -1], [-1, 0]]
    matched = groups(lists, Kind.MATCHED, 1.0)
    assert [list(each) for each in matched] == [[0, -1], [-1, 0, -1], [0, -1, -1], [-1, 0]]
    again = groups(lists, Kind.CHAIN, 1.0)
    assert all(np.array_equal(a, b) for a, b in zip(chain, again, strict=True))
    empty = groups([at(), at()], Kind.MATCHED, 1.0)
    assert [each.size for each in empty] == [0, 0]


def test_the_middle_of_a_group_is_on_its_side_of_the_sky() -> None:
    ra, dec = middles(
        np.array([359.9, 0.1, 50.0]), np.array([1.0, 1.0, -2.0]), np.array([0, 0, 1]), 2
    )
    assert ra[0] % 360 == pytest.approx(0, abs=1e-9) or ra[0] == pytest.approx(360)
    assert ra[1] == pytest.approx(50)
    assert dec == pytest.approx([1.0, -2.0], abs=1e-5)


def test_a_hundred_thousand_sources_take_no_longer_than_astropy() -> None:
    from astropy import units
    from astropy.coordinates import SkyCoord

    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(150, 151, 100_000), rng.uniform(1, 2, 100_000)
    moved = (ra + rng.normal(0, 0.1 * S, ra.size), dec + rng.normal(0, 0.1 * S, ra.size))
    ours, theirs = [], []
    for _ in range(3):
        begin = time.process_time()
        first, second = pairs((ra, dec), moved, 1.0)
        ours.append(time.process_time() - begin)
        begin = time.process_time()
        one, other = (SkyCoord(*each, unit=units.deg) for each in ((ra, dec), moved))
        near, far, _ = one.match_to_catalog_sky(other)
        theirs.append(time.process_time() - begin)
    # pairs are mutual: what astropy calls nearest in both directions
    close = far < 1 * units.arcsec
    assert np.mean(near[first] == second) > 0.999
    assert 0.99 < first.size / close.sum() <= 1.0
    assert min(ours) < 1.5 * min(theirs), (ours, theirs)
