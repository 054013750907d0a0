"""What `inspect` takes, refuses and writes, without a screen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.fits import Header

from awe import fits
from awe.db.declare import registry
from awe.errors import ArgumentError, BadFits
from awe.inspect import qt
from awe.inspect.frame import inspect
from awe.model import classes


class Frame:
    """A frame that was never in a database."""

    filename = "Flat.fits"
    pathname = "Flat.fits"
    data = np.ones((40, 60), np.float32)

    def __init__(self, **cards: Any) -> None:
        self.header = cards


@pytest.fixture
def multi(tmp_path: Path) -> Path:
    """A file with two images, none of them in the primary."""
    planes = [
        fits.Image(np.full((30, 40), value, np.float32), Header({"EXTNAME": name}))
        for name, value in (("A", 1.0), ("B", 7.0))
    ]
    return fits.write(tmp_path / "mef.fits", planes)


def test_an_extension_of_a_file_is_chosen_by_name_or_number(multi: Path) -> None:
    classes.load()
    bias: Any = registry.registry["BiasFrame"]
    frame = bias(pathname=str(multi))
    assert inspect(frame).press("x", 3, 3).values["value"] == 1.0
    with pytest.raises(BadFits, match=r"holds no image; .*inspect\(extension='A'\)"):
        inspect(frame, extension=0)
    assert inspect(frame, extension="B").press("x", 3, 3).values["value"] == 7.0
    assert inspect(frame, extension=1).press("x", 3, 3).values["value"] == 1.0
    with pytest.raises(BadFits, match="no extension 'C'; it has"):
        inspect(frame, extension="C")
    with pytest.raises(ArgumentError, match=r"extension=1\.5: expected its number or its name"):
        inspect(frame, extension=1.5)  # type: ignore[arg-type]


def test_what_is_not_fits_is_said_without_advice_of_others(tmp_path: Path) -> None:
    (tmp_path / "page.fits").write_text("<html>" * 1000)
    with pytest.raises(BadFits) as caught:
        fits.read(tmp_path / "page.fits")
    assert "page.fits is not a FITS file" in str(caught.value)
    assert "ignore_missing_simple" not in str(caught.value)


@pytest.mark.parametrize(
    ("cards", "given", "unit"),
    [
        ({"BUNIT": ""}, None, ""),
        ({"BUNIT": "adu/s"}, None, "adu/s"),
        ({"BUNIT": "adu"}, None, "ADU"),
        ({}, None, "ADU"),
        ({}, np.ones((20, 20)), ""),
    ],
)
def test_the_colour_bar_has_the_unit_of_the_pixels(
    cards: dict[str, str], given: Any, unit: str
) -> None:
    window = inspect(Frame(**cards), pixels=given)
    (axes,) = window.every_figure[-1].axes
    assert axes.child_axes[0].get_ylabel() == unit


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 0), ("width", "wide"), ("ratio", -1), ("kappa", "x"), ("kappa", float("nan")),
     ("iterations", -1), ("lower", "0"), ("upper", [1])],
)  # fmt: skip
def test_a_wrong_number_is_named_in_one_line(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{name}=.*expected a number"):
        inspect(Frame(), **{name: value})


def test_the_image_is_saved_where_one_says(tmp_path: Path, capsys: Any) -> None:
    window = inspect(Frame())
    window.save("mine.png")
    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")
    assert "saved mine.png" in capsys.readouterr().out
    window.save()
    assert (tmp_path / "Flat.inspect.png").exists()
    with pytest.raises(ArgumentError, match=r"x\.nix cannot be written"):
        window.save("x.nix")
    with pytest.raises(ArgumentError, match="cannot be written: No such file"):
        window.save(tmp_path / "nowhere" / "x.png")


def test_a_measurement_is_printed_once(capsys: Any) -> None:
    from awe.inspect import said

    reading = inspect(Frame()).press("m", 10, 10)
    assert said.reading is reading
    assert repr(reading) == f"<{reading}>"


LDD = """
\tlibX11.so.6 => /lib/x86_64-linux-gnu/libX11.so.6 (0x00007f758f6be000)
\tlibxcb-icccm.so.4 => not found
\tlibxkbcommon-x11.so.0 => not found
ImportError: libEGL.so.1: cannot open shared object file: No such file or directory
"""


def test_qt_that_cannot_start_names_debian_s_packages() -> None:
    assert qt.missing(LDD) == ["libegl1", "libxcb-icccm4", "libxkbcommon-x11-0"]
    assert qt.missing("could not connect to display :9") == []


def test_a_viewer_gets_a_file_that_was_fetched(tmp_path: Path) -> None:
    class Stored:
        """A frame whose file is not here yet."""

        filename = "a.fits"
        pathname = ""

        def _here(self) -> Path:
            (tmp_path / "a.fits").write_bytes(b"fetched")
            return tmp_path / "a.fits"

    seen = tmp_path / "seen"
    program = tmp_path / "viewer"
    program.write_text(f"#!/bin/sh\ncp \"$1\" {seen}.part && mv {seen}.part {seen}\n")
    program.chmod(0o755)
    inspect(Stored(), viewer=str(program))  # type: ignore[arg-type]
    for _ in range(200):
        if seen.exists():
            break
        time.sleep(0.05)
    assert seen.read_bytes() == b"fetched"
