"""SAMP with a real hub: frames and tables sent and received, pointers that follow each other."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from astropy.wcs import WCS
from matplotlib.backend_bases import MouseEvent
from prompt_process import PATIENCE
from screens import NEEDED, Screen

from awe import fits
from awe.errors import ArgumentError, ServiceDown
from awe.inspect import backend, viewer
from awe.inspect.frame import inspect
from awe.inspect.samp import Samp

library = pytest.importorskip("pyvo.samp", reason="pyvo is not installed (awe-prompt[samp])")

# the library leaves sockets to the collector, in threads whose errors keep answers from being sent
pytestmark = pytest.mark.filterwarnings("ignore")

HUB = """
import sys, time
from pyvo import samp
samp.conf.use_internet = False
samp.SAMPHubServer(lockfile=sys.argv[1], web_profile=False).start()
time.sleep(600)
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A hub that nobody outside of these tests sees."""
    home = tmp_path_factory.mktemp("samp")
    lock = home / ".samp"
    names = {"SAMP_HUB": f"std-lockurl:{lock.as_uri()}", "HOME": str(home)}
    kept = {name: os.environ.get(name) for name in names}
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", HUB, str(lock)])
    end = time.monotonic() + PATIENCE
    while not lock.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    os.environ.update(names)
    yield home
    process.kill()
    process.wait()
    for name, value in kept.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


class Peer:
    """Another program, played by the library alone."""

    def __init__(self) -> None:
        self.got: queue.Queue[tuple[str, dict[str, str]]] = queue.Queue()
        self.status = "samp.ok"
        with library.conf.set_temp("use_internet", False):
            self.client = library.SAMPIntegratedClient(name="topcat")
            self.client.connect()
        self.client.bind_receive_notification("coord.pointAt.sky", self.note)
        self.client.bind_receive_call("table.load.votable", self.call)

    def note(self, key: Any, sender: Any, kind: str, about: Any, whole: Any) -> None:
        self.got.put((kind, about))

    def call(
        self, key: Any, sender: Any, number: str, kind: str, about: Any, whole: Any
    ) -> None:
        self.got.put((kind, about))
        error = {"samp.errortxt": "no room"}
        self.client.ereply(number, self.status, result={}, error=error)


@pytest.fixture
def peer(hub: Path) -> Iterator[Peer]:
    made = Peer()
    yield made
    made.client.disconnect()


@pytest.fixture
def samp(hub: Path) -> Iterator[Samp]:
    made = Samp()
    yield made
    made.disconnect()


def until(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def move(window: Any, x: float, y: float) -> None:
    """Move the pointer over a window that is not on a screen."""
    canvas = window._figure.canvas
    event = MouseEvent(
        "motion_notify_event", canvas, *window._picture.axes.transData.transform((x, y))
    )
    canvas.callbacks.process("motion_notify_event", event)


def last_of(peer: Peer) -> tuple[str, dict[str, str]]:
    found = peer.got.get(timeout=PATIENCE)
    with contextlib.suppress(queue.Empty):
        while True:
            found = peer.got.get(timeout=1)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [10.0, 60.0], [150, 200]
    wcs.wcs.cdelt = [-0.2 / 3600, 0.2 / 3600]
    pixels = np.random.default_rng(1).normal(300, 3, (400, 300)).astype("f4")
    return fits.write(tmp_path / "Star.fits", fits.Image(pixels, wcs.to_header()))


def test_tables_go_and_come(
    samp: Samp, peer: Peer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table({"ra": [10.0, 11.0], "mag": [18.5, 19.5]}, units={"ra": "deg"})
    samp.send(table, to="TOPCAT")
    kind, about = peer.got.get(timeout=PATIENCE)
    assert kind == "table.load.votable"
    there = Table.read(about["url"].removeprefix("file://"), format="votable")
    assert there["mag"].tolist() == [18.5, 19.5]
    assert str(there["ra"].unit) == "deg"
    assert "samp: topcat has awe-1" in capsys.readouterr().out
    peer.status = "samp.error"
    samp.send(table)
    assert "samp: topcat did not take awe-2: no room\n" in capsys.readouterr().out
    table.write(tmp_path / "theirs.vot", format="votable")
    me = samp._client.get_public_id()
    url = (tmp_path / "theirs.vot").as_uri()
    answer = peer.client.ecall_and_wait(
        me, "table.load.votable", "30", url=url, name="bright", **{"table-id": "1"}
    )
    assert answer["samp.status"] == "samp.ok"
    assert samp.tables[-1]["mag"].tolist() == [18.5, 19.5]
    assert "topcat sent bright, 2 rows: samp.tables[-1]" in capsys.readouterr().out


@pytest.mark.parametrize(
    "about",
    [{"url": "file:///nowhere.vot"}, {"url": "gopher://x"}, {"name": "no address"},
     {"url": Path(__file__).as_uri()}],
)  # fmt: skip
def test_what_cannot_be_taken_is_told_once_and_harms_nothing(
    samp: Samp, peer: Peer, about: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    samp.connect()
    me = samp._client.get_public_id()
    answer = peer.client.ecall_and_wait(me, "table.load.votable", "30", **about)
    assert answer["samp.status"] == "samp.error"
    peer.client.enotify(me, "coord.pointAt.sky", ra="nan", dec="x")
    until(lambda: "topcat sent what cannot be taken: ValueError" in capsys.readouterr().out)
    assert not samp.tables
    assert set(samp.clients.values()) >= {"topcat"}


def test_pointers_follow_each_other(
    samp: Samp, peer: Peer, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window: Any = inspect(str(file))
    samp.follow(window)
    window._picture.view(100, 140, 100, 140)
    peer.client.enotify_all("coord.pointAt.sky", ra="10.0", dec="60.0")
    until(lambda: window._cross is not None)
    x, y = window._cross.get_data()
    assert (float(x[0]), float(y[0])) == pytest.approx((150, 200), abs=0.01)
    axes = window._picture.axes
    until(lambda: np.isclose(np.mean([axes.get_xlim(), axes.get_ylim()], 1), (150, 200)).all())
    for column in (148.0, 149.0, 151.0):  # the last of a movement is what others get
        move(window, column, 200.0)
    kind, about = last_of(peer)
    assert kind == "coord.pointAt.sky"
    ra, dec = map(float, WCS(fits.read(file).header).all_pix2world(151, 200, 1))
    assert (float(about["ra"]), float(about["dec"])) == pytest.approx((ra, dec), abs=1e-6)
    samp.follow(None)
    move(window, 149.0, 200.0)
    with pytest.raises(queue.Empty):
        peer.got.get(timeout=0.5)
    with pytest.raises(ArgumentError, match="array has no coordinates of the sky"):
        samp.follow(inspect(np.zeros((5, 5))))


def test_without_takers_or_a_hub_it_is_one_line(
    samp: Samp, peer: Peer, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ArgumentError, match=r"no program takes image.load.fits; connected: .*top"):
        samp.send(str(file))
    with pytest.raises(ArgumentError, match="no program aladin takes table"):
        samp.send(Table({"x": [1]}), to="aladin")
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'none').as_uri()}")
    with pytest.raises(ServiceDown, match="no SAMP hub runs here; TOPCAT, Aladin and DS9"):
        Samp().connect()


class TestOnAScreen:
    """With real windows, and with DS9 where it is installed."""

    pytestmark = NEEDED

    @pytest.fixture
    def desk(self, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
        monkeypatch.setenv("DISPLAY", screen.name)
        backend.forget()
        yield screen
        for one in viewer._current.values():
            with contextlib.suppress(ProcessLookupError):
                one._process.kill()
            one._ended.wait(10)
        viewer._current.clear()
        backend.forget()

    def test_a_real_pointer_is_followed(
        self, desk: Screen, samp: Samp, peer: Peer, file: Path
    ) -> None:
        window: Any = inspect(str(file), block=False)
        samp.follow(window)
        peer.client.enotify_all("coord.pointAt.sky", ra="10.0", dec="60.0")

        def moved() -> Any:
            for shift in ("0", "7"):
                (number,) = desk.windows("^Star.fits") or ("",)
                desk.do("mousemove", "--window", number, str(240 + int(shift)), "330")
            with contextlib.suppress(queue.Empty):
                return peer.got.get(timeout=1)

        kind, about = until(moved)
        assert kind == "coord.pointAt.sky"
        assert float(about["ra"]) == pytest.approx(10.0, abs=0.03)
        assert float(about["dec"]) == pytest.approx(60.0, abs=0.03)
        window.close()

    @pytest.mark.skipif(shutil.which("ds9") is None, reason="DS9 is not installed")
    def test_ds9_takes_a_frame(
        self, desk: Screen, samp: Samp, file: Path, capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        process = subprocess.Popen(["ds9", "-samp", "client", "yes", "-xpa", "no"])
        try:
            # it registers first, and tells a little later what it takes
            until(lambda: samp._hub().get_subscribed_clients("image.load.fits"))
            assert "SAOImageDS9" in samp.clients.values()
            samp.send(str(file))
            assert "has Star.fits" in capsys.readouterr().out
        finally:
            process.kill()
            process.wait()
