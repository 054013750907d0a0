"""The ingest: exposures judged, split, stored and committed, on a real database and dataserver."""

from __future__ import annotations

import csv
import datetime
import gzip
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from dataservers import Dataserver
from prompt_faults import tiny_disk

from awe import columns
from awe.config import Environment
from awe.context import context
from awe.dataserver import laying, sending
from awe.db.server.connection import database
from awe.demo.exposures import Night, write_night
from awe.demo.plan import plan
from awe.errors import (
    ArgumentError,
    AweError,
    BadFits,
    BadHeader,
    ChecksumMismatch,
    FileGone,
    FileTaken,
)
from awe.fits import blocks
from awe.ingest import Report, Row, State, arriving, ingest, planfile, run, sources
from awe.ingest.chipfiles import cut, measured
from awe.ingest.split import examine
from awe.model import released
from awe.model.observing import Chip
from awe.model.raw import RawFitsData, RawScienceFrame, RawTwilightFlatFrame
from awe.rules.obscore import obscore

CHIPS = ("ESO_CCD_#65", "ESO_CCD_#90")
START = datetime.datetime(2012, 6, 1, 8, 51, 44)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return write_night(tmp_path_factory.mktemp("night"), Night(chips=CHIPS), processes=1)


@pytest.fixture
def dataserver(db, tmp_path):
    server = Dataserver.start(db, tmp_path / "files")
    yield server.port
    server.stop()


@pytest.fixture
def scientist(db, dataserver):
    login(db, dataserver, "scientist", privileges="4")
    yield
    database.close()


def login(db, port, person, **settings):
    settings = db.environment(person, data_port=str(port), **settings)
    context.start(Environment.load(**settings))


def rewritten(path, target, change):
    """A copy of an exposure with other header cards, its checksums right again."""
    with fits.open(path, do_not_scale_image_data=True) as hdus:
        change(hdus)
        hdus.writeto(target, checksum=True)
    return target


def test_bands_and_levels_of_flats_are_noted(night, scientist, tmp_path):
    science = night[5]
    good, faint = [path for path in night if examine(path).purpose == "twilight"][:2]

    def dimmed(hdus):
        for hdu in hdus[1:]:
            # as stored: 32768 less than the count
            hdu.data[:] = (hdu.data.astype(int) + 32768) // 40 - 32768

    dim = rewritten(faint, tmp_path / "dim.fits", dimmed)
    assert ingest([science, good, dim], commit=True).count(State.INGESTED) == 3
    frame = RawScienceFrame.select_all()[0]
    assert (frame.filter.mag_id, frame.filter.central_wavelength) == ("r", 626.1)
    assert list(obscore(level=1)["em_min"]) == pytest.approx([626.1e-9] * len(CHIPS))
    flats = list(RawTwilightFlatFrame.raw_fits.filename == good.name)
    flats += list(RawTwilightFlatFrame.raw_fits.filename == "dim.fits")
    assert len(flats) == 2 * len(CHIPS)
    for flat in flats:
        assert (flat.MEAN_LOW, flat.MEAN_HIGH) == (3000.0, 50000.0)
        good_level = 3000 <= flat.imstat.mean <= 50000
        assert flat.explain_quality() == ("fine" if good_level else "LEVEL")
    assert {flat.quality_flags for flat in flats} == {0, 1}


# -- bytes ---------------------------------------------------------------------------------------


def test_a_frame_is_bit_for_bit_what_the_camera_wrote(night, tmp_path):
    exposure = examine(night[5])
    pieces = list(cut(exposure, tmp_path))
    assert [piece.path.name for piece in pieces] == [
        f"OMEGACAM.2012-06-01T08:51:46.312_{number}.fits" for number in (1, 2)
    ]
    with fits.open(night[5]) as original:
        for number, piece in enumerate(pieces, start=1):
            with fits.open(piece.path, checksum=True) as hdus:
                assert np.array_equal(hdus[0].data, original[number].data)
                header = hdus[0].header
            assert header["EXTNAME"] == CHIPS[number - 1]
            assert header["ESO TPL START"] == original[0].header["ESO TPL START"]
            assert header["CRPIX1"] == original[number].header["CRPIX1"]


def test_an_exposure_that_changes_after_its_judgement_is_refused(night, tmp_path):
    path = tmp_path / "changing.fits"
    path.write_bytes(night[5].read_bytes())
    exposure = examine(path)
    content = bytearray(path.read_bytes())
    content[exposure.frames[1].data[0] + 1000] ^= 4
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(content)
    # the pixels tell, also where the file does not
    os.utime(path, ns=times)
    with pytest.raises(ChecksumMismatch, match=r"_2.fits: the pixels changed while"):
        list(cut(exposure, tmp_path))
    with pytest.raises(ChecksumMismatch, match="the pixels changed while"):
        measured(exposure)


