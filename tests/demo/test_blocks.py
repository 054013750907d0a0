"""HDUs made of bytes are those astropy would accept."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from awe.errors import BadHeader
from awe.fits import blocks


@pytest.mark.parametrize("seed", range(5))
def test_checksums_hold_and_values_come_back(tmp_path, seed):
    pixels = np.random.default_rng(seed).integers(0, 65_536, (30, 40), dtype=np.uint16)
    data = blocks.pad((pixels ^ 0x8000).astype(">u2").tobytes())
    cards = [
        blocks.card("SIMPLE", True, "a comment"),
        blocks.card("BITPIX", 16),
        blocks.card("NAXIS", 2),
        blocks.card("NAXIS1", 40),
        blocks.card("NAXIS2", 30),
        blocks.card("BZERO", 32768),
        blocks.card("OBJECT", "Barnard's star"),
        blocks.card("ZEROS", "0" * 20),
        blocks.card("ESO DET OUT1 GAIN", 0.4, "a comment that is cut where the card ends " * 3),
        blocks.card("CD1_1", 5.929e-5),
    ]
    path = tmp_path / "made.fits"
    path.write_bytes(blocks.sealed(cards, blocks.datasum(data)) + data)
    with fits.open(path, checksum=True) as hdus:
        assert np.array_equal(hdus[0].data, pixels)
        header = hdus[0].header
        hdus.verify("exception")
    assert header["OBJECT"] == "Barnard's star"
    assert header["ESO DET OUT1 GAIN"] == 0.4
    assert header["CD1_1"] == 5.929e-5


def test_keywords_are_spelt_as_astropy_spells_them():
    made = blocks.card("ESO TPL START", "2012-06-01T08:51:44")
    assert blocks.keyword(made) == "ESO TPL START"
    assert blocks.keyword(blocks.card("EXPTIME", 1.0)) == "EXPTIME"


def test_a_continued_card_stays_in_one_piece():
    header = fits.Header()
    header["LONG"] = "x" * 150
    header["NEXT"] = 1
    pieces = list(blocks.cards(header.tostring().encode()))
    assert [blocks.keyword(piece) for piece in pieces] == ["LONG", "NEXT"]
    assert len(pieces[0]) == 240


@pytest.mark.parametrize("value", ["\x1b[2J", "é", "y" * 80])
def test_what_no_card_can_hold_is_refused(value):
    with pytest.raises(BadHeader, match="OBJECT"):
        blocks.card("OBJECT", value)
