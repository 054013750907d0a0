"""A clock that is wrong is told at login; products are named by the database's all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from awe.db.server import clock

SHIFT = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <stdlib.h>
int clock_gettime(clockid_t which, struct timespec *found) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(which, found);
    if (which == CLOCK_REALTIME) found->tv_sec += atol(getenv("SHIFT"));
    return done;
}
"""


@pytest.fixture
def right():
    """The clock as it was, afterwards."""
    yield
    clock.compare(datetime.now(UTC))


@pytest.mark.parametrize(("seconds", "said"), [
    (0, ""), (59, ""), (-59, ""), (61.5, "ahead of"), (-3 * 86400, "behind"),
])
def test_a_clock_that_is_wrong_by_more_than_a_minute_is_told(right, seconds, said):
    clock.compare(datetime.now(UTC) - timedelta(seconds=seconds))
    assert said in clock.warning()
    assert bool(clock.warning()) == bool(said)
    away = abs(clock.now() - (datetime.now(UTC) - timedelta(seconds=seconds if said else 0)))
    assert away < timedelta(seconds=5)


@pytest.mark.parametrize("seconds", [-3 * 86400, 400 * 86400])
def test_a_prompt_with_a_wrong_clock_warns_and_names_products_by_the_databases(
    db, tmp_path, seconds
):
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    source, library = tmp_path / "shift.c", tmp_path / "shift.so"
    source.write_text(SHIFT)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    settings = {f"AWE_{k.upper()}": v for k, v in db.environment("student").items()}
    code = (
        "import datetime; from awe.db.server import clock; "
        "print(datetime.datetime.now().timestamp(), clock.now().timestamp())"
    )
    done = subprocess.run(
        [sys.executable, "-m", "awe.prompt.command", "-c", code], capture_output=True, text=True,
        check=True, timeout=100,
        env={**os.environ, **settings, "AWE_HOME": str(home), "LD_PRELOAD": str(library),
             "SHIFT": str(seconds)},
    )  # fmt: skip
    here, theirs = (float(word) for word in done.stdout.split())
    assert abs(here - theirs - seconds) < 5
    assert "the clock of this machine is" in done.stderr
    assert Path(source).exists()
