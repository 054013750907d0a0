"""Parts of frames: as the whole has them, for a fraction of its bytes, and under its rights."""

from __future__ import annotations

import datetime
import struct
import uuid

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits as astropy_fits
from astropy.nddata import CCDData

from awe import fits, model
from awe.db.server.connection import database
from awe.errors import ArgumentError, BadFits, BadHeader, FileGone, OutOfRange
from awe.fits import blocks
from tests.recipes.conftest import CHIPS, run


@pytest.fixture(scope="module")
def reduced_name(standing_night):
    standing_night.login("scientist", privileges=4)
    raw = sorted(model.RawScienceFrame.chip.name == CHIPS[0], key=lambda raw: raw.DATE_OBS)[0]
    made = run("Reduce", raw_filenames=[raw.filename], commit=True)
    return made[0].filename


@pytest.fixture
def reduced(shared, reduced_name):
    [frame] = model.ReducedScienceFrame.filename == reduced_name
    assert not frame.pathname
    return frame


@pytest.fixture
def raw(shared):
    [frame] = list(model.RawScienceFrame.chip.name == CHIPS[0])[:1]
    assert not frame.pathname
    return frame


def whole(frame):
    """The same frame, fetched as a whole."""
    [again] = type(frame).object_id == frame.object_id
    again.retrieve()
    return again


def test_a_part_of_a_raw_frame_is_that_of_the_whole_for_its_bytes(raw):
    part = raw.cutout(11, 21, 50, 40)
    assert not raw.pathname
    rest = whole(raw)
    np.testing.assert_array_equal(part.data, rest.data[20:40, 10:50])
    np.testing.assert_array_equal(part.data, rest.data[part.slices])
    assert part.data.dtype == rest.data.dtype == np.uint16
    assert part.shape == (20, 40)
    assert part.flags is part.variance is part.weight is None
    # the first header, and two bytes a pixel
    assert part.fetched < (1 << 15) + 2 * 40 * 20 + 1
    assert part.header["OBJECT"] == "science"
    assert "CHECKSUM" not in part.header


def test_all_planes_and_the_weight_come_with_their_pixels(reduced):
    part = reduced.cutout(60, 50, 109, 89)
    ccd = whole(reduced).to_ccddata()
    weight = whole(reduced.weight).data
    for mine, theirs in (
        (part.data, ccd.data), (part.flags, ccd.flags), (part.variance, ccd.uncertainty.array),
        (part.weight, weight),
    ):  # fmt: skip
        np.testing.assert_array_equal(mine, theirs[49:89, 59:109])
        assert mine.dtype == theirs.dtype
    assert part.flags.any()
    np.testing.assert_array_equal(part.weight == 0, part.flags != 0)


def test_a_place_keeps_its_coordinates_and_the_star_is_in_the_middle(reduced):
    # a star of the night, in trimmed pixels
    sky = reduced.wcs.pixel_to_world(120, 90)
    text = sky.to_string("hmsdms", sep=":", precision=3)
    scale = 5.9e-5
    part = reduced.cutout(text, size=f"{21 * scale * 3600} arcsec")
    assert part.shape == (21, 21)
    assert np.unravel_index(np.nanargmax(part.data), part.shape) == (10, 10)
    for given in ((sky,), (sky.ra.deg, sky.dec.deg), tuple(text.split()),
                  (f"{sky.ra.deg} {sky.dec.deg}",)):  # fmt: skip
        again = reduced.cutout(*given, size=21 * scale)
        assert again.zone == part.zone
    y, x = np.mgrid[0:21, 0:21]
    here = part.wcs.pixel_to_world(x, y)
    there = reduced.wcs.pixel_to_world(x + part.zone[0] - 1, y + part.zone[1] - 1)
    assert here.separation(there).arcsec.max() < 1e-6
    wide = reduced.cutout(sky, size=(41 * scale, 11 * scale))
    assert wide.shape == (11, 41)


def test_what_is_written_is_read_by_astropy_and_awe_alike(reduced, tmp_path):
    part = reduced.cutout(60, 50, 109, 89)
    path = part.write(tmp_path / "part.fits")
    with astropy_fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        assert [hdu.name for hdu in hdus][1:] == ["MASK", "UNCERT", "WEIGHT"]
        np.testing.assert_array_equal(hdus[0].data, part.data)
        assert hdus[0].header["LTV1"] == -59
        assert hdus[0].header["LTV2"] == -49
        assert hdus[0].header["AWE CUTOUT"] == "[60:109,50:89]"
    read = CCDData.read(path)
    np.testing.assert_array_equal(read.uncertainty.array, part.variance)
    ccd = part.to_ccddata()
    np.testing.assert_array_equal(ccd.data, part.data)
    assert ccd.wcs.pixel_to_world(0, 0).separation(
        reduced.wcs.pixel_to_world(59, 49)
    ).arcsec < 1e-6  # fmt: skip
    assert fits.judge(path)[0].verified


