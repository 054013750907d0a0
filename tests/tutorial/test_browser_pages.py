"""The pages of the tutorial night in a real browser, on a desktop and on a phone."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import axe_core_python
import pytest
from browsers import DESKTOP, PHONE, Chromium, chromium, program
from prompt_process import AWE, environment

AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
SCREENS = {"desktop": DESKTOP, "phone": PHONE}
#: A folder for screenshots that people look at; none are kept by default.
PICTURES = os.environ.get("AWE_PICTURES", "")
#: Contrast, labels, names, roles, languages: what the guidelines call A and AA.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
FRAME = "OMEGACAM.2012-06-01T08:53:36.511_1.fits"
PAGES = {
    "home": "/",
    "jobs": "/jobs",
    "classes": "/objects",
    "search": "/objects/RawScienceFrame",
    "found": "/objects/RawScienceFrame?f.chip=ESO_CCD_%2365&o.EXPTIME=gt&f.EXPTIME=1"
             "&sort=-DATE_OBS",
    "wrong": "/objects/RawScienceFrame?f.EXPTIME=x",
    "biases": "/objects/BiasFrame",
    "biases_raw": "/objects/RawBiasFrame",
    "calibrations": "/calibrations?instrument=OMEGACAM&chip=ESO_CCD_%2365"
                    "&filter=OCAM_r_SDSS&date=2012-05-31",
    "targets": "/targets",
    "members": "/members?project=TUTORIAL2015",
    "chips": "/objects/Chip",
    "nothing": "/objects/RawScienceFrame?f.OBJECT=nowhere",
    "absent": "/object/BiasFrame/00000000-0000-0000-0000-000000000000",
}  # fmt: skip

#: Labels of fields that are neither in the line of their field nor right above it.
ASTRAY = """
[...document.querySelectorAll('label[for]')].flatMap(label => {
  const field = document.getElementById(label.htmlFor);
  const [a, b] = [label.getBoundingClientRect(), field.getBoundingClientRect()];
  if (!a.width || !b.width) return [];
  const next = a.bottom > b.top && a.top < b.bottom && a.right <= b.left + 1;
  const both = label.parentElement;
  const edge = both.contains(field) && both.getBoundingClientRect();
  const above = a.bottom <= b.top + 2 && b.top - a.bottom < 30 && a.left < edge.left + 12;
  const behind = field.type === 'checkbox' && b.right <= a.left + 30;
  return next || above || behind ? [] : [label.textContent];
})
"""

pytestmark = pytest.mark.skipif(program() is None, reason="this machine has no Chromium")


@pytest.fixture(scope="module")
def browser(tutorial_home: Path) -> Iterator[Chromium]:
    """A browser in which the student has logged in by the link that awe-admin prints."""
    done = subprocess.run(
        [AWE.with_name("awe-admin"), "open"], env=environment(tutorial_home), text=True,
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    link = done.stdout.strip()
    with chromium() as made:
        made.link, made.root = link, link.partition("/login")[0]
        made.open(link)
        assert "once" in made.text
        made.click("form button")
        assert "logged in as" in made.text
        yield made


def addresses(browser: Chromium, home: Path, folder: Path) -> dict[str, str]:
    """Every page there is, those of objects and plans by the first that the others lead to."""
    pages = dict(PAGES)
    for name, page, link in (
        ("later", "biases_raw", "a[href*='after=']"),
        ("raw", "found", "td a[href^='/object/RawScienceFrame/']"),
        ("bias", "biases", "td a[href^='/object/BiasFrame/']"),
        ("judge", "calibrations", "td a[href^='/calibrations/']"),
        ("plan", "targets", "li a[href^='/targets?']"),
        ("run", "jobs", "td a[href^='/runs/']"),
        ("job", "jobs", "td a[href^='/jobs/']"),
    ):
        browser.open(browser.root + pages[page])
        found = browser.run(f"document.querySelector({json.dumps(link)})?.getAttribute('href')")
        if found:
            pages[name] = found
    done = subprocess.run([AWE.with_name("awe-admin"), "open"], env=environment(home), text=True,
                          capture_output=True, timeout=120, check=True)  # fmt: skip
    report = folder / "night.html"
    subprocess.run([AWE.with_name("awe-admin"), "night", "2012-05-31", "--html", report],
                   env=environment(home), capture_output=True, timeout=120, check=True)
    pages["login"] = done.stdout.strip().removeprefix(browser.root)
    return pages | {"night": report.as_uri()}


def submit(home: Path, code: str) -> None:
    subprocess.run([AWE, "-c", code], env=environment(home, project="TUTORIAL2015"), check=True,
                   capture_output=True, timeout=120)  # fmt: skip


def test_every_page_fits_its_screen_and_is_accessible(
    tutorial_home: Path, browser: Chromium, tmp_path: Path
) -> None:
    submit(tutorial_home, "dpu.run('Bias', instrument='OMEGACAM', date='2012-05-31', "
           "chip='ESO_CCD_#65')")  # fmt: skip
    pages = addresses(browser, tutorial_home, tmp_path)
    assert not {"raw", "bias", "judge", "plan", "run", "job", "later"} - pages.keys()
    axe = AXE.read_text()
    wrong = []
    for screen, size in SCREENS.items():
        browser.screen(*size)
        for name, path in pages.items():
            browser.complaints.clear()
            browser.open(path if path.startswith("file:") else browser.root + path)
            if PICTURES:
                browser.picture(Path(PICTURES) / f"{name}-{screen}.png")
            browser.run(axe + "; 1")
            tags = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
            found = browser.run(f"axe.run(document, {tags}).then(found => found.violations.map("
                                "one => [one.id, one.nodes.map(node => node.html)]))")  # fmt: skip
            wrong += [(screen, name, *one) for one in found]
            if browser.overflow > 0:
                wrong.append((screen, name, "is wider than the screen by", browser.overflow))
            wrong += [(screen, name, "label astray:", one) for one in browser.run(ASTRAY)]
            if name not in ("absent", "wrong"):
                wrong += [(screen, name, one) for one in browser.complaints]
    assert not wrong, "\n".join(map(str, wrong))


def test_a_target_is_planned_submitted_and_watched(browser: Chromium) -> None:
    browser.screen(*DESKTOP)
    browser.open(f"{browser.root}/targets")
    browser.click("li a[href^='/targets?']")
    assert "recipe Reduce" in browser.text
    browser.click("form[method=post] button")
    assert "jobs were submitted" in browser.text or "job were submitted" in browser.text
    assert "/runs/" in browser.run("location.pathname")
    browser.click("form[method=post] button")
    assert "being stopped" in browser.text


def test_a_verdict_is_shown_before_it_is_changed_and_refused_by_the_database(
    browser: Chromium,
) -> None:
    browser.open(browser.root + PAGES["calibrations"])
    browser.click("td a[href^='/calibrations/BiasFrame/']")
    browser.run("document.getElementById('is_valid').value = '0'")
    browser.click("form[method=post] button")
    assert re.search(r"1, valid\s+0, bad", browser.text)
    browser.click("form[method=post] button")
    assert "may not be changed by you" in browser.text


def test_a_link_logs_in_once_and_logging_out_ends_it(
    tutorial_home: Path, browser: Chromium
) -> None:
    browser.open(browser.link)
    assert "This link was used already" in browser.text
    browser.open(f"{browser.root}/")
    browser.click("form[action='/logout'] button")
    browser.open(f"{browser.root}/jobs")
    assert "Nobody is logged in" in browser.text
