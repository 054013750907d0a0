"""Files as archives and cameras hand them out: packed, compressed, of one image, of any type."""

from __future__ import annotations

import bz2
import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awe.demo.exposures import Night, write_night
from awe.errors import BadFits, BadHeader, ChecksumMismatch
from awe.fits import read_pixels
from awe.ingest import plain as packed
from awe.ingest import split
from awe.ingest.chipfiles import cut
from awe.ingest.split import examine

CHIPS = ("ESO_CCD_#65", "ESO_CCD_#90")


@pytest.fixture(scope="module")
def exposure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    return write_night(folder, Night(chips=CHIPS), processes=1)[5]


def compressed(path, target, method="RICE_1"):
    """A copy whose images are tile-compressed."""
    with fits.open(path) as hdus:
        made = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
        for hdu in hdus[1:]:
            made.append(fits.CompImageHDU(hdu.data, hdu.header, compression_type=method))
        made.writeto(target, checksum=True)
    return target


def pieces(path, folder):
    """Return pixels, values of cards and statistics of all frames of a file."""
    found = []
    folder.mkdir()
    for piece in cut(examine(path), folder):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            header = fits.getheader(piece.path)
        cards = {card: header[card] for card in header
                 if card not in ("CHECKSUM", "DATASUM", "COMMENT", "HISTORY", "")
                 and not card.startswith("AWE RAW")}
        found.append((piece.path.name, read_pixels(piece.path), cards, piece.statistics))
    return found


def same(one, other):
    for (name, pixels, cards, numbers), (name2, pixels2, cards2, numbers2) in zip(
        one, other, strict=True
    ):
        assert name == name2
        assert pixels.dtype == pixels2.dtype
        assert np.array_equal(pixels, pixels2)
        assert cards == cards2
        assert numbers == numbers2


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_a_compressed_exposure_gives_the_frames_of_the_plain_one(exposure, tmp_path, method):
    path = compressed(exposure, tmp_path / "exposure.fits.fz", method)
    same(pieces(path, tmp_path / "fz"), pieces(exposure, tmp_path / "plain"))
    assert not any("loss" in note for note in examine(path).notes)


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
def test_a_packed_exposure_gives_the_frames_of_the_plain_one(exposure, tmp_path, pack, ending):
    path = tmp_path / f"exposure.fits.{ending}"
    path.write_bytes(pack(exposure.read_bytes()))
    same(pieces(path, tmp_path / "packed"), pieces(exposure, tmp_path / "plain"))
    both = tmp_path / f"both.fits.fz.{ending}"
    both.write_bytes(pack(compressed(exposure, tmp_path / "both.fits.fz").read_bytes()))
    same(pieces(both, tmp_path / "both"), pieces(exposure, tmp_path / "plain2"))


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
@pytest.mark.parametrize("part", [0.5, 0.99])
def test_a_packed_file_that_is_cut_off_is_named(exposure, tmp_path, pack, ending, part):
    content = pack(exposure.read_bytes())
    path = tmp_path / f"short.fits.{ending}"
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(BadFits, match=rf"short.fits.{ending} is cut off: .* fetch it again"):
        examine(path)