def test_a_file_that_is_cut_off_in_its_place_is_refused(night, tmp_path):
    path = tmp_path / "cut.fits"
    shutil.copy(night[5], path)
    exposure = examine(path)
    pieces = cut(exposure, tmp_path)
    next(pieces)
    # as `cp` begins to write over it: a look at the pixels that were there would end the process
    os.truncate(path, 40_000)
    with pytest.raises(ChecksumMismatch, match=r"cut.fits changed while the exposure was read"):
        next(pieces)
    with pytest.raises(AweError, match=r"cut.fits"):
        measured(exposure)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_takes_the_place_of_a_judged_one_is_refused(night, tmp_path, packed):
    path = tmp_path / ("taken.fits.gz" if packed else "taken.fits")

    def put(content):
        other = tmp_path / "other"
        other.write_bytes(gzip.compress(content, 1) if packed else content)
        other.replace(path)

    def bare(source):
        # of files without sums nothing else tells what was judged
        with fits.open(source, do_not_scale_image_data=True) as hdus:
            for hdu in hdus:
                for word in ("CHECKSUM", "DATASUM"):
                    hdu.header.remove(word, ignore_missing=True)
            whole = io.BytesIO()
            hdus.writeto(whole)
        return whole.getvalue()

    put(bare(night[5]))
    exposure = examine(path)
    assert "unverified before ingest: no checksums" in exposure.notes
    put(bare(night[6]))
    with pytest.raises(ChecksumMismatch, match=r"taken.fits\S* changed while the exposure was"):
        list(cut(exposure, tmp_path))
    put(bare(night[5]))
    pieces = cut(examine(path), tmp_path)
    next(pieces)
    put(bare(night[5]))
    with pytest.raises(ChecksumMismatch, match="leave the file alone and repeat"):
        list(pieces)


