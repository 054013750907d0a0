"""Images and headers written here are read back as they were and pass fitsverify."""

import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as astropy_fits

from awe import fits
from awe.errors import BadFits, FileGone, FileTaken
from awe.fits import blocks

FITSVERIFY = shutil.which("fitsverify")


def raw_header():
    header = astropy_fits.Header()
    header["OBJECT"] = "KIDS_141.0_-0.5"
    header["RADECSYS"] = "FK5"
    header["EPOCH"] = 2000.0
    header["AIRMASS"] = None
    header["HIERARCH ESO DET CHIP NAME"] = "ESO_CCD_#65"
    header["HIERARCH ESO TPL START"] = ("2012-06-01T08:51:44", "start of the template")
    header["EXTNAME"] = "ESO_CCD_#65"
    return header


def product_header():
    header = fits.copy_cards(raw_header())
    name = "Sci-STUDENT-OMEGACAM-------OCAM_r_SDSS-ESO_CCD_#65-Red---Sci-56081.1234567-" + 40 * "a"
    parents = [
        {"role": "bias", "class": "BiasFrame", "id": "0" * 36, "file": name + ".fits"},
        {"role": "flat", "class": "MasterFlatFrame", "id": "1" * 36},
    ]
    header.extend(fits.lineage_cards(parents))
    header.extend(
        fits.parameter_cards({"SIGMA_CLIP": 3.0, "COMBINE": "x" * 120}, {"SIGMA_CLIP": "sigma"})
    )
    return header, parents