@pytest.mark.parametrize(("pack", "ending"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
def test_a_packed_file_that_is_damaged_is_named(exposure, tmp_path, pack, ending):
    content = bytearray(pack(exposure.read_bytes()))
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / f"damaged.fits.{ending}"
    path.write_bytes(content)
    with pytest.raises((BadFits, ChecksumMismatch), match=rf"damaged.fits.{ending}"):
        examine(path)


def test_what_is_packed_may_not_fill_the_disk(tmp_path, monkeypatch):
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(gzip.compress(bytes(1 << 22)))
    monkeypatch.setattr(packed, "EXPANSION_LIMIT", 100)
    with pytest.raises(BadFits, match="more than 100 times as large"):
        examine(path)


def test_pixels_compressed_with_loss_are_said_to_be(exposure, tmp_path):
    with fits.open(exposure) as hdus:
        wide = [(hdu.data.astype(np.float32), hdu.header) for hdu in hdus[1:]]
        made = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
    for pixels, header in wide:
        for word in ("BZERO", "BSCALE"):
            header.remove(word, ignore_missing=True)
        made.append(fits.CompImageHDU(pixels, header, compression_type="RICE_1"))
    made.writeto(tmp_path / "lossy.fits.fz", checksum=True)
    notes = examine(tmp_path / "lossy.fits.fz").notes
    assert [note for note in notes if "loss" in note] == [
        f"extension {number} was compressed with loss (RICE_1, quantised with no dither)"
        for number in (1, 2)
    ]


def single(exposure: Path, target: Path, change=lambda pixels: pixels, **cards) -> Path:
    """A file of one chip in its primary HDU, as a camera of one chip writes it."""
    with fits.open(exposure) as hdus:
        header = hdus[1].header.copy()
        header.extend(hdus[0].header, unique=True)
        pixels = change(hdus[1].data)
    for word in ("XTENSION", "PCOUNT", "GCOUNT", "BZERO", "BSCALE", "CHECKSUM", "DATASUM"):
        header.remove(word, ignore_missing=True)
    header.update(cards)
    fits.PrimaryHDU(pixels, header).writeto(target, checksum=True)
    return target


def test_a_chip_in_a_file_of_its_own_is_the_frame_of_the_unsplit_file(exposure, tmp_path):
    path = single(exposure, tmp_path / "one.fits")
    [(name, pixels, cards, numbers)] = pieces(path, tmp_path / "one")
    whole = pieces(exposure, tmp_path / "whole")[0]
    assert name == whole[0]
    assert np.array_equal(pixels, whole[1])
    assert numbers == whole[3]
    assert {k: v for k, v in cards.items() if k in whole[2]} == {
        k: v for k, v in whole[2].items() if k in cards}
    packed_one = tmp_path / "one.fits.fz"
    with fits.open(path) as hdus:
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(hdus[0].data, hdus[0].header)]).writeto(
            packed_one, checksum=True)
    # with this card a compressing program says that the image was the primary HDU
    with fits.open(packed_one, disable_image_compression=True) as hdus:
        hdus[1].header["ZSIMPLE"] = True
        hdus.writeto(tmp_path / "primary.fits.fz", checksum=True)
    assert examine(tmp_path / "primary.fits.fz").frames[0].extension == 0
    for file in (packed_one, tmp_path / "primary.fits.fz"):
        [again] = pieces(file, tmp_path / f"{file.stem}-cut")
        assert again[0] == name
        assert np.array_equal(again[1], pixels)
        assert again[3] == numbers


@pytest.mark.parametrize(
    ("kind", "shift"),
    [("i2", -20000), ("i4", 0), ("u4", 0), ("i8", 0), ("f4", 0), ("f8", 0)],
)
def test_pixels_of_every_type_stay_what_they_are(exposure, tmp_path, kind, shift):
    def change(pixels):
        return (pixels.astype(np.int64) // 2 + shift).astype(kind)

    path = single(exposure, tmp_path / "one.fits", change)
    [(_, pixels, _, numbers)] = pieces(path, tmp_path / "cut")
    truth = fits.getdata(path)
    assert np.array_equal(pixels, truth)
    assert pixels.dtype.kind == np.dtype(kind).kind
    active = truth[:420, 48:448].astype(float)
    assert numbers["active"]["median"] == np.median(active)
    assert numbers["active"]["mean"] == pytest.approx(active.mean())
    assert numbers["active"]["stdev"] == pytest.approx(active.std())
    assert numbers["active"]["min"] == active.min()
    assert numbers["active"]["max"] == active.max()


def test_scaled_integers_and_floats_without_a_value(exposure, tmp_path, monkeypatch):
    with fits.open(single(exposure, tmp_path / "a.fits"), do_not_scale_image_data=True) as hdus:
        hdus[0].data = (hdus[0].data >> 1).astype(np.int16)
        hdus[0].header.update({"BSCALE": 0.5, "BZERO": 1000.0, "BLANK": -16384})
        hdus[0].data[100, 100] = -16384
        stored = hdus[0].data.astype(float)
        hdus.writeto(tmp_path / "scaled.fits", checksum=True)
    [(_, pixels, _, numbers)] = pieces(tmp_path / "scaled.fits", tmp_path / "s")
    assert np.flatnonzero(np.isnan(pixels)).tolist() == [100 * pixels.shape[1] + 100]
    stored[100, 100] = np.nan
    active = (1000 + 0.5 * stored)[:420, 48:448]
    assert numbers["active"]["mean"] == pytest.approx(np.nanmean(active))
    assert numbers["active"]["median"] == np.nanmedian(active)

    def holes(pixels):
        wide = pixels.astype(np.float32)
        wide[50:60] = np.nan
        return wide

    path = single(exposure, tmp_path / "h.fits", holes)
    [(_, pixels, _, numbers)] = pieces(path, tmp_path / "h")
    assert numbers["active"]["mean"] == pytest.approx(np.nanmean(pixels[:420, 48:448]))

    def nothing(pixels):
        return np.full(pixels.shape, np.nan, np.float32)

    path = single(exposure, tmp_path / "n.fits", nothing)
    for large in (16 << 20, 1):
        # a dry run tells it too, of a large file as of a small one
        monkeypatch.setattr(split, "LARGE", large)
        for digest in (True, False):
            with pytest.raises(BadFits, match="no pixel has a value"):
                examine(path, digest=digest)


def test_axes_of_one_plane_are_taken_and_cubes_are_not(exposure, tmp_path):
    flat = single(exposure, tmp_path / "one.fits", lambda pixels: pixels[np.newaxis])
    [(_, pixels, _, _)] = pieces(flat, tmp_path / "flat")
    assert np.array_equal(pixels, fits.getdata(exposure, 1))
    cube = single(exposure, tmp_path / "cube.fits", lambda pixels: np.stack([pixels, pixels]))
    with pytest.raises(BadHeader, match="--split-cubes takes them one by one"):
        examine(cube)


def test_tables_are_left_out_and_a_file_without_an_image_is_refused(exposure, tmp_path):
    with fits.open(exposure) as hdus:
        table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1, 2])], name="LOG")
        hdus.append(table)
        hdus.writeto(tmp_path / "table.fits", checksum=True)
    assert "left out: table LOG" in examine(tmp_path / "table.fits").notes
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "no.fits")
    with pytest.raises(BadFits, match="there is no image in it"):
        examine(tmp_path / "no.fits")