def test_two_ingests_of_one_folder_store_each_exposure_once(db, dataserver, night, tmp_path):
    folder = tmp_path / "night"
    folder.mkdir()
    for path in night[:8]:
        shutil.copy(path, folder)
    settings = {"data_server": "127.0.0.1", "data_port": str(dataserver), "privileges": "4"}
    environment = db.environment("scientist", **settings)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", "import sys; from awe.ingest import main; sys.exit(main())",
             "-i", str(folder), "-commit"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **environment},
        )
        for _ in range(2)
    ]  # fmt: skip
    told = [one.communicate(timeout=120) for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    count = [re.search(r"(\d+) ingested(?! before)", out) for out, _ in told]
    assert sum(int(one[1]) for one in count if one) == 8, told
    login(db, dataserver, "scientist", privileges="4")
    try:
        stored = [one.filename for one in RawFitsData.select_all()]
    finally:
        database.close()
    assert sorted(stored) == sorted(path.name for path in night[:8])


def test_what_fills_the_last_block_of_an_image_does_not_matter(night, tmp_path):
    path = tmp_path / "filled.fits"
    with fits.open(night[5], do_not_scale_image_data=True) as hdus:
        for hdu in hdus:
            for word in ("DATASUM", "CHECKSUM"):
                hdu.header.remove(word, ignore_missing=True)
        hdus.writeto(path)
    content = bytearray(path.read_bytes())
    first, second = examine(path).frames
    assert second.header[0] > first.data[1]
    content[second.header[0] - 1] = 7
    path.write_bytes(content)
    folder = tmp_path / "cut"
    folder.mkdir()
    with fits.open(night[5]) as original:
        for number, piece in enumerate(cut(examine(path), folder), start=1):
            with fits.open(piece.path, checksum=True) as hdus:
                assert np.array_equal(hdus[0].data, original[number].data)


def test_the_checksum_of_a_large_file_is_that_of_its_bytes(night, tmp_path, monkeypatch):
    from awe.ingest import split

    monkeypatch.setattr(split, "LARGE", 1)
    assert examine(night[5]).digest == hashlib.sha256(night[5].read_bytes()).hexdigest()
    with pytest.raises(FileGone):
        examine(tmp_path / "none.fits")


def test_statistics_are_exact(night, tmp_path):
    piece = next(iter(cut(examine(night[5]), tmp_path)))
    pixels = fits.getdata(night[5], 1)[:420, 48:448].astype(float)
    found = piece.statistics["active"]
    assert found["median"] == np.median(pixels)
    assert found["mean"] == pytest.approx(pixels.mean())
    assert found["stdev"] == pytest.approx(pixels.std())
    assert (found["min"], found["max"]) == (pixels.min(), pixels.max())
    assert (found["x_lower"], found["x_upper"]) == (49, 448)


def test_all_problems_of_all_chips_come_at_once(night, tmp_path):
    def damage(hdus):
        hdus[0].header["EXPTIME"] = "6,4E-05"
        del hdus[0].header["ESO TPL START"]
        hdus[2].header["EXTNAME"] = "ESO_CCD_#99"

    with pytest.raises(BadHeader) as refused:
        examine(rewritten(night[5], tmp_path / "bad.fits", damage))
    for part in ("2 of 2 images", "6,4E-05", "ESO TPL START is missing", "#99"):
        assert part in str(refused.value)


def test_a_chip_that_appears_twice_is_refused(night, tmp_path):
    def damage(hdus):
        hdus[2].header["EXTNAME"] = CHIPS[0]

    with pytest.raises(BadHeader, match="#65 appears more than once"):
        examine(rewritten(night[0], tmp_path / "twice.fits", damage))


def test_other_instruments_are_refused(night, tmp_path):
    def camera(hdus):
        hdus[0].header["INSTRUME"] = "OMEGACAMERA"

    with pytest.raises(LookupError, match="did you mean 'OMEGACAM'"):
        examine(rewritten(night[0], tmp_path / "camera.fits", camera))


@pytest.mark.parametrize("tail", [2880, 100])
def test_zeros_behind_an_exposure_and_a_short_last_block_are_noted(night, tmp_path, tail):
    content = night[0].read_bytes()
    path = tmp_path / "tail.fits"
    path.write_bytes(content + bytes(tail))
    exposure = examine(path)
    assert f"{tail} zero bytes behind the last HDU are left out" in exposure.notes
    end = exposure.frames[-1].data[1]
    assert content[end:].strip(b"\0") == b""
    path.write_bytes(content[:end])
    exposure = examine(path)
    assert any("the last block is not filled up" in note for note in exposure.notes)
    *_, whole = cut(examine(night[0]), tmp_path)
    pixels = fits.getdata(whole.path)
    *_, short = cut(exposure, tmp_path)
    assert (fits.getdata(short.path) == pixels).all()
    path.write_bytes(content[: end - 1])
    with pytest.raises(BadFits, match="truncated"):
        examine(path)
    path.write_bytes(content + b"x")
    with pytest.raises(BadFits, match=r"1 trailing bytes .* cut them off: head -c \d+ tail.fits"):
        examine(path)


@pytest.mark.parametrize(
    ("card", "value"), [("EXPTIME", 10.0), ("OBJECT", "M 31"), ("DATE-OBS", "2012-06-01T00:00:00")]
)
def test_headers_of_one_file_that_contradict_each_other_are_refused(night, tmp_path, card, value):
    def damage(hdus):
        hdus[2].header[card] = value

    with pytest.raises(BadHeader, match=f"{card} is .* in one header of the file and .*"):
        examine(rewritten(night[5], tmp_path / "bad.fits", damage))

    def repeat(hdus):
        hdus[2].header[card] = hdus[0].header[card]

    assert examine(rewritten(night[5], tmp_path / "good.fits", repeat)).frames


def test_a_missing_value_stays_missing(night, tmp_path):
    from awe.fits import read_pixels

    def blank(hdus):
        hdus[1].data = hdus[1].data.copy()
        hdus[1].data[100, 200] = -32768
        hdus[1].header["BLANK"] = -32768

    path = rewritten(night[5], tmp_path / "blank.fits", blank)
    piece = next(iter(cut(examine(path), tmp_path)))
    pixels = read_pixels(piece.path)
    assert np.flatnonzero(~np.isfinite(pixels)).tolist() == [100 * pixels.shape[1] + 200]
    assert piece.statistics["active"]["min"] > 0


def test_a_flipped_bit_is_refused(night, tmp_path):
    damaged = bytearray(night[0].read_bytes())
    damaged[-9000] ^= 4
    path = tmp_path / "damaged.fits"
    path.write_bytes(damaged)
    with pytest.raises(ChecksumMismatch):
        examine(path)


def test_hostile_text_stays_data_and_harmless(night, tmp_path):
    content = night[5].read_bytes()
    place = content.index(b"OBJECT  =")
    evil = b"OBJECT  = '\x1b[2J; DROP TABLE %s {0}'".ljust(80)
    header = content[: examine(night[5]).frames[0].header[0]]
    cards = [card for card in blocks.cards(header) if not card.startswith((b"CHECKSUM", b"END"))]
    cards = [card for card in cards if not card.startswith(b"DATASUM")]
    cards = [evil if card.startswith(b"OBJECT  =") else card for card in cards]
    made = blocks.sealed(cards, 0)
    path = tmp_path / "evil.fits"
    path.write_bytes(made + content[len(header) :])
    assert place < len(header)
    exposure = examine(path)
    assert exposure.frames[0].attributes["OBJECT"] == "\\x1b[2J; DROP TABLE %s {0}"
    piece = next(iter(cut(exposure, tmp_path)))
    pixels = 2 * 496 * 440
    header = piece.path.read_bytes()[: -(pixels + -pixels % 2880)]
    assert header.rstrip().endswith(b"END")
    assert b"\x1b" not in header


# -- the system ----------------------------------------------------------------------------------


def test_a_dry_run_changes_nothing(scientist, night):
    from awe.model.raw import RawFitsData

    report = ingest(night, processes=1)
    assert report.count(State.NEW) == 28
    assert report.ok
    assert len(RawFitsData.select_all()) == 0
    assert database.execute("SELECT count(*) FROM awe.file") == [(0,)]


def test_a_night_is_ingested_once_and_seen_by_students(scientist, night, db, dataserver, tmp_path):
    from awe.model.raw import RawBiasFrame, RawFitsData, RawScienceFrame

    report = ingest(night, commit=True, processes=2)
    assert report.count(State.INGESTED) == 28, str(report)
    again = ingest(night, commit=True, processes=1)
    assert again.count(State.KNOWN) == 28
    assert len(RawFitsData.select_all()) == 28

    login(db, dataserver, "student")
    query = (RawScienceFrame.instrument.name == "OMEGACAM") & (
        RawScienceFrame.template.start == START
    )
    assert len(query) == 10
    query = query & (RawScienceFrame.chip.name == CHIPS[1])
    frames = list(query)
    assert [frame.DATE_OBS for frame in frames] == [item.start for item in plan()[5:10]]
    assert len({frame.template for frame in frames}) == 1
    raw = query.max("DATE_OBS")
    assert raw.filter.name == "OCAM_r_SDSS"
    assert raw.raw_fits.filename == night[9].name
    assert raw.extension == 2
    assert raw.observing_block.templates[0] == raw.template
    assert raw.geometry["active"] == "[49:448,21:440]"
    assert raw.overscan_y_stat.y_upper == 20
    assert pytest.approx(-31.2 + 2 * 85 / 3600) == raw.astrom.CRVAL2
    raw.retrieve(tmp_path)
    with fits.open(raw.pathname, checksum=True) as hdus:
        assert hdus[0].data.max() >= raw.imstat.max
    assert len(RawBiasFrame.chip.name == CHIPS[0]) == 10


def test_the_files_of_a_query_are_brought_and_brought_on(
    scientist, night, dataserver, db, tmp_path, capsys
):
    ingest(night[5:7], "science", commit=True, processes=1)
    query = RawScienceFrame.select_all()
    folder = tmp_path / "new" / "folder"
    paths = query.retrieve(folder)
    assert [path.name for path in paths] == [frame.filename for frame in query]
    assert re.fullmatch(
        rf"4 of 4 files, \d+\.\d MB, checksums verified, in {folder}\n", capsys.readouterr().out
    )
    before = [path.stat().st_mtime_ns for path in paths]
    content = paths[2].read_bytes()
    paths[2].unlink()
    paths[3].write_bytes(b"something else")
    assert query.retrieve(folder) == paths[:3]
    said = capsys.readouterr().out
    assert f"left out: {paths[3]}" in said
    assert "replace=True" in said
    assert "3 of 4 files" in said
    assert paths[2].read_bytes() == content
    assert [path.stat().st_mtime_ns for path in paths[:2]] == before[:2]
    assert query.retrieve(folder, replace=True) == paths
    with pytest.raises(ArgumentError, match="a Chip has no file"):
        Chip.select_all().retrieve(folder)
    assert (RawScienceFrame.EXPTIME < 0).retrieve(folder) == []


def test_frames_are_packed_on_request_and_come_back_to_the_byte(
    scientist, night, dataserver, tmp_path
):
    from awe.model.raw import RawScienceFrame
    from awe.tasks.inputs import imstat

    report = ingest(night[5:7], "science", commit=True, pack=True, processes=1)
    assert report.ok, str(report)
    assert not any("not packed" in row.message for row in report.rows)
    frames = list(RawScienceFrame.select_all())
    kept = sorted(tmp_path.rglob("objects/*/*"))
    assert len(frames) == len(kept) > 0
    assert {path.suffix for path in kept} == {".fz"}
    for frame in frames:
        frame.retrieve(tmp_path)
        assert imstat(frame.data).max == pytest.approx(frame.imstat.max)
        with fits.open(frame.pathname, checksum=True) as hdus:
            hdus.verify("exception")


def test_one_bad_file_does_not_stop_the_others(scientist, night, tmp_path):
    page = tmp_path / "page.fits"
    page.write_text("<html>503 Service Unavailable</html>")
    report = ingest([page, night[5], tmp_path / "absent.fits"], commit=True)
    states = [row.state for row in report]
    assert states == [State.REFUSED, State.INGESTED, State.REFUSED]
    assert "HTML" in report.rows[0].message
    assert not report.ok
    assert "page.fits" in str(report)


def test_copies_given_together_come_in_once(scientist, night, tmp_path):
    copy, packed, other = (tmp_path / name for name in ("copy.fits", "a.fits.gz", "other.fits"))
    data = night[5].read_bytes()
    copy.write_bytes(data)
    packed.write_bytes(gzip.compress(data, 1))
    shutil.copy(night[5], other)
    with fits.open(other, mode="update", checksum=True) as hdus:
        hdus[1].data[100, 100] += 1
    namesake = tmp_path / "another" / night[5].name
    namesake.parent.mkdir()
    shutil.copy(night[6], namesake)
    report = ingest([night[5], copy, packed, other, namesake], commit=True)
    told = [row.state for row in report]
    refused = State.REFUSED
    assert told == [State.INGESTED, State.COPY, State.COPY, refused, refused], str(report)
    assert f"other content is here too, {night[5]}; if both are right" in report.rows[4].message
    assert report.rows[1].message == f"the same file as {night[5].name}"
    assert report.rows[2].message == f"the same pixels as {night[5].name}"
    assert "but other pixels" in report.rows[3].message
    # alone they are what they were together
    again = ingest([copy, packed, other], commit=True)
    assert [row.state for row in again] == [State.KNOWN, State.KNOWN, State.REFUSED]


def test_chips_in_files_of_their_own_come_in_one_by_one_and_once(scientist, night, tmp_path):
    from awe.model.raw import RawScienceFrame

    files = [piece.path for piece in cut(examine(night[5]), tmp_path)]
    report = ingest([files[0], night[5]], commit=True)
    assert [row.state for row in report] == [State.INGESTED, State.REFUSED]
    report = ingest([*files, night[5]], commit=True)
    assert [row.state for row in report] == [State.KNOWN, State.INGESTED, State.REFUSED]
    assert f"ESO_CCD_#65 of this moment came in with {files[0].name}" in str(report)
    found = RawScienceFrame.filename.like("OMEGACAM*")
    assert {frame.chip.name for frame in found} == set(CHIPS)
    assert len(found) == 2


def test_another_chip_of_a_moment_under_a_known_name_is_refused(scientist, night, tmp_path):
    def only(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        return rewritten(night[5], folder / night[5].name, lambda hdus: hdus.pop(3 - number))

    first, second = only(1), only(2)
    assert ingest([first], commit=True).ok
    [row] = ingest([second], commit=True)
    assert row.state is State.REFUSED
    assert f"{CHIPS[0]} of this moment came in with {first.name}" in row.message


def test_a_purpose_that_contradicts_the_header_is_refused(scientist, night):
    report = ingest([night[5], night[10]], "bias")
    assert [row.state for row in report] == [State.REFUSED, State.NEW]
    assert "its header says science" in report.rows[0].message
    with pytest.raises(ArgumentError, match="did you mean 'twilight'"):
        ingest(night[:1], "twiligth")


def test_known_pixels_are_recognised_in_another_file(scientist, night, tmp_path):
    assert ingest([night[5]], commit=True).ok

    def later(hdus):
        hdus[0].header["OBSERVER"] = "somebody else"

    changed = rewritten(night[5], tmp_path / night[5].name, later)
    packed = tmp_path / "packed.fits.gz"
    packed.write_bytes(gzip.compress(night[5].read_bytes()))
    renamed = tmp_path / "renamed.fits"
    renamed.write_bytes(night[5].read_bytes())
    report = ingest([changed, packed, renamed], commit=True)
    assert [row.state for row in report] == [State.KNOWN] * 3
    told = f"the same pixels came in with {night[5].name}"
    assert [row.message for row in report] == [told, told, ""]


@pytest.mark.parametrize("name", [None, "renamed.fits"])
def test_an_exposure_comes_in_again_when_its_frames_were_deleted(
    db, dataserver, night, tmp_path, name
):
    login(db, dataserver, "scientist", privileges="1")
    assert ingest([night[5]], commit=True).ok
    path = night[5]
    if name is not None:
        path = tmp_path / name
        path.write_bytes(night[5].read_bytes())
    first, *others = RawScienceFrame.instrument.name == "OMEGACAM"
    assert others
    context.delete(first)
    [row] = ingest([path], commit=True)
    assert row.state is State.KNOWN
    assert f"{len(others)} of its {len(others) + 1} frames are here" in row.message
    context.undelete()
    assert [row.message for row in ingest([path], commit=True)] == [""]
    context.delete([first, *others])
    [row] = ingest([path])
    assert row.state is State.NEW
    [row] = ingest([path], commit=True)
    assert row.state is State.INGESTED, row.message
    assert len(RawScienceFrame.instrument.name == "OMEGACAM") == len(others) + 1
    assert {row.state for row in ingest([night[5], path], commit=True)} == {State.KNOWN}
    # other pixels under that name are another exposure still
    (tmp_path / "other").mkdir()
    changed = rewritten(night[6], tmp_path / "other" / path.name, lambda hdus: None)
    assert "other content" in next(iter(ingest([changed], commit=True))).message


def test_other_content_under_a_known_name_or_moment_is_refused(scientist, night, tmp_path):
    assert ingest([night[5]], commit=True).ok

    def moved(hdus):
        for hdu in hdus:
            hdu.header["DATE-OBS"] = "2012-06-01T08:51:48.312"

    def other(hdus):
        hdus[2].data = hdus[2].data.copy()
        hdus[2].data[100, 100] ^= 1

    moment = rewritten(night[5], tmp_path / night[5].name, moved)
    [row] = ingest([moment], commit=True)
    assert "other content" in row.message
    assert f"for example to 2012-06-01T085148_{night[5].name}" in row.message
    [row] = ingest([rewritten(night[5], tmp_path / "other.fits", other)], commit=True)
    assert row.state is State.REFUSED
    assert f"{night[5].name} has the same chip and moment, but other pixels" in row.message


def test_a_dead_dataserver_leaves_nothing_half_done(db, night):
    from awe.model.raw import RawFitsData, RawScienceFrame

    login(db, 9, "scientist", privileges="4")
    try:
        report = ingest([night[5]], commit=True)
        assert report.rows[0].state is State.FAILED
        assert "does not answer" in report.rows[0].message
        assert len(RawFitsData.select_all()) == 0
        assert len(RawScienceFrame.select_all()) == 0
    finally:
        database.close()


def test_only_what_is_packed_needs_space_here(scientist, night, tmp_path, monkeypatch):
    packed = tmp_path / f"{night[6].name}.gz"
    packed.write_bytes(gzip.compress(night[6].read_bytes(), 1))
    small = tmp_path / "small"
    small.mkdir()
    with tiny_disk(small, "256k"):
        monkeypatch.setattr("tempfile.tempdir", str(small))
        report = ingest([night[5], packed], commit=True, processes=1)
        assert [row.state for row in report] == [State.INGESTED, State.REFUSED]
        assert "No space left" in report.rows[1].message
        assert list(small.iterdir()) == []


def kept(store):
    """Names of the files in a store: in their places, and on their way."""
    return [sum(path.is_file() for path in (store / folder).rglob("*"))
            for folder in ("objects", "incoming")]


def test_a_full_disk_of_the_store_is_named_and_the_ingest_goes_on_with_room(db, night, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    one, two, three = night[5], night[6], night[7]
    room = int(2.6 * one.stat().st_size)
    with tiny_disk(store, str(room)):
        server = Dataserver.start(db, store, reserve=0)
        try:
            login(db, server.port, "scientist", privileges="4")
            report = ingest([one, two, three], commit=True, processes=1)
            # the third has room for one of its two chips
            assert [row.state for row in report] == [State.INGESTED] * 2 + [State.FAILED]
            assert "no space on the file server" in report.rows[2].message
            assert str(store) in report.rows[2].message
            assert len(RawFitsData.select_all()) == 2
            assert len(RawScienceFrame.select_all()) == 2 * len(CHIPS)
            assert kept(store)[1] == 0
            again = ingest([three], commit=True, processes=1)
            assert "no space on the file server" in again.rows[0].message
            words = ["mount", "-o", f"remount,size={4 * room}", str(store)]
            subprocess.run(words, check=True, capture_output=True)
            report = ingest([one, two, three], commit=True, processes=1)
            assert [row.state for row in report] == [State.KNOWN] * 2 + [State.INGESTED]
            for frame in RawScienceFrame.raw_fits.filename == three.name:
                assert frame.to_ccddata().data.size
        finally:
            database.close()
            server.stop()


def test_a_store_whose_reserve_is_reached_takes_no_frame(db, night, tmp_path):
    server = Dataserver.start(db, tmp_path / "files", reserve=1 << 60)
    try:
        login(db, server.port, "scientist", privileges="4")
        report = ingest([night[5]], commit=True)
        assert report.rows[0].state is State.FAILED
        assert "kept in reserve" in report.rows[0].message
        assert len(RawFitsData.select_all()) == 0
        assert kept(tmp_path / "files") == [0, 0]
    finally:
        database.close()
        server.stop()


@pytest.mark.parametrize("when", ["cut", "laid", "written"])
def test_pixels_that_change_on_their_way_are_not_stored(
    scientist, night, tmp_path, monkeypatch, when
):
    path = tmp_path / night[5].name
    shutil.copy(night[5], path)
    place = examine(path).frames[1].data[0] + 1000
    byte = path.read_bytes()[place]
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns

    def spoiled(*given):
        with path.open("r+b") as file:
            file.seek(place)
            file.write(bytes([byte ^ 4]))
        # nothing but the pixels tells
        os.utime(path, ns=times)
        return step(*given)

    # that comes just before
    owner, name = {
        "cut": (run, "_send"), "laid": (sending, "lay"), "written": (laying, "_take_room")
    }[when]
    step = getattr(owner, name)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, spoiled)
        report = ingest([path], commit=True)
    assert report.rows[0].state is State.FAILED, report
    assert "_2.fits: the pixels changed while the exposure was read" in report.rows[0].message
    assert len(RawFitsData.select_all()) == 0
    shutil.copy(night[5], path)
    assert ingest([path], commit=True).rows[0].state is State.INGESTED


@pytest.mark.parametrize("option", [["--privileges", "0"], ["--privileges", "9"],
                                    ["--project", ""]])
def test_a_level_or_project_that_does_not_exist_is_refused(db, dataserver, night, option):
    environment = db.environment("scientist", data_server="127.0.0.1", data_port=str(dataserver))
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from awe.ingest import main; sys.exit(main())", "-i",
         str(night[5]), *option],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("awe-ingest: ")
    assert done.stderr.count("\n") == 1


# -- what is given, and plans --------------------------------------------------------------------


def folder_of(night, place):
    """A folder with subfolders, packed files and others."""
    (place / "deep").mkdir(parents=True)
    (place / "b.fits").write_bytes(night[5].read_bytes())
    (place / "deep" / "a.FIT.gz").write_bytes(gzip.compress(night[6].read_bytes()))
    (place / "notes.txt").write_text("a.fits\n")
    return place


def test_folders_patterns_lists_and_archives_give_their_files(night, tmp_path):
    place = folder_of(night, tmp_path / "night")
    both = [place / "b.fits", place / "deep" / "a.FIT.gz"]
    with sources.opened(place) as files:
        assert files == both
    with sources.opened([str(place / "**" / "*[.]*[sz]"), both[0]]) as files:
        assert files == both
    listed = tmp_path / "list.txt"
    listed.write_text(f"# the night\n{both[1]}\n\n{both[0]}\n")
    with sources.opened(f"@{listed}") as files:
        assert files == both[::-1]
    with tarfile.open(tmp_path / "night.tar.gz", "w:gz") as archive:
        archive.add(both[0], "one/x.fits")
        archive.add(both[1], "../../two/x.fits.gz")
        archive.add(place / "notes.txt", "notes.txt")
    with sources.opened(tmp_path / "night.tar.gz") as files:
        assert [file.name for file in files] == ["x.fits", "x.fits.gz"]
        assert [file.read_bytes() for file in files] == [file.read_bytes() for file in both]
        assert all(tmp_path not in file.parents for file in files)
    assert not any(file.exists() for file in files)


@pytest.mark.parametrize("wrong", ["empty folder", "no list", "empty list", "list in a list",
                                   "archive of text", "archive cut off"])
def test_what_gives_no_file_is_named(night, tmp_path, wrong):
    given = tmp_path / "given"
    if wrong == "empty folder":
        given.mkdir()
        (given / "notes.txt").write_text("x")
    elif "archive" in wrong:
        given = tmp_path / "given.tar"
        with tarfile.open(given, "w") as archive:
            archive.add(__file__, "test.py") if "text" in wrong else archive.add(night[5])
        if "cut off" in wrong:
            given.write_bytes(given.read_bytes()[:100_000])
    else:
        if wrong != "no list":
            given.write_text("@others\n" if "in a" in wrong else "# nothing\n")
        given = f"@{given}"
    with pytest.raises(ArgumentError, match=f"{tmp_path}/given"), sources.opened(given):
        pass


def test_a_plan_is_written_edited_and_followed(scientist, night, tmp_path):
    from awe.model.raw import RawDarkFrame, RawScienceFrame

    path = tmp_path / "plan.csv"
    ingest(night[4:8]).to_plan(path)
    with pytest.raises(FileTaken):
        ingest(night[4:8]).to_plan(path)
    lines = list(csv.DictReader(path.read_text().splitlines()))
    assert [line["take"] for line in lines] == ["yes"] * 4
    assert [line["purpose"] for line in lines] == ["twilight", *["science"] * 3]
    lines[0]["purpose"] = "dark"
    lines[1]["object"] = "'=cmd|' /C calc'!A0"
    lines[2]["take"] = "no"
    lines[3]["filter"] = "OCAM_g_SDSS"
    with path.open("w") as file:
        writer = csv.DictWriter(file, lines[0], delimiter=";")
        writer.writeheader()
        writer.writerows(lines)
    report = ingest(plan=path, commit=True)
    assert [row.path for row in report] == [night[4], night[5], night[7]]
    assert report.ok, str(report)
    assert "its header says twilight" in str(report)
    assert "its header says filter OCAM_r_SDSS" in str(report)
    assert len(plan()[4].start == RawDarkFrame.DATE_OBS) == 2
    [one, _] = plan()[5].start == RawScienceFrame.DATE_OBS
    assert one.OBJECT == "=cmd|' /C calc'!A0"
    [one, _] = plan()[7].start == RawScienceFrame.DATE_OBS
    assert one.filter.name == "OCAM_g_SDSS"
    report = ingest([night[5]])
    report.rows[0].object, report.rows[0].state = one.OBJECT, State.NEW
    report.rows[0].object = "=1+1"
    report.to_plan(tmp_path / "other.csv")
    assert ",'=1+1," in (tmp_path / "other.csv").read_text()


def test_a_plan_is_for_the_exposures_it_was_written_of(scientist, night, tmp_path):
    path, file = tmp_path / "plan.csv", tmp_path / "exposure.fits"
    shutil.copy(night[5], file)
    ingest([file]).to_plan(path)
    # another frame by now, which the plan would call what the one before was
    shutil.copy(night[4], file)
    report = ingest(plan=path, commit=True)
    assert report.rows[0].state is State.REFUSED
    assert re.search(
        r"the plan was written of an exposure of UTC 2012-06-01T08:51:46.312, the file has one of "
        r"UTC 2012-\S+; write a new plan, or empty the cell begin", report.rows[0].message
    )  # fmt: skip
    lines = list(csv.DictReader(path.read_text().splitlines()))
    lines[0]["begin"] = ""
    with path.open("w") as written:
        writer = csv.DictWriter(written, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    [row] = ingest(plan=path)
    assert row.state is State.NEW
    assert "its header says twilight" in row.message


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to this account")
def test_a_folder_that_cannot_be_read_is_named_by_whoever_may_not(tmp_path):
    closed = tmp_path / "night" / "closed"
    closed.mkdir(parents=True, mode=0)
    told = r"closed: the folder cannot be read \(Permission denied\); nothing was done"
    with pytest.raises(ArgumentError, match=told), sources.opened(tmp_path / "night"):
        pass


@pytest.mark.parametrize(("change", "said"), [
    (("yes", "maybe"), r"plan.csv, line 2: take is 'maybe', expected yes or no"),
    (("science", "sience"), r"plan.csv, line 2: no purpose 'sience'; did you mean 'science'"),
    (("take", "tke"), r"it needs the columns take, file, purpose, filter, object"),
])  # fmt: skip
def test_a_wrong_plan_is_named_with_its_line(scientist, night, tmp_path, change, said):
    path = tmp_path / "plan.csv"
    ingest([night[5]]).to_plan(path)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ArgumentError, match=said):
        ingest(plan=path)


def test_a_filter_of_a_plan_is_one_of_the_cameras(scientist, night, tmp_path):
    path = tmp_path / "plan.csv"
    ingest([night[5]]).to_plan(path)
    path.write_text(path.read_text().replace("OCAM_r_SDSS", "OCAM_q_SDSS"))
    [row] = ingest(plan=path)
    assert row.state is State.REFUSED
    assert "OMEGACAM has no filter 'OCAM_q_SDSS'; did you mean" in row.message


def edited(path, lines):
    with path.open("w") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


def test_all_mistakes_of_a_plan_are_told_at_once(scientist, night, tmp_path):
    path = tmp_path / "plan.csv"
    ingest(night[4:8]).to_plan(path)
    lines = list(csv.DictReader(path.read_text().splitlines()))
    lines[0]["purpose"] = "flat"
    lines[2] |= {"take": "perhaps", "purpose": "Zero"}
    lines[3]["file"] = ""
    edited(path, lines)
    with pytest.raises(ArgumentError) as caught:
        ingest(plan=path)
    told = str(caught.value).splitlines()
    assert len(told) == 3
    assert "line 2: no purpose 'flat'; did you mean 'dome' (lit by a lamp) or" in told[0]
    assert "line 4: take is 'perhaps', expected yes or no; no purpose 'Zero'; did you" in told[1]
    assert "line 5: the file is missing" in told[2]


@pytest.mark.parametrize(("lines", "said"), [
    (["yes,a.fits,bias,,", "no,a.fits,bias,,"], "line 3: another line says otherwise of a.fits"),
    (["yes,a.fits,bias,,M 31, north"], "line 2: 6 cells, 5 columns: put a text with a comma"),
    (['yes,a.fits,bias,,"M 31', "yes,b.fits,bias,,"], "cannot be read .unexpected end of data"),
])  # fmt: skip
def test_no_line_of_a_plan_is_lost_unsaid(tmp_path, lines, said):
    path = tmp_path / "plan.csv"
    path.write_text("\n".join(["take,file,purpose,filter,object", *lines, ""]))
    with pytest.raises(ArgumentError, match=said):
        planfile.read(path)
    path.write_text("take,file,purpose,filter,object,\nyes,a.fits,bias,,x,,\nyes,a.fits,bias,,x\n")
    assert [line.object for line in planfile.read(path).values()] == ["x"]


def test_the_command_writes_and_follows_a_plan(db, dataserver, night, tmp_path):
    environment = db.environment("scientist", data_server="127.0.0.1", data_port=str(dataserver))

    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "import sys; from awe.ingest import main; sys.exit(main())",
             *map(str, arguments)],
            capture_output=True, text=True, check=False, env={**os.environ, **environment},
        )  # fmt: skip

    path = tmp_path / "plan.csv"
    done = command("--plan", path, "-commit")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "a dry run writes one" in done.stderr
    done = command("-i", night[5], "--plan", path)
    assert done.returncode == 0
    assert f"the plan is in {path}: edit it, then awe-ingest --plan {path} -commit" in done.stdout
    assert "repeat with -commit" not in done.stdout
    done = command("-i", night[5], "--plan", path)
    assert "leave out -i" in done.stderr
    done = command("--plan", path, "-commit")
    assert done.returncode == 0
    assert "1 ingested" in done.stdout