def test_at_a_border_there_is_less_and_beyond_it_one_line(reduced):
    ny, nx = reduced.NAXIS2, reduced.NAXIS1
    corner = reduced.cutout(-20, -5, 10, 12)
    assert corner.zone == (1, 1, 10, 12)
    assert reduced.cutout(nx, ny, nx + 500, ny + 1).shape == (1, 1)
    assert reduced.cutout(1, 1, nx, ny).shape == (ny, nx)
    for zone in ((nx + 1, 1, nx + 5, 5), (1, -9, 5, 0)):
        with pytest.raises(OutOfRange, match=f"outside of the frame, which has {nx} columns"):
            reduced.cutout(*zone)
    away = SkyCoord(32.5, 11.25, unit="deg")  # behind the projection
    for place in (away, SkyCoord(212.5, 60, unit="deg"), SkyCoord(212.9, -11.25, unit="deg")):
        with pytest.raises(OutOfRange):
            reduced.cutout(place, size="10 arcsec")


@pytest.mark.parametrize(
    ("given", "size", "words"),
    [
        ((1, 2, 3), None, "not a whole number of a pixel"),
        ((1.5, 2, 3, 4), None, "1.5 is not a whole number"),
        ((9, 9, 3, 12), None, "lower left corner comes first"),
        ((1, 2, 3, 4), 0.1, "not both"),
        (("NGC 4151",), 0.1, "not a place on the sky|expected a number of degrees"),
        (("M31",), 0.1, "is not a place on the sky"),
        ((10.0, 95.0), 0.1, "is not a place on the sky"),
        (("10:00:30 +02:12",), "big", "is not an angle"),
        (("10:00:30 +02:12",), -1, "not above 0"),
        (("10:00:30 +02:12",), 30, "for seconds of arc write '30 arcsec'"),
    ],
)
def test_a_slip_is_told_in_one_line(reduced, given, size, words):
    with pytest.raises(ArgumentError, match=words) as caught:
        reduced.cutout(*given, size=size)
    assert "\n" not in str(caught.value)


def test_a_frame_without_coordinates_is_cut_by_pixels_only(raw):
    with pytest.raises(BadHeader, match="cut it by pixels"):
        raw.cutout("14:10:00 -11:15", size="10 arcsec")


def test_rights_are_those_of_the_frame_and_of_its_weight(shared, reduced, raw, capsys):
    from awe.model.data import store

    other = model.RawScienceFrame(
        instrument=shared.instrument, chip=shared.chips[0], template=shared.template,
        filter=shared.filter, DATE_OBS=datetime.datetime(2012, 6, 2, 9), EXPTIME=1.0,
        NAXIS1=raw.NAXIS1, NAXIS2=raw.NAXIS2, extension=1, filename=f"X{uuid.uuid4()}.fits",
    )  # fmt: skip
    path = shared.folder / other.filename
    path.write_bytes((shared.folder / raw.filename).read_bytes())
    other.pathname = path
    shared.login("scientist", privileges=1)
    store([other])
    other.commit()
    file = other.file
    shared.login("student", privileges=1)
    assert len(model.RawScienceFrame.object_id == other.object_id) == 0
    # whoever has heard of the file and makes up an object of it
    made_up = model.RawScienceFrame()
    made_up.file = file
    with pytest.raises(FileGone, match="not visible to you"):
        made_up.cutout(1, 1, 5, 5)
    # and the dataserver decides for itself
    from awe.dataserver.rows import Rows
    from awe.model.data import _client

    with pytest.raises(FileGone, match="not visible to you"):
        _client().rows(file, "a.fits", sha256="0" * 64, rows=Rows(0, 10, 10, 1))
    [again] = model.ReducedScienceFrame.object_id == reduced.object_id
    weight = again.weight.file
    statement = "UPDATE awe.file SET _privileges = %s WHERE id = %s"
    shared.db.rows("superuser", statement, 1, str(weight))
    try:
        part = again.cutout(1, 1, 5, 5)
        assert part.weight is None
        assert part.flags is not None
        assert "the cutout has no weight" in capsys.readouterr().out
    finally:
        shared.db.rows("superuser", statement, 4, str(weight))
    database.close()


def made(shared, path):
    """A frame whose file is stored as it is."""
    frame = model.RawScienceFrame(
        instrument=shared.instrument, chip=shared.chips[0], template=shared.template,
        filter=shared.filter, DATE_OBS=datetime.datetime(2012, 6, 3, 9), EXPTIME=1.0,
        NAXIS1=300, NAXIS2=200, extension=1, pathname=path,
    )  # fmt: skip
    frame.store()
    frame.commit()
    [again] = model.RawScienceFrame.object_id == frame.object_id
    return again


