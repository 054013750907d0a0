"""Frames of others: what their cards, units, coordinates, masks and planes mean is kept."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from astropy.io import fits as astropy_fits
from astropy.nddata import (
    CCDData,
    FlagCollection,
    InverseVariance,
    StdDevUncertainty,
    UnknownUncertainty,
    VarianceUncertainty,
)

from awe import fits
from awe.errors import ArgumentError, BadFits, BadHeader
from awe.fits import planes
from awe.inspect.sight import _caption
from awe.inspect.source import source_of
from awe.model import BaseFrame
from tests.handmade import card, image, write

PIXELS = np.arange(20, dtype=np.float32).reshape(4, 5)
TAN = [
    card("CTYPE1", "'RA---TAN'"), card("CTYPE2", "'DEC--TAN'"), card("CRVAL1", "10.0"),
    card("CRVAL2", "20.0"), card("CRPIX1", "2.0"), card("CRPIX2", "2.0"),
    card("CD1_1", "-0.01"), card("CD2_2", "0.01"), card("CD1_2", "0.0"), card("CD2_1", "0.0"),
]  # fmt: skip
DISTORTED = {
    "SIP": [
        card("A_ORDER", "2"), card("B_ORDER", "2"), card("A_2_0", "1E-3"), card("B_0_2", "1E-3"),
    ],
    "TPV": [
        card("PV1_0", "0.0"), card("PV1_1", "1.0"), card("PV1_4", "0.5"), card("PV2_0", "0.0"),
        card("PV2_1", "1.0"), card("PV2_4", "0.5"),
    ],
}  # fmt: skip


def frame(tmp_path, *cards, pixels=PIXELS):
    return BaseFrame(pathname=write(tmp_path / "foreign.fits", pixels, *cards))


@pytest.mark.parametrize("more", [[], ["BSCALE", "BZERO"], ["BZERO"]])
def test_blank_is_no_value_whatever_the_scale(tmp_path, more):
    values = {"BSCALE": "0.5", "BZERO": "100.0" if "BSCALE" in more else "32768"}
    pixels = np.full((4, 5), 7, np.int16)
    pixels[1, 2] = -32768
    cards = [card("BLANK", "-32768"), *(card(name, values[name]) for name in more)]
    found = frame(tmp_path, *cards, pixels=pixels).data
    assert np.flatnonzero(np.isnan(found)).tolist() == [7]
    rest = found[np.isfinite(found)]
    assert set(rest) == {7.0} if not more else {103.5} if len(more) == 2 else {32775.0}


def test_blank_of_a_compressed_unsigned_image_is_no_value(tmp_path):
    pixels = np.full((40, 50), 7, np.uint16)
    pixels[1, 2] = 0
    path = tmp_path / "packed.fits"
    hdu = astropy_fits.CompImageHDU(pixels, astropy_fits.Header([("BLANK", -32768)]))
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(path, output_verify="ignore")
    found = fits.read_pixels(path, 1)
    assert np.flatnonzero(np.isnan(found)).tolist() == [52]
    # where no pixel has that value nothing changes
    assert fits.read_pixels(path, 1, (slice(2, 4), slice(0, 5))).dtype == np.uint16


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "i8"])
@pytest.mark.parametrize("written", ["{}", "{}.0", "'{}'", "{}.0E0"])
def test_blank_is_no_value_however_it_is_written(tmp_path, kind, written):
    pixels = np.full((4, 5), 7, kind)
    pixels[1, 2] = np.iinfo(kind).max if kind == "u1" else -(2**14)
    found = frame(tmp_path, card("BLANK", written.format(pixels[1, 2])), pixels=pixels).data
    assert np.flatnonzero(np.isnan(found)).tolist() == [7]
    assert set(found[np.isfinite(found)]) == {7.0}


@pytest.mark.parametrize("cards", [["BLANK   ="], [card("BLANK", "-99999")], []])
def test_a_blank_that_no_pixel_can_have_changes_nothing(tmp_path, cards):
    pixels = np.full((4, 5), -32768, np.int16)
    assert frame(tmp_path, *cards, pixels=pixels).data.dtype == np.int16


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("BSCALE", "1,0"), ("BSCALE", "0.0"), ("BSCALE", "'x'"), ("BZERO", "NAN"), ("BZERO", "INF"),
     ("BZERO", "1E"), ("BLANK", "'none'"), ("BLANK", "0.5")],
)  # fmt: skip
def test_counts_whose_scale_nobody_can_read_are_refused(tmp_path, keyword, value):
    one = frame(tmp_path, card(keyword, value), pixels=np.full((4, 5), 7, np.int16))
    for look in (lambda: one.data, one.to_ccddata, lambda: fits.read(one.pathname)):
        with pytest.raises(BadFits, match=rf"foreign\.fits: {keyword} = .* was expected, so"):
            look()


def test_a_type_of_pixels_there_is_not_is_refused(tmp_path):
    one = frame(tmp_path, pixels=np.full((4, 5), 7, np.int16))
    path = tmp_path / "foreign.fits"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(card("BITPIX", "16").encode(), b"BITPIX  = %20d" % 17))
    with pytest.raises(BadFits, match="BITPIX = 17, one of 8, 16, 32, 64, -32, -64 was expected"):
        _ = one.data


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("CRVAL1", "1,5"), ("CRPIX1", "'3'"), ("CRVAL2", ""), ("CTYPE1", "5"), ("CD1_1", "1E"),
     ("PV1_1", "0,1"), ("A_ORDER", "'x'"), ("CUNIT1", "T"), ("LONPOLE", "'180'")],
)  # fmt: skip
def test_a_place_of_which_a_card_cannot_be_read_is_none(tmp_path, keyword, value, capsys):
    one = frame(tmp_path, *(line for line in TAN if not line.startswith(keyword)),
                card(keyword, value))  # fmt: skip
    with pytest.raises(BadHeader, match=rf"world coordinates cannot be used \({keyword} ="):
        _ = one.wcs
    ccd = one.to_ccddata()
    assert ccd.wcs is None
    assert (ccd.data == PIXELS).all()
    assert f"({keyword} =" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    ["EXPTIME = 6,4E-05", "EXPTIME = INF", "OBJECT  = 'NGC 1365 in", "FILTER  = r_SDSS",
     "OBJECT  =", "EXPTIME =", "BUNIT   = 'adu"],
)  # fmt: skip
def test_a_card_nobody_can_read_is_left_out_and_the_rest_is_there(tmp_path, line):
    one = frame(tmp_path, card("DATE-OBS", "'2012-06-01'"), line, *TAN)
    shown = source_of(one)
    assert _caption(shown) == "2012-06-01"
    assert shown.unit == "ADU"
    assert one.wcs.has_celestial
    assert one.to_ccddata().unit == "adu"


def test_a_header_is_read_at_the_prompt_without_the_cards_nobody_can_read(tmp_path, capsys):
    one = frame(tmp_path, "EXPTIME = 6,4E-05", card("OBJECT", "'field'"), "FILTER  = r_SDSS")
    assert (one.header["OBJECT"], one.header.get("EXPTIME")) == ("field", None)
    assert "EXPTIME" not in one.header
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith("left out of the header, as nobody can read them: EXPTIME, FILTER")


@pytest.mark.parametrize(
    ("spelt", "unit"),
    [("ELECTRONS", "electron"), ("counts", "ct"), ("e-", "electron"), ("e-/s", "electron / s"),
     ("Electrons/S", "electron / s"), ("MJy/sr", "MJy / sr"), ("mJy", "mJy"), ("Jy", "Jy"),
     ("ADU", "adu"), ("ADU/S", "adu / s"), ("DN/S", "DN / s"), ("e- s-1", "electron / s"),
     ("counts/sec", "ct / s"), ("MJY/SR", "MJy / sr"), ("JY/BEAM", "Jy / beam"), ("%", "%")],
)  # fmt: skip
def test_units_as_archives_spell_them(tmp_path, spelt, unit):
    from astropy.units import Unit

    assert frame(tmp_path, card("BUNIT", f"'{spelt}'")).to_ccddata().unit == Unit(unit)


@pytest.mark.parametrize("written", ["'data units'", "5", "'1E-17'"])
def test_a_unit_nobody_knows_is_refused_and_can_be_given(tmp_path, written):
    one = frame(tmp_path, card("BUNIT", written))
    shown = repr(written.strip("'"))
    with pytest.raises(BadHeader, match=rf"{shown} is not a .*to_ccddata\(unit='adu'\)"):
        one.to_ccddata()
    assert one.to_ccddata(unit="electron").unit == "electron"


@pytest.mark.parametrize("kind", sorted(DISTORTED))
def test_distorted_coordinates_go_both_ways(tmp_path, kind):
    suffix = {"SIP": "TAN-SIP", "TPV": "TPV"}[kind]
    cards = [line.replace("TAN", suffix) for line in TAN] + DISTORTED[kind]
    one = frame(tmp_path, *cards, card("BUNIT", "'adu'"))
    wanted = CCDData.read(one.pathname).wcs.pixel_to_world(2, 3)
    plain = frame(tmp_path, *TAN).wcs.pixel_to_world(2, 3)
    one = frame(tmp_path, *cards, card("BUNIT", "'adu'"))
    assert wanted.separation(plain).arcsec > 0.05
    for number, ccd in enumerate((CCDData.read(one.pathname), one.to_ccddata())):
        written = BaseFrame.from_ccddata(ccd, tmp_path / f"{number}.fits")
        assert written.header["CTYPE1"].endswith(suffix)
        assert wanted.separation(written.wcs.pixel_to_world(2, 3)).arcsec < 1e-3


@pytest.mark.parametrize(
    "terms", [[], ["PV1_1"], ["PV2_1"], ["PV1_4"], ["PV1_1", "PV1_4", "PV2_1"]]
)
def test_linear_terms_that_a_header_leaves_out_are_one(tmp_path, terms):
    values = {"PV1_1": "1.0", "PV2_1": "1.0", "PV1_4": "0.5"}
    tpv = [line.replace("TAN", "TPV") for line in TAN]
    whole = ["PV1_1", "PV2_1", *(["PV1_4"] if "PV1_4" in terms else [])]
    wanted = frame(tmp_path, *tpv, *(card(name, values[name]) for name in whole)).wcs
    found = frame(tmp_path, *tpv, *(card(name, values[name]) for name in terms)).wcs
    for place in ((0, 0), (3, 1), (2, 3)):
        assert wanted.pixel_to_world(*place).separation(found.pixel_to_world(*place)).arcsec < 1e-6
    assert found.pixel_to_world(0, 0).separation(found.pixel_to_world(3, 1)).deg > 0.01


def test_distortion_tables_are_refused(tmp_path):
    from astropy.wcs import DistortionLookupTable

    ccd = frame(tmp_path, *TAN).to_ccddata()
    ccd.wcs.cpdis1 = DistortionLookupTable(
        np.ones((2, 2), np.float32), (0, 0), (0, 0), (1, 1)
    )
    with pytest.raises(BadHeader, match=r"distortion tables \(cpdis1\)"):
        BaseFrame.from_ccddata(ccd, tmp_path / "n.fits")


@pytest.mark.parametrize(
    "cards",
    [[card("CTYPE1", "'RA---TAN'")], [*TAN[:2], card("CDELT1", "0.0"), card("CDELT2", "0.0")],
     [*TAN[:6], card("CD1_1", "0.0"), card("CD2_2", "0.0")],
     [*TAN[:6], card("CD1_1", "1.0"), card("CD1_2", "1.0"), card("CD2_1", "1.0"),
      card("CD2_2", "1.0")]],
)  # fmt: skip
def test_pixels_are_there_without_coordinates_nobody_can_use(tmp_path, cards, capsys):
    one = frame(tmp_path, *cards)
    ccd = one.to_ccddata()
    assert ccd.wcs is None
    assert (ccd.data == PIXELS).all()
    assert "foreign.fits: its world coordinates cannot be used" in capsys.readouterr().out
    with pytest.raises(BadHeader, match="world coordinates cannot be used"):
        _ = one.wcs


def with_flags(flags, mask=None):
    ccd = CCDData(PIXELS, unit="adu", mask=mask)
    ccd.flags = flags
    return ccd


@pytest.mark.parametrize("bit", [0, 15, 16, 30, 31, 40, 63])
def test_every_bit_of_flags_is_kept(tmp_path, bit):
    flags = np.zeros(PIXELS.shape, np.uint64)
    flags[1, 1] = np.uint64(1) << np.uint64(bit)
    back = BaseFrame.from_ccddata(with_flags(flags), tmp_path / "n.fits").to_ccddata()
    assert (back.flags == flags).all()
    assert (back.mask == (flags != 0)).all()


@pytest.mark.parametrize("value", [0.15, -1, "x", np.nan])
def test_flags_that_are_no_bits_are_refused(tmp_path, value):
    with pytest.raises(ArgumentError, match="not sums of bits"):
        BaseFrame.from_ccddata(with_flags(np.full((4, 5), value)), tmp_path / "n.fits")


def test_flags_of_several_names_become_a_bit_each(tmp_path):
    flags = FlagCollection(shape=(4, 5))
    flags["hot"] = PIXELS > 17
    flags["hit"] = PIXELS > 18
    back = BaseFrame.from_ccddata(with_flags(flags), tmp_path / "n.fits").to_ccddata()
    assert back.flags.ravel()[-3:].tolist() == [0, 1, 3]


def test_mask_and_flags_are_both_believed(tmp_path):
    flags = (PIXELS > 17).astype(np.uint16) * 8
    mask = PIXELS > 18  # 18 is good for whoever masked
    mask[0, 0] = True  # and 0 is not, without a reason
    back = BaseFrame.from_ccddata(with_flags(flags, mask), tmp_path / "n.fits").to_ccddata()
    assert (back.mask == mask).all()
    assert back.flags.ravel()[[0, 1, 18, 19]].tolist() == [1, 0, 8, 8]
    again = BaseFrame.from_ccddata(back, tmp_path / "m.fits").to_ccddata()
    assert (again.mask == mask).all()


@pytest.mark.parametrize("kind", [StdDevUncertainty, VarianceUncertainty, InverseVariance])
def test_planes_that_astropy_wrote_are_read(tmp_path, kind):
    planes = {"uncertainty": kind(np.full((4, 5), 4.0)), "mask": PIXELS > 15}
    path = tmp_path / "peer.fits"
    CCDData(PIXELS, unit="adu", psf=np.ones((3, 3)), **planes).write(path)
    ccd = BaseFrame(pathname=path).to_ccddata()
    assert (ccd.mask == planes["mask"]).all()
    assert type(ccd.uncertainty) is kind
    assert ccd.uncertainty.array[0, 0] == 4.0
    assert ccd.psf.shape == (3, 3)


@pytest.mark.parametrize("flagged", [False, True])
def test_astropy_reads_mask_and_variance_of_ours_without_being_told_where(tmp_path, flagged):
    mask = PIXELS > 15
    ccd = CCDData(PIXELS, unit="adu", uncertainty=StdDevUncertainty(np.full((4, 5), 2.0)),
                  mask=mask, flags=mask * 6 if flagged else None)  # fmt: skip
    path = tmp_path / "ours.fits"
    one = BaseFrame.from_ccddata(ccd, path)
    found = CCDData.read(path)
    assert isinstance(found.uncertainty, VarianceUncertainty)
    assert (found.uncertainty.array == 4).all()
    assert np.array_equal(found.mask, mask)
    again = one.to_ccddata()
    assert np.array_equal(again.mask, mask)
    assert (again.flags is not None) is flagged
    assert (again.uncertainty.array == 4).all()


def test_planes_as_earlier_versions_called_them_are_read(tmp_path):
    planes = [
        fits.Image(np.where(PIXELS > 15, 4, 0).astype(np.uint16),
                   astropy_fits.Header([("EXTNAME", "FLAGS")])),
        fits.Image(np.full((4, 5), 4, np.float32),
                   astropy_fits.Header([("EXTNAME", "VARIANCE")])),
    ]  # fmt: skip
    path = fits.write(tmp_path / "old.fits", planes, primary=fits.Image(PIXELS, None))
    ccd = BaseFrame(pathname=path).to_ccddata("adu")
    assert np.array_equal(ccd.mask, PIXELS > 15)
    assert isinstance(ccd.uncertainty, VarianceUncertainty)


def test_an_uncertainty_nobody_knows_is_refused(tmp_path):
    ccd = CCDData(PIXELS, unit="adu", uncertainty=UnknownUncertainty(PIXELS))
    with pytest.raises(ArgumentError, match="UnknownUncertainty"):
        BaseFrame.from_ccddata(ccd, tmp_path / "n.fits")


def test_metadata_of_any_kind_is_written_in_ascii(tmp_path):
    meta = {"OBSERVER": "Müller", "NOTE": "a\nb", "a longer keyword": 1, "list": [1, 2],
            "text": "x" * 200, "none": None, "é": 1.5}
    written = BaseFrame.from_ccddata(CCDData(PIXELS, unit="adu", meta=meta), tmp_path / "n.fits")
    header = written.header
    assert header["OBSERVER"] == fits.escape("Müller")
    assert header["NOTE"] == fits.escape("a\nb")
    assert header["A LONGER KEYWORD"] == 1


def test_history_and_psf_are_kept(tmp_path):
    header = astropy_fits.Header([("OBJECT", "M 31")])
    header["HISTORY"] = "dark subtracted"
    header["COMMENT"] = "clouds"
    ccd = CCDData(PIXELS, unit="adu", meta=header, psf=np.ones((3, 3)))
    written = BaseFrame.from_ccddata(ccd, tmp_path / "n.fits")
    assert written.header["HISTORY"][0] == "dark subtracted"
    assert written.header["COMMENT"][0] == "clouds"
    assert (written.to_ccddata().psf == 1).all()


def test_the_home_directory_may_be_written_short(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    BaseFrame.from_ccddata(CCDData(PIXELS, unit="adu"), "~/n.fits")
    assert (BaseFrame(pathname="~/n.fits").data == PIXELS).all()
    with pytest.raises(ArgumentError, match="no directory"):
        BaseFrame.from_ccddata(CCDData(PIXELS, unit="adu"), "~/none/n.fits")


@pytest.mark.parametrize("kind", ["f2", "i1", "u8", "?", ">f4", "g"])
def test_pixels_of_any_real_type_are_written(tmp_path, kind):
    ccd = CCDData(np.ones((3, 3), kind), unit="adu")
    assert (BaseFrame.from_ccddata(ccd, tmp_path / "n.fits").data == 1).all()


def test_pixels_that_are_not_real_are_refused(tmp_path):
    ccd = CCDData(np.ones((3, 3), complex), unit="adu")
    with pytest.raises(ArgumentError, match="complex128"):
        BaseFrame.from_ccddata(ccd, tmp_path / "n.fits")


def test_a_file_cut_off_in_its_pixels_is_named(tmp_path):
    path = write(tmp_path / "cut.fits", np.ones((300, 400), np.float32))
    whole = path.read_bytes()
    path.write_bytes(whole[:240000])
    one = BaseFrame(pathname=path)
    for look in (lambda: one.data, one.to_ccddata, lambda: one.inspect(block=False)):
        with pytest.raises(BadFits, match="promises 482880 bytes, the file has 240000"):
            look()
    # nothing is missing where only the padding is
    path.write_bytes(whole[:482880])
    assert one.data.sum() == 120000


@pytest.mark.parametrize("part", ["before it was packed", "behind"])
def test_a_packed_file_cut_off_in_its_pixels_is_named(tmp_path, part):
    noise = np.random.default_rng(1).normal(0, 1, (300, 400)).astype(np.float32)
    whole = write(tmp_path / "whole.fits", noise).read_bytes()
    path = tmp_path / "cut.fits.gz"
    if part == "behind":
        packed = gzip.compress(whole)
        path.write_bytes(packed[: len(packed) // 2])
    else:
        path.write_bytes(gzip.compress(whole[:240000]))
    one = BaseFrame(pathname=path)
    for look in (lambda: one.data, one.to_ccddata, lambda: one.inspect(block=False)):
        with pytest.raises(BadFits, match=r"cut off|not a FITS file"):
            look()


def test_a_file_cut_off_in_the_header_of_a_plane_is_named(tmp_path):
    ccd = CCDData(np.ones((50, 50), np.float32), unit="adu", mask=np.zeros((50, 50), bool))
    path = tmp_path / "cut.fits"
    ccd.write(path)
    whole = path.read_bytes()
    assert BaseFrame(pathname=path).to_ccddata().mask is not None
    path.write_bytes(whole[: whole.index(b"XTENSION") + 1000])
    with pytest.raises(BadFits, match="cut off: the header of extension 1 does not end"):
        BaseFrame(pathname=path).to_ccddata()


def test_a_file_of_ours_cut_off_between_its_planes_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ones = np.ones((50, 50), np.float32)
    ccd = CCDData(ones, unit="adu", mask=np.zeros((50, 50), bool),
                  uncertainty=VarianceUncertainty(ones))  # fmt: skip
    one = BaseFrame.from_ccddata(ccd, "cut.fits")
    path = tmp_path / "cut.fits"
    whole = path.read_bytes()
    starts = [place for place in range(0, len(whole), 2880)
              if whole[place : place + 8] == b"XTENSION"]  # fmt: skip
    assert len(starts) == 2
    for kept, start in enumerate(starts):
        path.write_bytes(whole[:start])
        fresh = BaseFrame(pathname=path)
        told = f"cut off: its header promises 2 planes behind the image, {kept} are in it"
        with pytest.raises(BadFits, match=told):
            fresh.to_ccddata()
        for names in (planes.FLAGS, planes.VARIANCE):
            with pytest.raises(BadFits, match=told):
                planes.pixels(path, names)
    path.write_bytes(whole)
    assert one.to_ccddata().uncertainty is not None
    # an image on its own promises nothing, whatever header it was given
    alone = tmp_path / "alone.fits"
    fits.write(alone, fits.Image(ones, fits.read_header(path)))
    assert "AWE PLANES" not in fits.read_header(alone)
    assert planes.pixels(alone, planes.FLAGS) is None


def test_the_first_image_of_a_file_is_taken_wherever_it_is(tmp_path):
    empty = "".join(
        line.ljust(80)
        for line in (card("SIMPLE", "T"), card("BITPIX", "8"), card("NAXIS", "0"),
                     card("OBJECT", "'M 31'"), card("BUNIT", "'adu'"), "END")
    ).ljust(2880).encode()
    extra = [card("PCOUNT", "0"), card("GCOUNT", "1"), card("BUNIT", "'electron'")]
    path = tmp_path / "two.fits"
    path.write_bytes(empty + image(PIXELS, *extra, *TAN, first="XTENSION"))
    one = BaseFrame(pathname=path)
    assert (one.data == PIXELS).all()
    assert one.header["OBJECT"] == "M 31"
    assert one.to_ccddata().unit == "electron"
    assert one.wcs.has_celestial
    packed = tmp_path / "packed.fits.fz"
    hdu = astropy_fits.CompImageHDU(PIXELS.astype(np.int16))
    astropy_fits.HDUList([astropy_fits.PrimaryHDU(), hdu]).writeto(packed)
    assert (BaseFrame(pathname=packed).data == PIXELS).all()
    path.write_bytes(empty)
    with pytest.raises(BadFits, match="holds no image"):
        _ = one.data


def test_windows_no_screen_has_are_refused(tmp_path):
    one = frame(tmp_path)
    for how in ({"width": 1000}, {"width": 5, "ratio": 0.001}, {"ratio": 1e6}):
        with pytest.raises(ArgumentError, match="expected up to"):
            one.inspect(block=False, **how)
