"""Exposures of a camera in a text file: what they become, and into which project they go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from dataservers import Dataserver

from awe.config import Environment
from awe.context import context
from awe.db.server.connection import database
from awe.ingest import State, ingest

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