def test_pixels_that_unpack_to_others_than_were_packed_are_refused(exposure, tmp_path):
    path = compressed(exposure, tmp_path / "exposure.fits.fz")
    with fits.open(path, disable_image_compression=True) as hdus:
        hdus[1].header["ZDATASUM"] = "12345"
        hdus.writeto(tmp_path / "wrong.fits.fz", checksum=True)
    with pytest.raises(ChecksumMismatch, match="HDU 1: the unpacked pixels have the sum"):
        examine(tmp_path / "wrong.fits.fz")


@pytest.mark.parametrize("kind", ["fits", "fits.fz"])
def test_a_file_that_ends_behind_one_of_its_chips_is_cut_off(exposure, tmp_path, kind):
    path = exposure if kind == "fits" else compressed(exposure, tmp_path / "whole.fits.fz")
    with fits.open(path, disable_image_compression=True) as hdus:
        places = hdus[2].fileinfo()
        end = places["hdrLoc"]
    cut_off = tmp_path / f"cut.{kind}"
    # not a pixel is missing of the first chip; the second is
    cut_off.write_bytes(path.read_bytes()[: end - 7])
    with pytest.raises(BadFits, match=r"HDU 1, and 31 chip.*it seems to be cut off"):
        examine(cut_off)
    # at the end of a block nothing but a card tells
    cut_off.write_bytes(path.read_bytes()[:end])
    assert len(examine(cut_off).frames) == 1
    with fits.open(path, disable_image_compression=True) as hdus:
        hdus[0].header["NEXTEND"] = 2
        hdus.writeto(tmp_path / f"told.{kind}", checksum=True)
    told = (tmp_path / f"told.{kind}").read_bytes()
    with fits.open(tmp_path / f"told.{kind}", disable_image_compression=True) as hdus:
        end = hdus[2].fileinfo()["hdrLoc"]
    assert len(examine(tmp_path / f"told.{kind}").frames) == 2
    cut_off.write_bytes(told[:end])
    with pytest.raises(BadFits, match="NEXTEND promises 2 extensions, 1 are in it"):
        examine(cut_off)


def test_the_last_block_of_a_whole_file_need_not_be_full(exposure, tmp_path):
    path = single(exposure, tmp_path / "one.fits")
    path.write_bytes(path.read_bytes()[:-7])
    # of a camera of many chips the one that came is whole
    assert "the file ends inside the filling of its last block, 7 bytes" in examine(path).notes
