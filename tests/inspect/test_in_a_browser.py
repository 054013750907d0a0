"""Windows in a browser: real keys in a headless Chromium, and nobody else gets in."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from browsers import Chromium, chromium, program
from test_viewer import Lines

OPEN = "ins = inspect(Frame(), viewer='browser', block=False)"
ADDRESS = re.compile(
    r"in your browser: (http://127\.0\.0\.1:(\d+)/#[\w-]{32}) "
    r"\(from another machine after: ssh -L \2:127\.0\.0\.1:\2 \S+\)"
)


#: size of the page, with room for several pictures
SIZE = (1400, 1100, False)


@pytest.fixture
def browser() -> Iterator[Chromium]:
    with chromium() as page:
        page.screen(*SIZE)
        yield page


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Lines]:
    """A process without a display."""
    opened = Lines(tmp_path)
    yield opened
    opened.close()


def address_of(lines: Lines, line: str = OPEN) -> str:
    said = lines.do(line)
    found = ADDRESS.fullmatch(said)
    assert found, said
    return found[1]


class Seen:
    """The page with the picture of a frame."""

    def __init__(self, browser: Chromium, address: str) -> None:
        self.browser = browser
        # else only what is behind the # of an address would change
        browser.open("about:blank")
        browser.open(address)
        browser.until("document.querySelector('figure canvas')?.width > 500")
        self.x, self.y = browser.run(
            "(() => {const r = document.querySelector('canvas').getBoundingClientRect();"
            "return [r.left + r.width / 2, r.top + r.height / 2]})()"
        )
        browser.mouse("move", self.x, self.y)

    def pixels(self) -> str:
        return str(self.browser.run("document.querySelector('canvas').toDataURL()"))

    def changes(self) -> None:
        before = self.pixels()
        end = time.monotonic() + 60
        while self.pixels() == before:
            assert time.monotonic() < end, "the picture stays as it was"
            time.sleep(0.2)


class TestPressed:
    pytestmark = [  # noqa: RUF012 - pytest reads it
        pytest.mark.window,
        pytest.mark.timeout(300),
        pytest.mark.skipif(not program(), reason="no chromium here (apt install chromium)"),
    ]

    def test_keys_and_mouse_do_in_the_page_what_they_do_in_a_window(
        self, alone: Lines, browser: Chromium, tmp_path: Path
    ) -> None:
        seen = Seen(browser, address_of(alone))
        browser.until("/value/.test(document.querySelector('pre').textContent)")
        # the prompt sleeps: the window lives in another process
        alone.start("time.sleep(5)")
        browser.key("m")
        browser.until("document.querySelectorAll('figure').length === 1")
        assert re.match(r"m at \(\d+\.\d, \d+\.\d\): pixels 2601", alone.end())
        assert alone.do("print(ins.table['key'][0], ins.table['pixels'][0])") == "m 2601"
        browser.key("l")
        browser.until("document.querySelectorAll('figure').length === 2")
        browser.until("document.querySelectorAll('canvas')[1].width > 500")
        title = browser.run("document.querySelectorAll('figcaption span')[1].textContent")
        assert title == "line - Star.fits"
        browser.picture(tmp_path / "page.png")
        browser.mouse("move", seen.x, seen.y)
        browser.key("+")
        seen.changes()
        browser.mouse("wheel", seen.x, seen.y, deltaX=0, deltaY=-100)
        seen.changes()
        browser.mouse("press", seen.x, seen.y, button="left", buttons=1, clickCount=1)
        browser.mouse("move", seen.x + 60, seen.y + 40, button="left", buttons=1)
        seen.changes()
        browser.mouse("release", seen.x + 60, seen.y + 40, button="left", clickCount=1)
        browser.key("Z")
        seen.changes()
        browser.key("S", modifiers=8)
        alone.until("os.path.exists('Star.inspect.png')", "True")
        browser.key("q")
        browser.until("document.querySelectorAll('figure').length === 0")
        assert "is closed" in alone.do("ins.press('m', 5, 5)")

    def test_a_page_that_comes_later_or_again_shows_the_same_and_ends_with_the_prompt(
        self, alone: Lines, browser: Chromium
    ) -> None:
        address = address_of(alone)
        alone.do("ins.press('l', 50, 50)")
        for _ in range(2):
            Seen(browser, address)
            browser.until("document.querySelectorAll('figure').length === 2")
        assert address_of(alone, OPEN.replace("Frame()", "Frame('<b>x</b>.fits')")) == address
        browser.until("document.querySelectorAll('figure').length === 3")
        # a name is text
        title = browser.run("document.querySelectorAll('figcaption span')[2].textContent")
        assert title == "<b>x</b>.fits"
        assert browser.run("document.querySelectorAll('figcaption b').length") == 0
        alone.close()
        browser.until("/prompt has ended/.test(document.getElementById('said')?.textContent)")

    def test_without_the_token_the_page_shows_nothing(
        self, alone: Lines, browser: Chromium
    ) -> None:
        browser.open(address_of(alone).partition("#")[0])
        browser.until("/whole address/.test(document.getElementById('said')?.textContent)")
        assert browser.run("document.querySelectorAll('figure').length") == 0


def test_who_has_not_the_token_or_comes_from_elsewhere_is_refused(alone: Lines) -> None:
    address = address_of(alone)
    port, token = urlsplit(address).port, urlsplit(address).fragment
    base = f"http://127.0.0.1:{port}"
    good = {"authorization": f"Bearer {token}"}
    press = [{"figure": 1, "type": "key_press", "key": "kq"}]

    def status(path: str, **headers: str) -> int:
        if path.startswith("/done"):
            return httpx.post(base + path, json=press, headers=headers).status_code
        with httpx.stream("GET", base + path, headers=headers) as answer:
            return answer.status_code

    for path in ("/done", "/events"):
        assert status(path) == 401
        assert status(path, authorization="Bearer x") == 401
        assert status(path, **good, host=f"evil.example:{port}") == 421
        assert status(path, **good, origin="http://evil.example") == 403
        assert status(path, **good, origin=f"http://127.0.0.1:{port + 1}") == 403
        assert status(path, **{**good, "sec-fetch-site": "cross-site"}) == 403
        assert status(path + f"?token={token}") == 401
    assert status("/", host="evil.example") == 421
    assert "no-store" in httpx.get(base).headers["cache-control"]
    assert "default-src 'none'" in httpx.get(base).headers["content-security-policy"]
    assert status("/../showing.py") == 404
    # what is no event, with the token
    for wrong in ([1], {}, [{"figure": "x"}], [{"figure": 1, "type": "motion_notify"}]):
        assert httpx.post(base + "/done", json=wrong, headers=good).status_code in (204, 400)
    many = [{"figure": 1, "type": "x" * 70_000}]
    assert httpx.post(base + "/done", json=many, headers=good).status_code == 413
    # nothing of all that closed the window, and it listens on loopback alone
    assert alone.do("ins.press('x', 3, 4)").startswith("x at")
    assert httpx.post(base + "/done", json=press, headers=good).status_code == 204


def test_the_configuration_chooses_the_browser_where_there_is_no_display(tmp_path: Path) -> None:
    lines = Lines(tmp_path, AWE_INSPECT_VIEWER="browser", AWE_HOME=str(tmp_path))
    try:
        address_of(lines, OPEN.replace("viewer='browser', ", ""))
    finally:
        lines.close()