def assert_verified(path):
    if FITSVERIFY is None:
        pytest.skip("fitsverify is not installed: apt-get install fitsverify")
    done = subprocess.run(
        [FITSVERIFY, "-q", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "verification OK" in done.stdout


def pixels(dtype):
    values = np.arange(12000).reshape(100, 120)
    return (values % 251).astype(dtype) if np.dtype(dtype).itemsize == 1 else values.astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f4", "f8", "?"])
@pytest.mark.parametrize("within", [None, 0.0])
def test_every_type_of_pixel_comes_back_as_it_went(tmp_path, dtype, within):
    image = fits.Image(pixels(dtype), raw_header(), within)
    path = fits.write(tmp_path / "a.fits", [image])
    back = fits.read(path, "ESO_CCD_#65")
    assert np.array_equal(back.pixels, image.pixels)
    assert back.pixels.dtype == (np.uint8 if dtype == "?" else np.dtype(dtype))
    assert back.pixels.dtype.isnative
    part = fits.read(path, 1, (slice(10, 20), slice(100, 120)))
    assert np.array_equal(part.pixels, image.pixels[10:20, 100:120])
    assert [info.verified for info in fits.judge(path)] == [True, True]
    assert fits.judge(path)[1].shape == (100, 120)
    assert_verified(path)


def test_product_with_lineage_and_parameters_passes_fitsverify(tmp_path):
    header, parents = product_header()
    path = fits.write(tmp_path / "p.fits", fits.Image(pixels("f4"), header))
    assert_verified(path)
    back = fits.read_header(path)
    assert fits.read_lineage(back) == parents
    assert fits.read_parameters(back) == {"SIGMA_CLIP": 3.0, "COMBINE": "x" * 120}
    assert back["RADESYS"] == "FK5"
    assert back["EQUINOX"] == 2000.0
    assert back["ESO DET CHIP NAME"] == "ESO_CCD_#65"
    assert not {"RADECSYS", "EPOCH", "AIRMASS"} & set(back)


def test_product_with_planes_behind_the_science_pixels(tmp_path):
    header, _ = product_header()
    flags = fits.Image(pixels("u2"), astropy_fits.Header({"EXTNAME": "FLAGS"}), 0.0)
    science = fits.Image(pixels("f4"), header)
    path = fits.write(tmp_path / "p.fits", [flags], primary=science)
    assert_verified(path)
    assert np.array_equal(fits.read(path).pixels, science.pixels)
    assert np.array_equal(fits.read(path, "FLAGS").pixels, flags.pixels)
    assert fits.extensions(path) == ["", "FLAGS"]


def test_header_that_astropy_cannot_parse_is_kept_as_a_comment(tmp_path):
    header = raw_header()
    header.append(astropy_fits.Card.fromstring("EXPTIME = 6,4E-05"))
    header.append(astropy_fits.Card("NOTANUM", None))
    path = fits.write(tmp_path / "p.fits", fits.Image(pixels("f4"), header))
    assert_verified(path)
    assert "6,4E-05" in str(fits.read_header(path)["COMMENT"])


def test_one_matrix_of_two_is_written_and_no_card_of_tapes(tmp_path):
    header = astropy_fits.Header([
        ("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CRPIX1", 1.0), ("CRPIX2", 1.0),
        ("CRVAL1", 10.0), ("CRVAL2", 20.0), ("CD1_1", -1e-4), ("CD2_2", 1e-4),
        ("PC1_1", 1.0), ("PC2_2", 1.0), ("BLOCKED", True),
    ])  # fmt: skip
    path = fits.write(tmp_path / "a.fits", fits.Image(pixels("f4"), header))
    found = fits.read_header(path)
    assert found["CD1_1"] == -1e-4
    assert not {"PC1_1", "PC2_2", "BLOCKED"} & set(found)
    assert_verified(path)


def test_control_bytes_are_escaped(tmp_path):
    assert fits.escape("a\x1b]0;x\x07é") == "a\\x1b]0;x\\x07\\xe9"
    assert fits.escape("M 31 'core' %s; DROP TABLE") == "M 31 'core' %s; DROP TABLE"


def test_write_replaces_only_when_asked_and_leaves_nothing_behind(tmp_path):
    image = fits.Image(pixels("i2"), raw_header())
    path = fits.write(tmp_path / "a.fits", image)
    before = path.read_bytes()
    with pytest.raises(FileTaken, match=r"exists already.*replace=True"):
        fits.write(path, fits.Image(pixels("f4"), raw_header()))
    with pytest.raises(ValueError, match="complex"):
        fits.write(tmp_path / "b.fits", fits.Image(np.zeros((2, 2), "?"), _broken()))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.fits"]
    fits.write(path, fits.Image(pixels("f4"), raw_header()), replace=True)
    assert path.read_bytes() != before


def test_of_two_writers_of_one_file_the_later_is_refused(tmp_path):
    ends = []
    start = threading.Barrier(2)

    def write(value):
        start.wait()
        try:
            fits.write(tmp_path / "a.fits", fits.Image(np.full((900, 900), value), raw_header()))
            ends.append(value)
        except FileTaken:
            ends.append(None)

    writers = [threading.Thread(target=write, args=(value,)) for value in (1.0, 2.0)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    (winner,) = set(ends) - {None}
    assert len(ends) == 2
    assert None in ends
    assert fits.read(tmp_path / "a.fits").pixels[0, 0] == winner
    assert [p.name for p in tmp_path.iterdir()] == ["a.fits"]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("scaling", [(1, 0), (2.0, 3.0), (1, 32768)])
@pytest.mark.parametrize("kind", ["u1", "i2", "i4"])
def test_blank_gives_nan(tmp_path, kind, scaling, compressed):
    pixels = np.arange(12, dtype=kind).reshape(3, 4)
    hdu = astropy_fits.CompImageHDU(pixels) if compressed else astropy_fits.ImageHDU(pixels)
    path = tmp_path / "a.fits"
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(path)
    bare = {"do_not_scale_image_data": True, "disable_image_compression": True}
    with astropy_fits.open(path, mode="update", **bare) as file:
        for name, value in (("BLANK", 5), ("BSCALE", scaling[0]), ("BZERO", scaling[1])):
            file[1].header[name] = value
    found = fits.read(path, 1).pixels
    expected = astropy_fits.getdata(path, 1)
    if kind == "i2" and scaling == (1, 32768):
        # astropy takes unsigned integers for numbers whatever BLANK says; the standard does not
        expected = np.where(expected == 32768 + 5, np.float32(np.nan), expected)
    assert found.dtype == expected.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, expected)
    part = fits.read(path, 1, (slice(1, 2), slice(0, 3))).pixels
    np.testing.assert_array_equal(part, expected[1:2, 0:3])
    assert np.isnan(found[1, 1])


def test_a_header_is_read_from_the_first_blocks_alone(tmp_path):
    header = raw_header()
    for number in range(700):
        header[f"HIERARCH ESO TEL SENSOR{number} VALUE"] = (number / 7, "[deg] a value")
    header["LONGTEXT"] = "x" * 200
    path = fits.write(tmp_path / "a.fits", fits.Image(pixels("f4"), header))
    data = path.read_bytes()
    end = blocks.header_end(data[: 1 << 20])
    assert blocks.header_end(data[: end - blocks.BLOCK]) == 0
    assert fits.parse_header(data[:end], "a.fits").tostring() == fits.read_header(path).tostring()
    with pytest.raises(BadFits, match="not a FITS file"):
        fits.parse_header(b"x,y\n1,2\n", "a.csv")


def _broken():
    class Header(astropy_fits.Header):
        @property
        def cards(self):
            msg = "a complex header"
            raise ValueError(msg)

    return Header()


def test_reading_what_is_not_there_says_what_is(tmp_path):
    path = fits.write(tmp_path / "a.fits", [fits.Image(pixels("i2"), raw_header())])
    with pytest.raises(
        BadFits, match="no extension 'ESO_CCD_#66'; it has 0 'PRIMARY', 1 'ESO_CCD_#65'"
    ):
        fits.read(path, "ESO_CCD_#66")
    with pytest.raises(BadFits, match="holds no image"):
        fits.read(path, 0)
    with pytest.raises(BadFits, match="outside the image"):
        fits.read(path, 1, (slice(0, 101), slice(0, 5)))
    with pytest.raises(FileGone, match="retrieve"):
        fits.read(tmp_path / "none.fits")
    (tmp_path / "t.fits").write_text("hello")
    with pytest.raises(BadFits, match="not a FITS file"):
        fits.read(tmp_path / "t.fits")


def test_a_raw_header_of_600_hierarch_cards_survives(tmp_path):
    header = raw_header()
    for number in range(600):
        header[f"HIERARCH ESO TEL SENSOR{number} VALUE"] = (number / 7, "[deg] a value")
    path = fits.write(
        tmp_path / "raw.fits", [fits.Image(pixels("u2"), raw_header())], primary=header
    )
    assert_verified(path)
    kept = fits.copy_cards(fits.read_header(path), fits.read_header(path, 1))
    assert kept["ESO TEL SENSOR599 VALUE"] == pytest.approx(599 / 7)
    assert "EXTNAME" not in kept


def test_sha256_is_that_of_the_bytes(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"abc")
    assert fits.sha256(file).startswith("ba7816bf8f01cfea414140de5dae2223")


def test_importing_fits_loads_neither_numpy_nor_astropy():
    import sys

    code = "import awe.fits, sys; sys.exit(any(m in sys.modules for m in ('numpy', 'astropy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path("/")).returncode == 0


@pytest.mark.parametrize("card", ["CRPIX1P", "CRVAL1A"])
def test_a_header_with_other_coordinates_only_has_no_main_ones(card):
    from astropy.io.fits import Header

    header = Header([("NAXIS", 2), ("NAXIS1", 5), ("NAXIS2", 4), (card, 1.0)])
    place = fits.wcs_of(header, "spectrum.fits")
    assert not place.has_celestial
    assert place.naxis == 2


@pytest.mark.parametrize("kind", ["f4", "u2", "i2", "f8", "i4"])
def test_large_frames_are_read_piece_by_piece_to_the_last_pixel(tmp_path, kind):
    rng = np.random.default_rng(3)
    planes = [rng.normal(900, 300, (1501, 1003)).astype(kind) for _ in range(2)]
    path = tmp_path / "large.fits"
    hdus = [astropy_fits.PrimaryHDU(planes[0]), astropy_fits.ImageHDU(planes[1])]
    astropy_fits.HDUList(hdus).writeto(path)
    for number, plane in enumerate(planes):
        found = fits.read_pixels(path, number)
        assert found.dtype == np.dtype(kind)
        np.testing.assert_array_equal(found, plane)
        part = (slice(700, 1501), slice(3, 1003))
        np.testing.assert_array_equal(fits.read_pixels(path, number, part), plane[part])
        assert found.base is None or found.base.base is None  # memory of its own