def test_what_the_table_cuts_is_said_whole_below_it(monkeypatch):
    cure = "make a project: awe-admin project add TINYCAM@HOME --instrument TINYCAM --public"
    rows = [Row(path=Path(f"b{n}.fits"), state=State.REFUSED, message=cure) for n in range(3)]
    rows.append(Row(path=Path("s.fits"), message="short"))
    monkeypatch.setattr(columns, "max_width", 70)
    shown = str(Report(rows)).splitlines()
    assert shown[-2:] == [
        f"b0.fits and 2 more: refused: {cure}", "1 would be ingested; 3 refused"
    ]  # fmt: skip
    assert len(shown) == 1 + 4 + 1 + 1
    monkeypatch.setattr(columns, "max_width", 0)
    assert str(Report(rows)).count(cure) == 3


def test_of_many_long_remarks_some_are_said_whole(monkeypatch):
    monkeypatch.setattr(columns, "max_width", 60)
    rows = [Row(path=Path(f"{n}.fits"), state=State.REFUSED, message=f"{n} " + "long " * 20)
            for n in range(14)]  # fmt: skip
    shown = str(Report(rows)).splitlines()
    assert shown[-2] == "... and 4 other remarks; | less shows them whole"
    assert shown[-3].startswith("9.fits: refused: 9 long long")


