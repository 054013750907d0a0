"""Places by the names of targets: frames that are here, and Sesame where it is switched on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from awe.db.objects.commit import commit_all
from awe.db.query.targetnames import is_name, place
from awe.errors import QueryError
from awe.model.observing import Astrom, Chip
from awe.model.raw import RawScienceFrame

ANSWER = b"# M 33\n#=S=Simbad\n%J 23.4620690 +30.6601750 = 01 33 50.89 +30 39 36.7\n"


@pytest.fixture
def frames(login: Any) -> list[RawScienceFrame]:
    login()
    places = (("M 31", 10.6, 41.2), ("M 31", 10.8, 41.4), ("North", 359.9, 5.0),
              ("North", 0.1, 5.0), ("STD", 10.0, 0.0), ("STD", 200.0, 10.0))  # fmt: skip
    chip = Chip(name="one")
    found = [
        RawScienceFrame(filename=f"f{i}.fits", OBJECT=name, chip=chip,
                        astrom=Astrom(CRVAL1=ra, CRVAL2=dec))
        for i, (name, ra, dec) in enumerate(places)
    ]  # fmt: skip
    commit_all(found)
    return found


@pytest.fixture
def sesame() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ANSWER if "M%2033" in self.path or "M+33" in self.path else b"#!\n")

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("text", "name"),
    [("M 31", True), ("NGC1068", True), ("22:04:00", False), ("22h04m00s", False),
     ("-31d12m00s", False), ("10.5", False), ("1e3", True), (10.5, False), (None, False),
     ("22 04 00", False)],
)  # fmt: skip
def test_names_are_told_from_coordinates(text: Any, name: bool) -> None:
    assert is_name(text) is name


def test_a_target_is_where_its_frames_are(frames: list[Any], login: Any) -> None:
    ra, dec = place("M 31")
    assert (round(ra, 2), round(dec, 2)) == (10.7, 41.3)
    assert place("m 31") == (ra, dec)
    ra, dec = place("North")
    assert min(ra, 360 - ra) < 1e-6
    assert set(RawScienceFrame.astrom.near("M 31", 0.5)) == set(frames[:2])
    assert list(RawScienceFrame.astrom.near("M 31", radius=0.01)) == []
    with pytest.raises(QueryError, match="far from each other"):
        place("STD")
    with pytest.raises(QueryError, match=r"did you mean 'M 31'.*name_resolver : sesame"):
        RawScienceFrame.near("M 32", 0.5)
    with pytest.raises(QueryError, match="expected near"):
        RawScienceFrame.near("M 31")
    login("other")
    with pytest.raises(QueryError, match="no frame that you may see has OBJECT 'M 31';"):
        RawScienceFrame.covers("M 31")


def test_sesame_is_asked_where_it_is_switched_on(
    frames: list[Any], login: Any, sesame: str
) -> None:
    from astropy.coordinates.name_resolve import sesame_url

    with sesame_url.set([sesame]):
        with pytest.raises(QueryError, match="no frame"):
            place("M 33")
        login("student", name_resolver="sesame")
        assert place("M 33") == (23.462069, 30.660175)
        assert place("M 31")[0] == pytest.approx(10.7, abs=0.01)
        with pytest.raises(QueryError, match="neither a frame here nor Sesame knows 'Nowhere'"):
            place("Nowhere")
