"""Regions of the sky find what a plain evaluation finds, at the poles and through 0 h too."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from awe.db.objects.commit import commit_all
from awe.db.query import loading
from awe.errors import QueryError
from awe.model.observing import Astrom, Chip
from awe.model.raw import RawScienceFrame
from awe.model.science import ReducedScienceFrame

#: Places that matter: poles, both sides of 0 h, band edges, and values headers really hold.
RA = [0.0, 5e-324, 359.9999999, 360.0, -1e-11, -0.5, 180.0, 90.0, 10.5, 719.5, 1e9]
DEC = [-90.0, 90.0, -1e-320, 89.9999, -89.5, 0.0, 0.17578125, -30.0, 30.0, 95.0]


@pytest.fixture
def places(login: Any) -> list[Astrom]:
    """A grid of the places that matter and a spread over the sphere."""
    login()
    pairs = [(ra, dec) for ra in RA for dec in DEC]
    pairs += [(i * 137.50776 % 360, math.degrees(math.asin(i / 100 - 1))) for i in range(201)]
    pairs += [(math.nan, 0.0), (math.inf, math.inf), (0.0, -math.inf)]
    found = [Astrom(CRVAL1=ra, CRVAL2=dec) for ra, dec in pairs]
    commit_all(found)
    return found


def position(place: Astrom) -> tuple[float, float] | None:
    ra, dec = place.CRVAL1, place.CRVAL2
    if ra is None or dec is None or not (abs(ra) <= 3600 and abs(dec) <= 90):
        return None
    # Below a millionth of a millionth of a degree a coordinate is 0.
    return (ra if abs(ra) > 1e-12 else 0.0), (dec if abs(dec) > 1e-12 else 0.0)


def distance(ra: float, dec: float, place: tuple[float, float]) -> float:
    """Degrees between two places, by vectors: not the formula under test."""
    def vector(ra: float, dec: float) -> tuple[float, float, float]:
        ra, dec = math.radians(ra), math.radians(dec)
        return math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)

    a, b = vector(ra, dec), vector(*place)
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return math.degrees(math.atan2(math.hypot(*cross), dot))


SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(
    ra=st.sampled_from(RA[:-1]) | st.floats(-360, 720),
    dec=st.sampled_from([d for d in DEC if abs(d) <= 90]) | st.floats(-90, 90),
    radius=st.sampled_from([0.001, 0.1, 1.0, 20.0, 90.0, 179.0]) | st.floats(1e-4, 180),
)
@example(ra=0.0, dec=89.9, radius=0.2)
@example(ra=359.95, dec=0.0, radius=0.1)
@example(ra=10.0, dec=0.0, radius=180.0)
def test_a_cone_finds_what_lies_within_the_radius(
    places: list[Astrom], ra: float, dec: float, radius: float
) -> None:
    known = [(place, position(place)) for place in places]
    far = {place: distance(ra, dec, where) for place, where in known if where}
    assume(all(abs(value - radius) > 1e-7 for value in far.values()))
    wanted = {place for place, value in far.items() if value < radius}
    found = list(Astrom.near(ra, dec, radius))
    assert set(found) == wanted
    assert len(found) == len(wanted)


@SETTINGS
@given(
    low=st.sampled_from(RA[:-1]) | st.floats(0, 360),
    width=st.sampled_from([0.0, 1.0, 359.0, 360.0]) | st.floats(0, 360),
    dec_low=st.sampled_from([-90.0, -30.0, 0.0]) | st.floats(-90, 90),
    height=st.sampled_from([0.0, 180.0]) | st.floats(0, 180),
)
def test_a_box_finds_what_lies_between_its_sides(
    places: list[Astrom], low: float, width: float, dec_low: float, height: float
) -> None:
    high, dec_high = low + width, min(90.0, dec_low + height)

    def turned(ra: float) -> float:
        ra = ra if abs(ra) > 1e-12 else 0.0
        return ra - 360 * math.floor(ra / 360)

    def inside(where: tuple[float, float]) -> bool:
        begin, end, ra = (turned(value) for value in (low, high, where[0]))
        east = begin <= ra <= end if begin <= end else ra >= begin or ra <= end
        floor, ceiling = (value if abs(value) > 1e-12 else 0.0 for value in (dec_low, dec_high))
        return floor <= where[1] <= ceiling and (high - low >= 360 or east)

    wanted = {p for p in places if (where := position(p)) and inside(where)}
    assert set(Astrom.box(low, high, dec_low, dec_high)) == wanted


def test_frames_are_found_by_the_position_they_link_to(login: Any) -> None:
    login()
    here, there = Astrom(CRVAL1=0.01, CRVAL2=-30.0), Astrom(CRVAL1=180.0, CRVAL2=-30.0)
    frames = [
        RawScienceFrame(filename="here.fits", astrom=here, EXPTIME=10.0),
        RawScienceFrame(filename="there.fits", astrom=there),
        RawScienceFrame(filename="nowhere.fits", EXPTIME=1.0),
    ]
    reduced = ReducedScienceFrame(filename="reduced.fits", raw=frames[0], astrom=here)
    commit_all([*frames, reduced])
    assert list(RawScienceFrame.near(359.99, -30.0, 0.1)) == [frames[0]]
    assert list(RawScienceFrame.astrom.near(180.0, -30.0, 1.0)) == [frames[1]]
    assert list((RawScienceFrame.EXPTIME > 5).box(350, 10, -31, -29)) == [frames[0]]
    assert list(ReducedScienceFrame.raw.astrom.near(0.0, -30.0, 1.0)) == [reduced]
    assert set(~RawScienceFrame.near(0.0, -30.0, 1.0)) == {frames[1], frames[2]}


def test_one_s_deleted_position_comes_back_with_its_cell(login: Any) -> None:
    from awe.db.rights import trash

    login()
    place = Astrom(CRVAL1=12.0, CRVAL2=45.0)
    place.commit()
    trash.delete([place])
    assert len(Astrom.near(12.0, 45.0, 0.1)) == 0
    trash.undelete([place.object_id])
    assert [found.object_id for found in Astrom.near(12.0, 45.0, 0.1)] == [place.object_id]
    assert loading.fetch(Astrom, "object_id", place.object_id).CRVAL1 == 12.0


def test_mistakes_say_what_to_write(login: Any) -> None:
    login()
    with pytest.raises(QueryError, match=r"Chip has no position on the sky$"):
        Chip.near(0.0, 0.0, 1.0)
    with pytest.raises(QueryError, match=r"RawScienceFrame\.chip is a Chip and has no"):
        RawScienceFrame.chip.near(0.0, 0.0, 1.0)
    for arguments, word in [((0, 91, 1), "declination 91"), ((0, 0, -1), "radius -1"),
                            (("10h", 0, 1), "right ascension '10h'"),
                            ((math.nan, 0, 1), "right ascension nan")]:  # fmt: skip
        with pytest.raises(QueryError, match=word):
            RawScienceFrame.near(*arguments)
    with pytest.raises(QueryError, match="declination 10"):
        RawScienceFrame.box(0, 1, 20, 10)
