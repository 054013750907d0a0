"""Exposures of a camera in a text file: what they become, and into which project they go."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from dataservers import Dataserver

from awe.config import Environment
from awe.context import context
from awe.db.server.connection import database
from awe.ingest import State, ingest
from awe.model import released
from awe.model.observing import Chip, Filter, Instrument

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "own-camera.md"
CARDS = {"INSTRUME": "Tiny Camera 2", "EXPTIME": 10.0, "IMAGETYP": "Light", "FILTER": "R"}


@pytest.fixture
def scientist(db, tmp_path, monkeypatch):
    """A prompt of a person who has the camera of the handbook."""
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "home"))
    own = tmp_path / "home" / "instruments" / "tinycam.toml"
    own.parent.mkdir(parents=True)
    own.write_text(PAGE.read_text().split("```toml\n")[1].split("```")[0])
    server = Dataserver.start(db, tmp_path / "files")
    context.start(Environment.load(**db.environment(
        "scientist", data_port=str(server.port), privileges="1")))  # fmt: skip
    yield db
    database.close()
    server.stop()


def camera_project(db, name, public=True):
    db.rows("superuser", "SELECT awe.project_create(%s, '', 'TINYCAM', %s, 4, 1)", name, public)


def projects_of(db):
    """Return the projects of all raw science frames."""
    found = db.rows("superuser", "SELECT p.name FROM awe.raw_science_frame f "
                    "JOIN awe.project p ON p.id = f._project ORDER BY 1")  # fmt: skip
    return [name for (name,) in found]


def exposure(path, second=0, size=(260, 320), **cards):
    """An exposure of both chips."""
    primary = fits.PrimaryHDU()
    date = f"2020-03-01T20:08:{second:02}"
    primary.header.update({**CARDS, "DATE-OBS": date, **cards})
    pixels = np.full(size, 500, np.uint16)
    images = [fits.ImageHDU(pixels, name=f"TINY_{number}") for number in (1, 2)]
    fits.HDUList([primary, *images]).writeto(path, checksum=True)
    return path


def test_frames_need_no_template_block_or_coordinates(scientist, tmp_path):
    from awe.model.raw import RawScienceFrame

    camera_project(scientist, "TINY@HOME")
    [row] = ingest([exposure(tmp_path / "T08.fits")], commit=True)
    assert (row.state, row.frames) == (State.INGESTED, 2), row.message
    context.set_project("TINY@HOME")
    first = (RawScienceFrame.chip.name == "TINY_1")[0]
    assert (first.template, first.observing_block, first.astrom) == (None, None, None)
    assert (first.filter.name, first.EXPTIME, first.imstat.median) == ("TINY_R", 10.0, 500.0)


def test_frames_go_into_a_project_of_their_camera(scientist, tmp_path):
    from awe.model.raw import RawScienceFrame

    path = exposure(tmp_path / "T08.fits")
    before = context.get_current_project().name
    [row] = ingest([path], commit=True)
    assert row.state is State.REFUSED
    assert f"project {before} is for OMEGACAM, the frames are of TINYCAM: make one" in row.message
    camera_project(scientist, "SECRET", public=False)
    assert ingest([path]).rows[0].state is State.REFUSED
    camera_project(scientist, "TINY@HOME")
    [row] = ingest([path], commit=True)
    assert (row.state, "into TINY@HOME" in row.message) == (State.INGESTED, True)
    assert context.get_current_project().name == before
    [frame] = RawScienceFrame.chip.name == "TINY_1"
    assert frame.raw_fits.filename == "T08.fits"
    assert projects_of(scientist) == ["TINY@HOME"] * 2
    camera_project(scientist, "TINY2@HOME")
    context.set_project(before)
    [row] = ingest([exposure(tmp_path / "T09.fits", 1)], commit=True)
    assert "choose one of yours, TINY2@HOME or TINY@HOME, with --project" in row.message
    [row] = ingest([tmp_path / "T09.fits"], commit=True, project="TINY2@HOME")
    assert row.state is State.INGESTED
    assert projects_of(scientist) == ["TINY2@HOME"] * 2 + ["TINY@HOME"] * 2


def test_a_camera_of_ones_own_stays_at_its_level_until_it_is_raised(scientist, tmp_path):
    camera_project(scientist, "TINY@HOME")
    first, second = (exposure(tmp_path / f"T{n}.fits", n) for n in range(2))
    assert ingest([first], commit=True, project="TINY@HOME").rows[0].state is State.INGESTED
    context.set_project("TINY@HOME")
    context.set_privileges(4)
    [row] = ingest([second], commit=True)
    assert row.state is State.FAILED
    assert "TINYCAM is known here, at a level that you do not see at 4" in row.message
    assert "context.publish(Instrument.name == 'TINYCAM', 4)" in row.message
    with closing(scientist.superuser()) as administrator:
        assert released.enter_missing(administrator) == []
    assert "TINYCAM" not in str(scientist.rows("other", "SELECT name FROM awe.instrument"))
    context.set_privileges(1)
    context.publish(Instrument.name == "TINYCAM", 4)
    for cls in (Chip, Filter):
        context.publish(cls.instrument.name == "TINYCAM", 4)
    context.set_privileges(4)
    assert ingest([second], commit=True).rows[0].state is State.INGESTED


def test_a_file_that_does_not_say_is_taken_for_what_the_user_says(scientist, tmp_path):
    camera_project(scientist, "TINY@HOME")
    path = exposure(tmp_path / "T08.fits", IMAGETYP="whatever")
    [row] = ingest([path])
    assert (row.state, "T08.fits" in row.message) == (State.REFUSED, True)
    [row] = ingest([path], "science")
    assert row.state is State.NEW
    assert "science is what you say; its header does not tell" in row.message
    [row] = ingest([exposure(tmp_path / "T09.fits")], "bias")
    assert "its header says science, you say bias" in row.message


def test_an_image_of_another_size_than_the_cameras_is_refused(scientist, tmp_path):
    [row] = ingest([exposure(tmp_path / "T08.fits", size=(259, 320))])
    assert row.state is State.REFUSED
    assert "259" in row.message


def described(scientist_home, name, **changes):
    """Write another camera: that of the handbook with its names, and some words, changed."""
    text = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    pairs = {"Tiny Camera*": f"{name.title()} Camera*", '"TINYCAM"': f'"{name}"', **changes}
    for old, new in pairs.items():
        assert old in text
        text = text.replace(old, new)
    path = scientist_home / f"{name.lower()}.toml"
    path.write_text(text)
    return path


OWN_NAMES = {"TINY_1": "FAR_1", "TINY_2": "FAR_2", "TINY_R": "FAR_R", "TINY_B": "FAR_B"}


def far(path, second=0, names=("FAR_1", "FAR_2"), **cards):
    """An exposure of the other camera."""
    primary = fits.PrimaryHDU()
    date = f"2020-03-01T20:09:{second:02}"
    primary.header.update({**CARDS, "INSTRUME": "Far Camera", "DATE-OBS": date, **cards})
    pixels = np.random.default_rng(second).integers(400, 600, (260, 320)).astype(np.uint16)
    fits.HDUList([primary, *(fits.ImageHDU(pixels, name=name) for name in names)]).writeto(path)
    return path


def test_names_that_another_camera_has_are_refused(scientist, tmp_path):
    own = tmp_path / "home" / "instruments"
    for camera in ("TINYCAM", "FAR"):
        scientist.rows("superuser", "SELECT awe.project_create(%s, '', %s, true, 4, 1)",
                       f"{camera}@HOME", camera)  # fmt: skip
    [row] = ingest([exposure(tmp_path / "T08.fits")], commit=True)
    assert row.state is State.INGESTED, row.message
    path = described(own, "FAR", TINY_1="FAR_1", TINY_2="FAR_2", TINY_B="FAR_B")
    for commit in (False, True):
        [row] = ingest([far(tmp_path / f"F{commit}.fits", commit)], commit=commit)
        assert row.state is State.REFUSED
        assert row.message == (
            f"filter TINY_R is one of TINYCAM in the database: give it another name in {path}, "
            "for example FAR_TINY_R"
        )
    path = described(own, "FAR", TINY_1="FAR_1", TINY_R="FAR_R", TINY_B="FAR_B")
    [row] = ingest([far(tmp_path / "F3.fits", 3, ("FAR_1", "TINY_2"))], commit=True)
    assert "chip TINY_2 is one of TINYCAM in the database" in row.message
    described(own, "FAR", **OWN_NAMES)
    [row] = ingest([far(tmp_path / "F4.fits", 4)], commit=True)
    assert row.state is State.INGESTED, row.message


def test_a_clock_that_changed_is_refused(scientist, tmp_path):
    own = tmp_path / "home" / "instruments" / "tinycam.toml"
    camera_project(scientist, "TINY@HOME")
    ingest([exposure(tmp_path / "T08.fits")], commit=True)
    own.write_text(own.read_text().replace('"Europe/Amsterdam"', '"Pacific/Auckland"'))
    [row] = ingest([exposure(tmp_path / "T09.fits", 1)], commit=True)
    assert row.state is State.REFUSED
    assert "TINYCAM is in the database with local time UTC +1 h, its description says +12 h" in (
        row.message
    )


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Pacific/Auckland", "2020-03-09T23:59:59", "2020-03-10T00:00:01"),
        ("Pacific/Honolulu", "2020-03-10T21:59:59", "2020-03-10T22:00:01"),
        ("Asia/Kolkata", "2020-03-10T06:29:59", "2020-03-10T06:30:01"),
    ],
)
def test_nights_begin_at_noon_of_the_site(scientist, tmp_path, zone, before, after):
    """Two seconds around noon of 10 March there are two nights, wherever it is."""
    from awe import instruments
    from awe.model.raw import RawScienceFrame

    own = tmp_path / "home" / "instruments" / "tinycam.toml"
    own.write_text(own.read_text().replace("Europe/Amsterdam", zone))
    camera_project(scientist, "TINY@HOME")
    moments = {"before.fits": before, "after.fits": after}
    files = [exposure(tmp_path / name, **{"DATE-OBS": at}) for name, at in moments.items()]
    assert [row.state for row in ingest(files, commit=True)] == [State.INGESTED] * 2
    context.set_project("TINY@HOME")
    for name, night in (("before.fits", "2020-03-09"), ("after.fits", "2020-03-10")):
        found = {frame.raw_fits.filename for frame in RawScienceFrame.DATE_OBS.night(night)}
        assert found == {name}
        camera = instruments.get("TINYCAM")
        assert str(camera.night(datetime.fromisoformat(moments[name]))) == night


def descriptions(db):
    return dict(db.rows("superuser", "SELECT name, description FROM awe.camera"))


def test_a_description_is_kept_and_read_where_no_file_is(scientist, tmp_path, monkeypatch):
    from awe import instruments
    from awe.errors import NotFound

    own = tmp_path / "home" / "instruments" / "tinycam.toml"
    camera_project(scientist, "TINY@HOME")
    [row] = ingest([exposure(tmp_path / "T08.fits")])
    assert descriptions(scientist) == {}
    [row] = ingest([exposure(tmp_path / "T09.fits", 1)], commit=True)
    assert (row.state, "description" in row.message) == (State.INGESTED, False)
    assert descriptions(scientist) == {"TINYCAM": own.read_text()}
    # another machine: its AWE_HOME has no file of the camera
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "runner"))
    assert "TINYCAM" not in instruments.files()
    assert instruments.get("TINYCAM").chip("TINY_2").corner == (310, 0)
    with pytest.raises(NotFound, match="no instrument 'FAR'"):
        instruments.get("FAR")
    assert told_by_a_worker(scientist, tmp_path / "runner") == "[] (310.0, 0.0)\n"
    database.close()
    with pytest.raises(NotFound, match="no instrument 'TINYCAM'"):
        instruments.get("TINYCAM")


def told_by_a_worker(db, home):
    """Ask a process that has what a worker has: a login, recipes, and no session."""
    code = (
        "import json, sys\n"
        "import awe.recipes.reduce\n"
        "from awe import instruments\n"
        "from awe.config import Environment\n"
        "from awe.db.server.connection import database\n"
        "database.connect(Environment.load(**json.loads(sys.argv[1])))\n"
        "session = [name for name in sys.modules if name == 'awe.context']\n"
        "print(session, instruments.get('TINYCAM').chip('TINY_2').corner)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(db.environment("scientist"))],
        env={**os.environ, "AWE_HOME": str(home)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_changed_description_is_told_and_replaced_by_the_administrator(scientist, tmp_path):
    from awe import instruments
    from awe.errors import NotFound
    from awe.model import cameras

    own = tmp_path / "home" / "instruments" / "tinycam.toml"
    camera_project(scientist, "TINY@HOME")
    before = own.read_text()
    with closing(scientist.superuser()) as admin, pytest.raises(NotFound, match="no frames of"):
        cameras.replace(admin, "TINYCAM", before)
    ingest([exposure(tmp_path / "T08.fits")], commit=True)
    changed = before.replace("gain = 1.5", "gain = 1.7")
    own.write_text(changed)
    [row] = ingest([exposure(tmp_path / "T09.fits", 1)], commit=True)
    assert row.state is State.INGESTED
    assert "awe-admin instrument update TINYCAM replaces it" in row.message
    assert descriptions(scientist) == {"TINYCAM": before}
    # a file of one's own goes first
    assert instruments.get("TINYCAM").chip("TINY_1").gain == 1.7
    with closing(scientist.superuser()) as admin:
        assert "replaced" in cameras.replace(admin, "TINYCAM", changed)
        assert "already" in cameras.replace(admin, "TINYCAM", changed)
    assert descriptions(scientist) == {"TINYCAM": changed}
    [row] = ingest([exposure(tmp_path / "T10.fits", 2)], commit=True)
    assert "description" not in row.message


def test_who_did_not_bring_a_camera_in_keeps_nothing_of_it(scientist, tmp_path):
    import psycopg2

    camera_project(scientist, "TINY@HOME")
    ingest([exposure(tmp_path / "T08.fits")], commit=True)
    scientist.rows("superuser", "DELETE FROM awe.camera")
    attempts = (
        "INSERT INTO awe.camera (name, description) VALUES ('TINYCAM', 'mine')",
        "INSERT INTO awe.camera (name, description) VALUES ('NOBODYS', 'mine')",
        "INSERT INTO awe.camera (name, description, keeper) VALUES ('TINYCAM', 'mine', 1)",
        "UPDATE awe.camera SET description = 'mine'",
        "DELETE FROM awe.camera",
    )
    for statement in attempts:
        with pytest.raises(psycopg2.Error):
            scientist.rows("other", statement)
    for statement in attempts[1:]:
        with pytest.raises(psycopg2.Error):
            scientist.rows("scientist", statement)
    assert descriptions(scientist) == {}


def test_code_and_broken_text_in_the_database_are_refused(scientist, tmp_path, monkeypatch):
    from awe import instruments
    from awe.errors import ConfigError

    camera_project(scientist, "TINY@HOME")
    ingest([exposure(tmp_path / "T08.fits")], commit=True)
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "runner"))
    for text, told in (
        ("import os\nos.abort()\n", "cannot be read as TOML"),
        ('name = "OTHER"\n', "the description of TINYCAM in the database: "),
    ):
        database.memory.clear()
        scientist.rows("superuser", "UPDATE awe.camera SET description = %s", text)
        with pytest.raises(ConfigError, match=told):
            instruments.get("TINYCAM")


CHIP = 'name = "TINY_{}"'


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        # the second chip gets another name
        ({CHIP.format(2): 'name = "TINY_NEW"\nheader = "TINY_2"'}, "extension 2 is chip TINY_2 "),
        # the two are exchanged, by their order and by what headers call them
        ({CHIP.format(1): 'name = "TINY_X"', CHIP.format(2): CHIP.format(1), "TINY_X": "TINY_2"},
         "extension 1 is chip TINY_1 "),
        ({CHIP.format(1): CHIP.format(1) + '\nheader = "TINY_2"',
          CHIP.format(2): CHIP.format(2) + '\nheader = "TINY_1"'}, "image tiny_2 is chip TINY_2 "),
    ],
)  # fmt: skip
def test_chips_of_a_camera_that_has_frames_keep_their_names_and_numbers(
    scientist, tmp_path, changes, told
):
    from awe.model import cameras

    own = tmp_path / "home" / "instruments" / "tinycam.toml"
    camera_project(scientist, "TINY@HOME")
    assert ingest([exposure(tmp_path / "T08.fits")], commit=True).ok
    text = own.read_text()
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    own.write_text(text)
    path = exposure(tmp_path / "T09.fits", 1)
    [row] = ingest([path], commit=True)
    assert row.state is State.REFUSED
    assert told in row.message
    assert "awe-admin instrument update TINYCAM" in row.message
    with closing(scientist.superuser()) as admin:
        cameras.replace(admin, "TINYCAM", text)
    database.memory.clear()
    [row] = ingest([path])
    if "TINY_NEW" in text:
        # who corrects the database still cannot give frames another chip
        assert row.state is State.REFUSED
        assert "frames of chip TINY_2 of TINYCAM are in the database" in row.message
    else:
        assert row.state is State.NEW, row.message


def test_a_chip_more_is_no_change_of_the_others(scientist, tmp_path):
    own = tmp_path / "home" / "instruments" / "tinycam.toml"
    camera_project(scientist, "TINY@HOME")
    assert ingest([exposure(tmp_path / "T08.fits")], commit=True).ok
    own.write_text(own.read_text() + '\n[[chips]]\nname = "TINY_3"\ncorner = [700, 0]\n')
    [row] = ingest([exposure(tmp_path / "T09.fits", 1)])
    assert row.state is State.NEW, row.message


@pytest.mark.parametrize("purpose", ["science", "dome", "Twilight", "gain", "photom"])
def test_a_plan_takes_no_light_without_a_filter(scientist, tmp_path, purpose):
    camera_project(scientist, "TINY@HOME")
    exposure(tmp_path / "T08.fits", IMAGETYP="Bias")
    fits.delval(tmp_path / "T08.fits", "FILTER")
    path = tmp_path / "plan.csv"

    def planned(**cells):
        [line] = csv.DictReader(path.read_text().splitlines())
        with path.open("w") as file:
            writer = csv.DictWriter(file, line)
            writer.writeheader()
            writer.writerow({**line, **cells})
        [row] = ingest(plan=path)
        return row

    ingest([tmp_path / "T08.fits"]).to_plan(path)
    row = planned()
    assert (row.state, row.purpose, row.filter) == (State.NEW, "bias", "")
    row = planned(purpose=purpose)
    assert row.state is State.REFUSED
    assert f"T08.fits: the plan takes it for {purpose.lower()}, and neither its" in row.message
    assert "TINY_R" in row.message
    # as headers have it, and as awe has it
    for name in ("R", "TINY_R"):
        row = planned(filter=name)
        assert (row.state, row.filter) == (State.NEW, "TINY_R"), row.message
    row = planned(purpose="Dark", filter="")
    assert (row.state, row.purpose) == (State.NEW, "dark")


@pytest.mark.parametrize(("purpose", "name", "told"), [
    ("", "R", "TINY_R"), ("", "TINY_B", "TINY_B"), ("dome", "B", "TINY_B"), ("dark", "", ""),
    ("", "", None), ("", "Q", None),
])  # fmt: skip
def test_a_plan_tells_the_filter_that_no_card_has(scientist, tmp_path, purpose, name, told):
    camera_project(scientist, "TINY@HOME")
    path = exposure(tmp_path / "T08.fits", IMAGETYP="Dome flat")
    with fits.open(path, mode="update") as hdus:
        del hdus[0].header["FILTER"]
    plan = tmp_path / "plan.csv"
    ingest([path]).to_plan(plan)
    [line] = csv.DictReader(plan.read_text().splitlines())
    assert line["take"] == "no"
    plan.write_text(f"take,file,purpose,filter,object\nyes,{path},{purpose},{name},\n")
    [row] = ingest(plan=plan, commit=True)
    if told is None:
        assert row.state is State.REFUSED
        assert "TINY_R, TINY_B" in row.message
        return
    assert row.state is State.INGESTED, row.message
    assert row.filter == told


def test_an_image_that_is_no_frame_is_named_once_with_what_leaves_it_out(scientist, tmp_path):
    camera_project(scientist, "TINY@HOME")
    path = exposure(tmp_path / "T08.fits")
    fits.append(path, np.ones((260, 320), np.float32), fits.Header([("EXTNAME", "UNCERT")]))
    report = ingest([path])
    [row] = report
    assert row.state is State.REFUSED
    assert "1 of 3 images cannot be used\n  UNCERT: " in row.message
    assert row.message.endswith('leaves them out: leave_out = ["UNCERT"]')
    assert str(report).count('leave_out = ["UNCERT"]') == 1
    # the cure works
    described = tmp_path / "home" / "instruments" / "tinycam.toml"
    described.write_text('leave_out = ["UNCERT"]\n' + described.read_text())
    [row] = ingest([path])
    assert (row.state, row.frames) == (State.NEW, 2), row.message
