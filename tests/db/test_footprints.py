"""What frames cover, against astropy's projections and plain geometry, on ten thousand fields.

The database is asked with its own vectors; here a place is turned into pixels by astropy and
looked for between 0.5 and NAXIS + 0.5, and outlines are compared in a plane they are projected to.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from awe.db.objects.commit import commit_all
from awe.db.query.query import Query
from awe.errors import QueryError
from awe.model.observing import Astrom
from awe.model.raw import RawScienceFrame
from awe.model.science import ReducedScienceFrame

FIELDS = 10_000
#: Degrees: nearer than this to a border nobody is asked.
BORDER = 1e-8


def world(header: Sequence[float]) -> WCS:
    """The projection of CRVAL, CRPIX and CD, two, two and four numbers."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = header[:2], header[2:4]
    wcs.wcs.cd = [header[4:6], header[6:]]
    return wcs


class Fields:
    """Random frames: place, size, angle and parity, with poles and 0 h; what each one covers."""

    def __init__(self, seed: int = 5) -> None:
        random = np.random.default_rng(seed)
        n = FIELDS
        self.ra = random.uniform(0, 360, n)
        self.dec = np.degrees(np.arcsin(random.uniform(-1, 1, n)))
        self.dec[: n // 10] = random.uniform(89, 90, n // 10) * random.choice([-1, 1], n // 10)
        self.ra[n // 10 : n // 5] = random.normal(0, 0.5, n // 10) % 360
        self.dec[n // 10 : n // 5] = random.normal(-31, 0.5, n // 10)
        scale = 10 ** random.uniform(-5.0, -2.3, n)
        angle, parity = random.uniform(0, 2 * np.pi, n), random.choice([-1, 1], n)
        self.cd = np.array([[scale * np.cos(angle) * parity, -scale * np.sin(angle)],
                            [scale * np.sin(angle) * parity, scale * np.cos(angle)]])  # fmt: skip
        self.size = random.integers(1, 4200, (2, n))
        self.crpix = self.size * random.uniform(-2, 3, (2, n))
        self.ids = [uuid.uuid4() for _ in range(n)]

    def rows(self) -> list[tuple[Any, ...]]:
        return [
            (str(self.ids[i]), *map(float, self.header(i)), *map(int, self.size[:, i]))
            for i in range(FIELDS)
        ]

    def header(self, i: int) -> list[float]:
        return [self.ra[i], self.dec[i], *self.crpix[:, i], *self.cd[0, :, i], *self.cd[1, :, i]]

    def pixels(self, ra: float, dec: float) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Pixel of a place in every field by trigonometry, and whether it is in front."""
        a, d = np.radians(ra - self.ra), math.radians(dec)
        d0 = np.radians(self.dec)
        front = np.sin(d0) * math.sin(d) + np.cos(d0) * math.cos(d) * np.cos(a)
        xi = np.degrees(math.cos(d) * np.sin(a) / front)
        eta = np.degrees((np.cos(d0) * math.sin(d) - np.sin(d0) * math.cos(d) * np.cos(a)) / front)
        det = self.cd[0, 0] * self.cd[1, 1] - self.cd[0, 1] * self.cd[1, 0]
        x = (self.cd[1, 1] * xi - self.cd[0, 1] * eta) / det + self.crpix[0]
        y = (self.cd[0, 0] * eta - self.cd[1, 0] * xi) / det + self.crpix[1]
        return x, y, front > 0

    def outline(self, i: int, steps: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
        """Places along the border of one field, by astropy."""
        t = np.arange(steps) / steps
        w, h = self.size[:, i]
        x = np.concatenate([t * w, np.full(steps, w), (1 - t) * w, np.zeros(steps)]) + 0.5
        y = np.concatenate([np.zeros(steps), t * h, np.full(steps, h), (1 - t) * h]) + 0.5
        ra, dec = world(self.header(i)).all_pix2world(x, y, 1)
        return ra, dec

    def covering(self, ra: float, dec: float) -> tuple[set[Any], set[Any]]:
        """Fields that cover a place, and those whose border is too near to tell."""
        x, y, front = self.pixels(ra, dec)
        scale = np.hypot(self.cd[0, 0], self.cd[1, 0])
        margin = BORDER / scale
        w, h = self.size
        depth = np.minimum.reduce([x - 0.5, w + 0.5 - x, y - 0.5, h + 0.5 - y])
        inside = front & (depth > 0)
        close = front & (np.abs(depth) <= margin)
        return ({self.ids[i] for i in np.flatnonzero(inside)},
                {self.ids[i] for i in np.flatnonzero(close)})  # fmt: skip


@pytest.fixture(scope="module")
def fields() -> Fields:
    return Fields()


@pytest.fixture
def sky(login: Any, fields: Fields) -> Fields:
    """The fields in the database, each with its astrom, put there as an ordinary user."""
    from psycopg2.extras import execute_values

    scope = login()
    stamp = f"{scope.user_id}, {scope.project_id}, 1"
    connection = login.db.connect("student")
    with connection.cursor() as cursor:
        execute_values(
            cursor,
            "INSERT INTO awe.astrom (object_id, _creator, _project, _privileges, crval1, crval2, "
            f"crpix1, crpix2, cd1_1, cd1_2, cd2_1, cd2_2) SELECT id, {stamp}, a, b, c, d, e, f, g,"
            " h FROM (VALUES %s) v (id, a, b, c, d, e, f, g, h, nx, ny)",
            fields.rows(), template="(%s::uuid, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        )  # fmt: skip
        execute_values(
            cursor,
            "INSERT INTO awe.reduced_science_frame (object_id, _creator, _project, _privileges, "
            f"astrom, naxis1, naxis2, _cell) SELECT id, {stamp}, id, nx, ny, 7 "
            "FROM (VALUES %s) v (id, nx, ny)",
            [(row[0], row[9], row[10]) for row in fields.rows()], template="(%s::uuid, %s, %s)",
        )  # fmt: skip
    connection.commit()
    return fields


def found(query: Query) -> set[Any]:
    return {row[0] for row in query.values("object_id")}


def test_frames_that_cover_a_place_are_found_on_ten_thousand_fields(sky: Fields) -> None:
    random = np.random.default_rng(11)
    places = [(0.0, 90.0), (123.0, -90.0), (0.0, -31.0), (359.9999999, -31.0), (720.25, -31.2)]
    for _ in range(60):
        i = random.integers(0, FIELDS)
        ra, dec = sky.outline(i, 1)
        inside = random.dirichlet(np.ones(4))
        points = SkyCoord(ra, dec, unit="deg").cartesian.xyz.value @ inside
        middle = SkyCoord(*points, representation_type="cartesian").represent_as("unitspherical")
        places.append((float(middle.lon.deg), float(middle.lat.deg)))
    places += [(random.normal(0, 0.3) % 360, random.normal(-31, 0.3)) for _ in range(20)]
    covered = 0
    for ra, dec in places:
        wanted, unclear = sky.covering(ra, dec)
        asked = ReducedScienceFrame.covers(ra, dec)
        assert found(asked) - unclear == wanted - unclear, (ra, dec)
        assert found(ReducedScienceFrame.near(ra, dec, 0)) - unclear == wanted - unclear
        assert len(asked) == len(found(asked))
        covered += len(wanted)
    assert covered > 200


def test_every_frame_is_found_by_its_centre(sky: Fields) -> None:
    random = np.random.default_rng(12)
    for i in [*range(0, FIELDS // 5, 97), *random.integers(0, FIELDS, 60)]:
        w, h = sky.size[:, i]
        ra, dec = world(sky.header(i)).all_pix2world((w + 1) / 2, (h + 1) / 2, 1)
        one = ReducedScienceFrame.object_id == sky.ids[i]
        assert len(one.near(float(ra), float(dec), 0)) == 1, i
        assert len(one.covers(SkyCoord(float(ra), float(dec), unit="deg"))) == 1


def test_near_is_the_distance_to_the_nearest_part_of_the_chip(sky: Fields) -> None:
    """Frames of an answer, and as many outside, by the nearest of 4000 places on the border."""
    random = np.random.default_rng(13)
    told = 0
    for radius in (0.02, 0.3, 2.0, 20.0):
        for dec in (89.5, -31.0, 10.0):
            place = (random.uniform(0, 360) if dec > 0 else 0.02, dec)
            answer = found(ReducedScienceFrame.near(*place, radius))
            wider = found(ReducedScienceFrame.near(*place, radius * 1.5 + 0.1))
            assert answer <= wider
            centre = SkyCoord(*place, unit="deg")
            inside, _ = sky.covering(*place)
            assert inside <= answer
            chosen = [i for i, one in enumerate(sky.ids) if one in wider][:150]
            for i in chosen:
                border = SkyCoord(*sky.outline(i, 1000), unit="deg")
                away = float(border.separation(centre).deg.min())
                step = float(border[0].separation(border[1]).deg) + 1e-7
                if sky.ids[i] in inside:
                    continue
                if sky.ids[i] in answer:
                    assert away <= radius + step, (place, radius, i)
                    told += 1
                else:
                    assert away >= radius - 1e-7, (place, radius, i)
            reference = SkyCoord(sky.ra, sky.dec, unit="deg").separation(centre).deg
            near_size = np.hypot(*sky.size) * np.hypot(sky.cd[0, 0], sky.cd[1, 0]) * 4
            sure = {sky.ids[i] for i in np.flatnonzero(reference + near_size < radius)}
            assert sure <= answer
    assert told > 300


def flat(sky: Fields, i: int, ra: NDArray[Any], dec: NDArray[Any]) -> NDArray[Any]:
    """Places in the tangent plane of field i: there all outlines have straight sides."""
    plane = world([sky.ra[i], sky.dec[i], 0, 0, 1, 0, 0, 1])
    return np.column_stack(plane.all_world2pix(ra, dec, 0))


def parted(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Largest gap between two convex outlines over the directions across their sides."""
    gap = -np.inf
    for outline in (a, b):
        sides = np.roll(outline, -1, axis=0) - outline
        for x, y in sides:
            across = np.array([-y, x]) / np.hypot(x, y)
            pa, pb = a @ across, b @ across
            gap = max(gap, pb.min() - pa.max(), pa.min() - pb.max())
    return float(gap)


def test_overlapping_frames_are_those_no_line_parts(sky: Fields) -> None:
    outlines = [sky.outline(i, 1) for i in range(FIELDS)]
    corners = SkyCoord(np.array([o[0] for o in outlines]), np.array([o[1] for o in outlines]),
                       unit="deg").cartesian.xyz.value  # fmt: skip
    centres = corners.mean(axis=2)
    centres /= np.linalg.norm(centres, axis=0)
    reach = np.linalg.norm(corners - centres[:, :, None], axis=0).max(axis=1)
    met = 0
    for i in [*range(0, 2000, 100), *range(2000, FIELDS, 800)]:
        frame = ReducedScienceFrame(object_id=sky.ids[i])
        answer = found(ReducedScienceFrame.overlaps(frame))
        assert sky.ids[i] in answer
        ra, dec = outlines[i]
        polygon = [(float(a), float(d)) for a, d in zip(ra, dec, strict=True)]
        assert found(ReducedScienceFrame.overlaps(polygon)) == answer
        close = np.flatnonzero(
            np.linalg.norm(centres - centres[:, [i]], axis=0) <= reach + reach[i] + 1e-6
        )
        assert answer <= {sky.ids[k] for k in close}
        mine = flat(sky, i, ra, dec)
        for k in close:
            gap = parted(mine, flat(sky, i, *outlines[k]))
            if abs(gap) > BORDER:
                assert (sky.ids[k] in answer) == (gap < 0), (i, k, gap)
        met += len(answer)
    assert met > 60


def test_a_box_finds_frames_with_any_part_in_it(sky: Fields) -> None:
    random = np.random.default_rng(14)
    boxes = [(359.5, 0.5, -31.5, -30.5), (0.0, 360.0, 89.7, 90.0), (10.0, 20.0, 89.0, 89.9),
             (0.0, 360.0, 20.0, 20.001), (350.0, 10.0, -90.0, -89.95), (200.0, 200.0, -5.0, 5.0)]
    for _ in range(6):
        low = random.uniform(0, 360)
        dec = random.uniform(-80, 80)
        boxes.append((low, (low + 10 ** random.uniform(-2, 1)) % 360, dec, dec + 0.3))
    hits = 0
    for low, high, south, north in boxes:
        answer = found(ReducedScienceFrame.box(low, high, south, north))
        width = 360.0 if high - low >= 360 else (high - low) % 360
        for i in range(0, FIELDS, 3):
            dec_far = np.hypot(*sky.size[:, i]) * np.hypot(sky.cd[0, 0, i], sky.cd[1, 0, i]) * 4
            if not south - dec_far < sky.dec[i] < north + dec_far:
                assert sky.ids[i] not in answer
                continue
            inside, near = _parts_in_box(sky, i, low, width, south, north)
            if sky.ids[i] in answer:
                assert near, (low, high, south, north, i)
                hits += 1
            else:
                assert not inside, (low, high, south, north, i)
    assert hits > 50


def _parts_in_box(
    sky: Fields, i: int, low: float, width: float, south: float, north: float
) -> tuple[bool, bool]:
    """Whether any of many places on the chip lies in the box, and whether any nearly does."""
    w, h = sky.size[:, i]
    x, y = np.meshgrid(np.linspace(0.5, w + 0.5, 40), np.linspace(0.5, h + 0.5, 40))
    ra, dec = world(sky.header(i)).all_pix2world(x.ravel(), y.ravel(), 1)
    step = max(w, h) / 39 * np.hypot(sky.cd[0, 0, i], sky.cd[1, 0, i]) + 1e-7
    slack = step / np.maximum(np.cos(np.radians(dec)), step / 360)

    def within(margin: float, wide: NDArray[Any] | float) -> bool:
        east = (ra - low + wide) % 360
        turn = (width >= 360) | (east <= width + 2 * wide) | (np.abs(dec) >= 90 - margin)
        return bool(np.any((dec >= south - margin) & (dec <= north + margin) & turn))

    return within(-1e-9, -1e-9), within(step, slack)


def test_all_chips_of_the_camera_cover_their_own_places(login: Any) -> None:
    """An exposure as the tutorial night has it: each chip by its own pixels, prescan left out."""
    login()
    frames = []
    for number in range(32):
        astrom = Astrom(
            CRVAL1=330.46, CRVAL2=-31.63, CRPIX1=8800.0 - 2200 * (number % 8),
            CRPIX2=8600.0 - 4300 * (number // 8), CD1_1=-5.93e-5, CD2_2=5.93e-5,
        )  # fmt: skip
        frames.append(RawScienceFrame(
            filename=f"c{number}.fits", astrom=astrom, NAXIS1=2144, NAXIS2=4200,
            geometry={"active": "[49:2096,1:4100]"},
        ))  # fmt: skip
    commit_all(frames)
    for frame in frames:
        names = ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
        wcs = world([getattr(frame.astrom, name) for name in names])
        for x, y, there in ((49, 1, True), (2096, 4100, True), (1072, 2050, True),
                            (48, 2000, False), (2097.6, 2000, False), (1000, 4101, False)):
            ra, dec = (float(v) for v in wcs.all_pix2world(x, y, 1))
            assert (frame in list(RawScienceFrame.covers(ra, dec))) is there, (x, y)
            assert list(RawScienceFrame.covers(ra, dec)) == ([frame] if there else [])


def projected(ra: Any, dec: Any, ra0: float, dec0: float) -> NDArray[Any]:
    """Places in the plane that touches the sphere at another, NaN behind it, x to the east."""
    a, d, d0 = np.radians(np.asarray(ra) - ra0), np.radians(dec), math.radians(dec0)
    front = np.sin(d0) * np.sin(d) + np.cos(d0) * np.cos(d) * np.cos(a)
    front = np.where(front > 0.1, front, np.nan)
    x = np.cos(d) * np.sin(a) / front
    y = (np.cos(d0) * np.sin(d) - np.sin(d0) * np.cos(d) * np.cos(a)) / front
    return np.stack([x, y], axis=-1)


def on_sphere(points: NDArray[Any], ra0: float, dec0: float) -> list[tuple[float, float]]:
    """The places of points of that plane."""
    d0 = math.radians(dec0)
    x, y = points.T
    down = math.cos(d0) - y * math.sin(d0)
    ra = ra0 + np.degrees(np.arctan2(x, down))
    dec = np.degrees(np.arctan2(math.sin(d0) + y * math.cos(d0), np.hypot(x, down)))
    return [(float(a), float(d)) for a, d in zip(ra, dec, strict=True)]


def inside(points: NDArray[Any], polygon: NDArray[Any]) -> NDArray[Any]:
    """Whether points are in a polygon: a ray from each meets its sides an odd number of times."""
    odd = np.zeros(points.shape[:-1], dtype=bool)
    x, y = points[..., 0], points[..., 1]
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        with np.errstate(invalid="ignore", divide="ignore"):
            odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return odd


def turning(a: Any, b: Any, c: Any) -> Any:
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (
        b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])  # fmt: skip


def sharing(quads: NDArray[Any], polygon: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Whether frames have a part in a polygon, and how near the nearest decision was."""
    found = inside(quads, polygon).any(axis=1)
    for corner in polygon:
        turns = turning(quads, np.roll(quads, -1, axis=1), corner)
        found |= (turns > 0).all(axis=1) | (turns < 0).all(axis=1)
    margin = np.full(len(quads), np.inf)
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        for k in range(4):
            c, d = quads[:, k], quads[:, (k + 1) % 4]
            four = [turning(a, b, c), turning(a, b, d), turning(c, d, a), turning(c, d, b)]
            found |= (four[0] * four[1] < 0) & (four[2] * four[3] < 0)
            sizes = [np.hypot(*(b - a))] * 2 + [np.hypot(*(d - c).T)] * 2
            for area, size in zip(four, sizes, strict=True):
                margin = np.fmin(margin, np.abs(area) / size)
    return found, margin


def concave(random: np.random.Generator, size: float) -> NDArray[Any]:
    """Corners of a star or a comb, in either direction."""
    count = int(random.integers(4, 24))
    if random.random() < 0.5:
        angle = (np.arange(count) + random.uniform(0.1, 0.9, count)) * 2 * np.pi / count
        reach = size * random.uniform(0.15, 1, count)
        made = np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
    else:
        x = np.linspace(-size, size, 2 * (count // 2) + 1)
        teeth = np.where(np.arange(len(x)) % 2, size * random.uniform(0.1, 1, len(x)), -size / 2)
        made = np.vstack([np.column_stack([x, teeth]), [[size, -size], [-size, -size]]])
    return made if random.random() < 0.5 else made[::-1]


def test_frames_in_polygons_that_are_not_convex_are_those_of_plain_geometry(sky: Fields) -> None:
    random = np.random.default_rng(15)
    outlines = np.array([sky.outline(i, 1) for i in range(FIELDS)])
    shared = near = 0
    for number in range(60):
        place = [(0.0, -31.0), (0.0, 90.0), (17.0, -89.5), (random.uniform(0, 360), 40.0)][
            number % 4]  # fmt: skip
        polygon = concave(random, math.tan(math.radians(10 ** random.uniform(-0.5, 1.4))))
        corners = on_sphere(polygon, *place)
        if number % 3 == 0:
            corners.append(corners[0])
        answer = found(ReducedScienceFrame.overlaps(corners))
        quads = projected(outlines[:, 0], outlines[:, 1], *place)
        front = np.isfinite(quads).all(axis=(1, 2))
        wanted, margin = sharing(quads, polygon)
        for i in np.flatnonzero(front):
            if margin[i] < BORDER:
                near += 1
            else:
                assert (sky.ids[i] in answer) == wanted[i], (number, i)
        assert not answer & {sky.ids[i] for i in np.flatnonzero(~front)}
        shared += len(answer)
    assert shared > 1000
    assert near < shared / 20


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        ([(0, 0), (2, 2), (2, 0), (0, 2)], "after its corners 1 and 3 cross or touch"),
        ([(0, 0), (2, 0), (2, 2), (1, 0), (0, 2)], "touch: give the corners in the order"),
        ([(0, 0), (4, 0), (2, 0), (2, 2)], "cross or touch"),
        ([(0, 0), (2, 0), (2, 2), (0, 0), (-2, 2), (-2, 0)], "cross or touch"),
        ([(0, 0), (10, 0), (20, 0)], "all on one line: expected an area"),
        ([(0, 5), (5, 5), (0, 5)], "all on one line: expected an area"),
        ([(0, -80), (90, 0), (180, -80), (200, 70), (270, 0), (300, 80)], "85 degrees"),
    ],
)
def test_what_is_no_outline_is_refused_with_what_to_do(
    corners: list[tuple[float, float]], said: str
) -> None:
    with pytest.raises(QueryError, match=said) as told:
        ReducedScienceFrame.overlaps(corners)
    assert "\n" not in str(told.value)