def test_a_file_is_whole_when_it_stays_as_it_is(tmp_path):
    folder = tmp_path / "arriving"
    (folder / "sub").mkdir(parents=True)
    path = folder / "sub" / "a.fits"
    arrivals = arriving.Arrivals(folder, settled=2.0)
    assert arrivals.whole(0.0) == []
    path.write_bytes(b"half")
    assert arrivals.whole(1.0) == []
    path.write_bytes(b"all of it")
    assert arrivals.whole(3.5) == []
    assert arrivals.whole(5.6) == [path]
    assert arrivals.whole(9.0) == []
    (folder / ".b.fits").write_bytes(b"hidden")
    (folder / "c.txt").write_bytes(b"no image")
    (folder / "empty.fits").touch()
    assert arrivals.whole(20.0) == arrivals.whole(23.0) == []
    path.write_bytes(b"another content")
    assert arrivals.whole(24.0) == []
    assert arrivals.whole(27.0) == [path]
    old = folder / "old.fits"
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    assert arrivals.whole(28.0) == [old]


def test_what_arrives_is_ingested_and_looked_at(db, dataserver, night, tmp_path):
    environment = db.environment("scientist", data_server="127.0.0.1", data_port=str(dataserver))
    folder, pictures = tmp_path / "arriving", tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(night[5], folder)
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from awe.ingest import main; sys.exit(main())",
         "--watch", str(folder), "--pictures", str(pictures), "-commit", "--privileges", "4"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    lines = []

    def until(text):
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if text in line:
                return
        pytest.fail(f"ended without {text!r}: {lines}")

    try:
        until(f"{night[5].name} science")
        assert ": ingested" in lines[-1]
        until("picture of ESO_CCD_")
        assert re.fullmatch(
            r"  2 chips, 360 s, median level \d+ ADU \(\d+ to \d+\), highest pixel \d+", lines[-2]
        )
        # a file that takes its time: half of it, then the rest
        content = night[6].read_bytes()
        late = folder / night[6].name
        late.write_bytes(content[: len(content) // 2])
        time.sleep(1.5)
        late.write_bytes(content)
        whole = time.monotonic()
        until("picture of ESO_CCD_")
        # the two seconds in which it must not change included
        assert time.monotonic() - whole < 10
        # half a file that stays half is refused, and taken once it is whole
        (folder / night[7].name).write_bytes(night[7].read_bytes()[:20000])
        until(f"{night[7].name}: refused")
        shutil.copy(night[7], folder)
        until("picture of ESO_CCD_")
        process.send_signal(signal.SIGINT)
        until("watch ended: ")
        assert process.wait(30) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert not [line for line in lines if "Traceback" in line]
    assert len(list(pictures.glob("*.png"))) == 3
    assert "3 ingested; 1 refused" in lines[-1]


def test_a_camera_of_awe_that_came_in_privately_is_told_and_can_be_entered(db, dataserver, night):
    login(db, dataserver, "scientist", privileges="1")
    assert ingest(night[:1], commit=True).rows[0].state is State.INGESTED
    context.set_privileges(4)
    (row,) = ingest(night[1:2], commit=True).rows
    assert row.state is State.FAILED
    assert row.message.startswith("OMEGACAM is known here, at a level that you do")
    assert row.message.endswith("ask for awe-admin instrument enter OMEGACAM")
    with closing(db.superuser()) as administrator:
        assert released.enter(administrator, "OMEGACAM") == []
    assert ingest(night[1:2], commit=True).rows[0].state is State.INGESTED
    database.close()