PACKED = {
    "RICE_1 in rows": {"compression_type": "RICE_1"},
    "GZIP_2 in rows": {"compression_type": "GZIP_2"},
    "tiles": {"compression_type": "RICE_1", "tile_shape": (32, 64)},
    "a tile for all": {"compression_type": "GZIP_1", "tile_shape": (200, 300)},
    "HCOMPRESS": {"compression_type": "HCOMPRESS_1", "tile_shape": (16, 300)},
    "PLIO": {"compression_type": "PLIO_1"},
}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("near", [True, False])
def test_of_a_compressed_image_the_tiles_come_that_are_touched(shared, tmp_path, kind, near):
    random = np.random.default_rng(3)
    pixels = random.integers(0, 4000, (200, 300)).astype(np.int16)
    packed = astropy_fits.CompImageHDU(pixels, name="SCI", **PACKED[kind])
    path = tmp_path / f"p{uuid.uuid4()}.fits.fz"
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), packed]).writeto(path)
    frame = model.BaseFrame(pathname=path) if near else made(shared, path)
    for zone in ((1, 1, 300, 200), (33, 70, 40, 75), (1, 199, 2, 200), (290, 5, 300, 40)):
        part = frame.cutout(*zone)
        np.testing.assert_array_equal(part.data, pixels[part.slices])
    if not near and "all" not in kind:
        part = frame.cutout(100, 100, 110, 110)
        assert part.fetched < 0.55 * path.stat().st_size


@pytest.mark.parametrize("dither", [0, 1, 2])
def test_dithered_floats_are_those_of_the_whole_image(shared, tmp_path, dither):
    random = np.random.default_rng(4)
    pixels = random.normal(100, 5, (200, 300)).astype(np.float32)
    method = {0: -1, 1: 1, 2: 2}[dither]
    packed = astropy_fits.CompImageHDU(
        pixels, name="SCI", compression_type="RICE_1", quantize_method=method, dither_seed=9995
    )
    path = tmp_path / f"p{uuid.uuid4()}.fits.fz"
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), packed]).writeto(path)
    expected = astropy_fits.getdata(path, 1)
    frame = made(shared, path)
    for zone in ((5, 1, 9, 3), (33, 70, 40, 75), (1, 199, 2, 200)):
        part = frame.cutout(*zone)
        np.testing.assert_array_equal(part.data, expected[part.slices])


def card(text):
    return text.ljust(80).encode()


def hostile(kind, good):
    if kind == "cut off":
        return good[:-5000]
    if kind == "no FITS":
        return b"\x89PNG" + good[4:]
    if kind == "endless header":
        return card("SIMPLE  =                    T") + card("COMMENT x") * 400_000
    changes = {
        "huge": {"NAXIS1": 1 << 40, "NAXIS2": 1 << 40},
        "negative": {"NAXIS1": -300},
        "a word": {"NAXIS1": "many"},
        "no axes": {"NAXIS": 0},
        "a cube": {"NAXIS": 3, "NAXIS1": 30, "NAXIS2": 10},
        "odd bits": {"BITPIX": 17},
    }[kind]
    end = blocks.header_end(good)
    head = good[:end]
    for name, value in changes.items():
        begin = head.index(name.ljust(8).encode() + b"=")
        head = head[:begin] + blocks.card(name, value) + head[begin + 80 :]
    if kind == "a cube":
        begin = head.index(b"END     ")
        head = head[:begin] + blocks.card("NAXIS3", 200) + head[begin : -80]
    return head + good[end:]


@pytest.mark.parametrize(
    "kind",
    ["cut off", "no FITS", "endless header", "huge", "negative", "a word", "no axes", "a cube",
     "odd bits"],
)  # fmt: skip
def test_a_file_that_lies_is_refused_in_one_line(shared, tmp_path, kind):
    good = tmp_path / "good.fits"
    pixels = np.zeros((200, 300), np.int16)
    fits.write(good, fits.Image(pixels, astropy_fits.Header()))
    path = tmp_path / f"h{uuid.uuid4()}.fits"
    path.write_bytes(hostile(kind, good.read_bytes()))
    with pytest.raises(BadFits) as caught:
        made(shared, path).cutout(1, 1, 5, 5)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def put(content, name, value):
    begin = content.index(name.ljust(8).encode() + b"=")
    content[begin : begin + 80] = blocks.card(name, value)


@pytest.mark.parametrize("kind", ["heap", "bomb", "columns"])
def test_a_compressed_image_that_lies_is_refused_in_one_line(shared, tmp_path, kind):
    pixels = np.zeros((200, 300), np.int16)
    packed = astropy_fits.CompImageHDU(pixels, name="SCI", compression_type="RICE_1")
    path = tmp_path / f"p{uuid.uuid4()}.fits.fz"
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), packed]).writeto(path)
    content = bytearray(path.read_bytes())
    if kind == "heap":
        with astropy_fits.open(path, disable_image_compression=True) as hdus:
            table = hdus[1].fileinfo()["datLoc"]
        content[table : table + 1600] = struct.pack(">i", 1 << 28) * 400
    elif kind == "bomb":
        for name in ("ZNAXIS1", "ZTILE1"):
            put(content, name, 1 << 33)
    else:
        put(content, "TFIELDS", 7)
    path.write_bytes(content)
    with pytest.raises(BadFits) as caught:
        made(shared, path).cutout(1, 1, 5, 5)
    assert "\n" not in str(caught.value)
