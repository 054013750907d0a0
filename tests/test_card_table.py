"""The table of headers: every card as astropy reads it, and nothing of the pixels."""

from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest
from astropy.io import fits

from awe.demo.exposures import Night, write_night
from awe.errors import ArgumentError
from awe.ingest import headers
from awe.ingest.command import main


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    return write_night(folder, Night(chips=("ESO_CCD_#65", "ESO_CCD_#90")), processes=1)


@pytest.fixture
def made(tmp_path):
    """Return a function that writes a file of one image with some cards."""

    def write(name, **cards):
        hdu = fits.PrimaryHDU(np.zeros((4, 5), np.int16))
        hdu.header.update(cards)
        hdu.writeto(tmp_path / name)
        return tmp_path / name

    return write


def commentless(header):
    return {word: header[word] for word in header if word not in ("COMMENT", "HISTORY", "")}


def test_all_cards_are_those_that_astropy_reads(night):
    table = headers(night)
    assert [row.path for row in table] == list(night)
    for row in table:
        with fits.open(row.path) as hdus:
            wanted = commentless(hdus[1].header) | commentless(hdus[0].header)
        assert dict(row.values) == wanted


@pytest.mark.parametrize("packed", ["gz", "bz2", "fz"])
def test_packed_files_have_the_cards_of_plain_ones(night, tmp_path, packed):
    target = tmp_path / f"one.fits.{packed}"
    if packed == "fz":
        with fits.open(night[0]) as hdus:
            images = [fits.CompImageHDU(hdu.data, hdu.header) for hdu in hdus[1:]]
            fits.HDUList([fits.PrimaryHDU(header=hdus[0].header), *images]).writeto(target)
    else:
        pack = gzip.compress if packed == "gz" else bz2.compress
        target.write_bytes(pack(night[0].read_bytes()))
    words = ("DATE-OBS", "ESO DPR TYPE", "EXTNAME", "EXPTIME")
    plain, other = headers([night[0], target], *words)
    assert plain.values == other.values
    assert set(plain.values) == set(words)


def test_columns_keep_the_type_of_their_cards(made):
    paths = [
        made("a.fits", WHOLE=3, NUMBER=1, TRUTH=True, WORD="x", MIXED=1, LARGE=2**70),
        made("b.fits", WHOLE=-4, NUMBER=2.5, TRUTH=False, WORD="longer", MIXED="x", LARGE=-1),
        made("c.fits", NUMBER=2),
    ]
    table = headers(paths, "whole", "NUMBER", "TRUTH", "WORD", "MIXED", "LARGE").to_table()
    kinds = {name: table[name].dtype.kind for name in table.colnames}
    assert kinds == {
        "file": "U", "WHOLE": "i", "NUMBER": "f", "TRUTH": "b", "WORD": "U", "MIXED": "U",
        "LARGE": "U",
    }  # fmt: skip
    assert list(table["WHOLE"][:2]) == [3, -4]
    assert list(table["NUMBER"]) == [1.0, 2.5, 2.0]
    assert list(table["LARGE"][:2]) == [str(2**70), "-1"]
    assert list(table["WHOLE"].mask) == list(table["WORD"].mask) == [False, False, True]
    assert table["WORD"][1] == "longer"


def test_a_file_without_a_header_is_a_row_that_says_why(night, tmp_path):
    whole = night[0].read_bytes()
    broken = {
        "page.fits": (b"<html>", "page.fits is not a FITS file, it begins with b'<html>'"),
        "short.fits": (whole[:2000], "short.fits is cut off in its header; fetch it again"),
        "packed.fits.gz": (
            gzip.compress(whole)[:900], "packed.fits.gz is cut off: the packed file ends",
        ),
        "odd.fits.gz": (b"\x1f\x8b" + bytes(50), "odd.fits.gz cannot be unpacked"),
        "endless.fits": (b"SIMPLE  =".ljust(3 << 20), "endless.fits has a header of more than"),
    }  # fmt: skip
    for name, (content, _) in broken.items():
        (tmp_path / name).write_bytes(content)
    table = headers([*(tmp_path / name for name in broken), tmp_path / "none.fits", night[0]])
    told = [row.wrong for row in table]
    for said, (_, wanted) in zip(told, broken.values(), strict=False):
        assert wanted in said
    assert told[-2:] == [f"no file {tmp_path / 'none.fits'}; check the name", ""]
    assert all(said in str(table) for said in told)


def test_pixels_are_not_read(night, tmp_path):
    damaged = tmp_path / "damaged.fits"
    content = bytearray(night[0].read_bytes())
    content[-3000] ^= 0xFF
    damaged.write_bytes(content[:-2000])
    one, other = headers([night[0], damaged])
    assert one.values == other.values
    assert "nothing was judged" in str(headers(damaged))


def test_the_command_prints_cards_and_starts_nothing(night, tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    monkeypatch.setenv("AWE_HOME", str(home))
    (tmp_path / "text.fits").write_text("hello\n")
    folder = str(night[0].parent)
    assert main(["-i", folder, "--headers", "exptime", "HIERARCH ESO DPR TYPE", "NONE"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["file", "EXPTIME", "ESO", "DPR", "TYPE", "NONE"]
    assert len(lines) == len(night) + 2
    first = fits.getheader(sorted(night)[0])
    said = [str(first["EXPTIME"]), first["ESO DPR TYPE"], "-"]
    assert lines[1].split() == [sorted(night)[0].name, *said]
    assert main(["-i", str(tmp_path / "text.fits"), "--headers", "EXPTIME"]) == 1
    assert "text.fits is not a FITS file" in capsys.readouterr().out
    assert main(["-i", folder, "--headers", "EXPTIME", "-commit"]) == 1
    assert "give it -i FILES alone" in capsys.readouterr().err
    assert not home.exists()


def test_text_of_a_header_steers_no_terminal(tmp_path):
    path = tmp_path / "steering.fits"
    fits.PrimaryHDU(np.zeros((4, 5), np.int16)).writeto(path)
    content = path.read_bytes()
    card = b"OBJECT  = 'M 31\x1b[2J'".ljust(80)
    path.write_bytes(content.replace(
        content[content.index(b"EXTEND"): content.index(b"EXTEND") + 80], card))  # fmt: skip
    assert headers(path, "OBJECT").rows[0].values == {"OBJECT": "M 31\\x1b[2J"}


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="no file below this folder ends like FITS"):
        headers(tmp_path)
