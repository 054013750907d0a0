"""Damaged exposures: an error that names the file, or exactly the frames of the whole one.

A few in every run; `AWE_DAMAGED=3000 pytest tests/test_damaged_files.py` tries so many, and
`AWE_DAMAGED_SEED=any` others.
"""

from __future__ import annotations

import bz2
import gzip
import os
import random
import shutil

import numpy as np
import pytest
from astropy.io import fits

from awe.demo.exposures import Night, write_night
from awe.errors import AweError
from awe.fits import read_pixels
from awe.ingest.chipfiles import cut
from awe.ingest.split import examine

NUMBER = int(os.environ.get("AWE_DAMAGED", "60"))
SEED = os.environ.get("AWE_DAMAGED_SEED", "")
#: The last has no checksums: damage that still makes sense cannot be seen there.
KINDS = ("fits", "fits.gz", "fits.bz2", "fits.fz", "one.fits", "bare.fits")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One exposure in every packing, by its ending."""
    folder = tmp_path_factory.mktemp("whole")
    night = write_night(folder / "night", Night(chips=("ESO_CCD_#65", "ESO_CCD_#66")), processes=1)
    content = night[5].read_bytes()
    made = {"fits": content, "fits.gz": gzip.compress(content), "fits.bz2": bz2.compress(content)}
    with fits.open(night[5]) as hdus:
        packed = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
        for hdu in hdus[1:]:
            packed.append(fits.CompImageHDU(hdu.data, hdu.header, compression_type="RICE_1"))
        packed.writeto(folder / "packed.fits", checksum=True)
        header = hdus[1].header.copy()
        header.extend(hdus[0].header, unique=True)
        for word in ("XTENSION", "PCOUNT", "GCOUNT", "BZERO", "BSCALE", "CHECKSUM", "DATASUM"):
            header.remove(word, ignore_missing=True)
        fits.PrimaryHDU(hdus[1].data, header).writeto(folder / "one.fits", checksum=True)
        bare = fits.HDUList([hdu.copy() for hdu in hdus])
        for hdu in bare:
            for word in ("CHECKSUM", "DATASUM"):
                hdu.header.remove(word, ignore_missing=True)
        bare.writeto(folder / "bare.fits")
    made["bare.fits"] = (folder / "bare.fits").read_bytes()
    made["fits.fz"] = (folder / "packed.fits").read_bytes()
    made["one.fits"] = (folder / "one.fits").read_bytes()
    return made


def frames(path, folder):
    """Return attributes, pixels and statistics of all frames of a file."""
    folder.mkdir()
    try:
        return [
            (piece.frame.attributes, read_pixels(piece.path), piece.statistics)
            for piece in cut(examine(path), folder)
        ]
    finally:
        shutil.rmtree(folder)


def attempted(path, folder):
    """Return the frames of a file, or what is said instead."""
    try:
        return frames(path, folder), ""
    except AweError as error:
        return [], str(error)


@pytest.fixture(scope="module")
def truth(whole, tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth")
    found = {}
    for kind, content in whole.items():
        path = folder / f"whole.{kind}"
        path.write_bytes(content)
        found[kind] = frames(path, folder / "cut")
    return found


def damaged(content: bytes, dice: random.Random) -> bytes:
    """Return the bytes with one kind of damage that disks, tapes and networks do."""
    data = bytearray(content)
    # headers and ends are where damage is told from the least
    place = dice.choice([dice.randrange(len(data)), dice.randrange(min(20000, len(data)))])
    kind = dice.randrange(6)
    if kind == 0:
        # two that turn one bit of their words up and down cancel in a sum of words
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    elif kind == 1:
        data[place] = dice.randrange(256)
    elif kind == 2:
        del data[place:]
    elif kind == 3:
        size = dice.choice([80, 512, 2880])
        data[place : place + size] = bytes(len(data[place : place + size]))
    elif kind == 4:
        del data[place : place + dice.choice([1, 80, 2880])]
    else:
        data[place:place] = data[place : place + dice.choice([1, 80, 2880])]
    return bytes(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(3600)
def test_damage_is_named_or_harmless(whole, truth, tmp_path, kind):
    refused = 0
    for number in range(NUMBER // len(KINDS)):
        dice = random.Random(f"{SEED}{kind} {number}")
        path = tmp_path / f"exposure.{kind}"
        path.write_bytes(damaged(whole[kind], dice))
        found, told = attempted(path, tmp_path / "cut")
        if told:
            refused += 1
            assert path.name in told, f"{kind} {number}: {told}"
            continue
        assert len(found) == len(truth[kind]), f"{kind} {number}"
        if kind == "bare.fits":
            continue
        for (one, pixels, numbers), (other, pixels2, numbers2) in zip(
            found, truth[kind], strict=True
        ):
            assert one == other, f"{kind} {number}"
            assert np.array_equal(pixels, pixels2), f"{kind} {number}"
            assert numbers == numbers2, f"{kind} {number}"
    assert refused
