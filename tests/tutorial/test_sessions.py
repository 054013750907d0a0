"""Every session of the pages runs on the tutorial night, and prints what the page says.

Output that depends on the clock, on ids or on the machine stands on the page as `...`, or is left
out there; a session that cannot run carries a reason, and reasons are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from pages import DOCS, README, REASONS, difference, pages, play

PAGES = pages()
ON_THE_FIELD = {"tutorial-field.md"}


@pytest.mark.services
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_sessions_of_a_page_print_what_it_says(
    page: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    home = "field_home" if page in ON_THE_FIELD else "tutorial_home"
    played = play(request.getfixturevalue(home), tmp_path, page)
    assert [told for one in played if (told := difference(one))] == []


def test_who_is_left_out_has_a_reason() -> None:
    reasons = Counter(session.reason for read in PAGES.values() for session in read)
    del reasons[""]
    assert reasons == {
        "a second person": 1,
        "it needs the reference above": 2,
        "it needs the standards above": 3,
    }
    assert set(reasons) <= set(REASONS)


def test_every_example_stands_in_a_session() -> None:
    inside = sum(len(session.commands) for read in PAGES.values() for session in read)
    texts = [page.read_text() for page in [README, *DOCS.rglob("*.md")]]
    assert sum(len(re.findall(r"^ *awe> ", text, re.MULTILINE)) for text in texts) == inside > 80
