"""A notice when the jobs of a submission are over, whoever is still at the prompt by then.

Owns a process of the user's own, started at the submission where `notice_command` is set: it looks
at the jobs until all are over, runs that command with one line of text on its standard input, and
ends. What is run is one's own configuration and nothing else; the line is made of numbers, words
of states and the names of recipes, so nothing that another person wrote gets into it. No shell
reads either.
"""

from __future__ import annotations

import datetime
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from awe.config import Environment, home_directory
from awe.context import context
from awe.db.server import scope
from awe.dpu import totals
from awe.dpu.table import counted
from awe.errors import AweError, ConfigError, ServiceDown

__all__ = ["command_of", "main", "tell", "watch", "when_over"]

#: Seconds between two looks at the jobs; tests look more often.
PAUSE = 10.0
#: Seconds the command may take.
PATIENCE = 120.0
#: Seconds without a database after which nobody is told any more.
LONGEST_SILENCE = 24 * 3600.0
NAME_OF_LOG = "notices.log"


def command_of(environment: Environment) -> list[str]:
    """Return the words of the configured command; none where no notice is wanted.

    Raises
    ------
    ConfigError
        Its quotes are not closed, or there is no such program.
    """
    try:
        words = shlex.split(environment.notice_command)
    except ValueError as error:
        msg = f"notice_command {environment.notice_command!r}: {error}; close the quotes"
        raise ConfigError(msg) from error
    if words and _program(words[0]) is None:
        msg = f"notice_command: no program {words[0]!r} that you may run; give its whole path"
        raise ConfigError(msg)
    return words


def _program(name: str) -> str | None:
    # only where the login's own path leads, never the working directory, which may be anybody's
    folders = [one for one in os.environ.get("PATH", os.defpath).split(os.pathsep)
               if Path(one).is_absolute()]  # fmt: skip
    places = [Path(name)] if Path(name).is_absolute() else [Path(one) / name for one in folders]
    if "/" in name and not Path(name).is_absolute():
        return None
    return next((str(one) for one in places if one.is_file() and os.access(one, os.X_OK)), None)


def watch(ids: Sequence[int], environment: Environment) -> None:
    """Start a process that tells when these jobs are over, if a notice is wanted.

    Parameters
    ----------
    ids : sequence of int
        Numbers of jobs of one submission.
    environment : Environment
        Configuration of this session; the process has the same.

    Raises
    ------
    ConfigError
        The configured command cannot be run.
    """
    if not ids or not command_of(environment):
        return
    given = {name: environment[name] for name, origin in environment.origin.items()
             if origin == "keyword"}  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "awe.dpu.notices"], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/",
        env={**os.environ, "AWE_HOME": str(home_directory())},
    )  # fmt: skip
    assert process.stdin is not None
    # by the pipe, because a password may be among it
    with process.stdin:
        process.stdin.write(json.dumps({"ids": list(ids), "given": given}).encode())
    # it outlives this session on purpose
    process.returncode = 0


def tell(environment: Environment, text: str) -> str:
    """Run the command with a line on its standard input, and return what it said last.

    Raises
    ------
    ConfigError
        It cannot be run, takes too long or fails.
    """
    words = command_of(environment)
    program = _program(words[0]) or words[0]
    try:
        done = subprocess.run(
            [program, *words[1:]], input=text + "\n", text=True, timeout=PATIENCE, check=True,
            capture_output=True, errors="replace", env={**os.environ, "AWE_NOTICE": text},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        msg = f"notice_command {words[0]}: {error}"
        raise ConfigError(msg) from error
    return (done.stdout + done.stderr).strip()[-500:]


def main() -> int:
    """Wait for the jobs named on standard input, and tell; return the exit code."""
    asked = json.load(sys.stdin)
    environment = Environment.load(**asked["given"])
    log = environment.home / NAME_OF_LOG
    try:
        said = tell(environment, when_over(environment, asked["ids"]))
    except AweError as error:
        said = f"nobody was told: {error}"
    moment = datetime.datetime.now(datetime.UTC)
    with log.open("a") as file:
        file.write(f"{moment:%Y-%m-%d %H:%M:%S} jobs {asked['ids'][0]} and on: {said or 'told'}\n")
    return 0


def when_over(environment: Environment, ids: Sequence[int], pause: float = PAUSE) -> str:
    """Wait for jobs, and return the line to tell; a database that is away is waited for.

    Parameters
    ----------
    environment : Environment
        Whose jobs, in which database.
    ids : sequence of int
        Their numbers.
    pause : float
        Seconds between two looks.

    Raises
    ------
    AweError
        The database has been away for a day.
    """
    answered = time.monotonic()
    while True:
        try:
            if not scope.begun():
                context.start(environment)
            if not totals.any_open(ids):
                counts, recipes, _ = totals.reviewed(ids)
                jobs = f"{len(ids)} job{'s' if len(ids) > 1 else ''}"
                return f"awe: {jobs} ({', '.join(recipes)}): {counted(counts)}"
            answered = time.monotonic()
        except ServiceDown:
            if time.monotonic() - answered > LONGEST_SILENCE:
                raise
        time.sleep(pause)


if __name__ == "__main__":
    sys.exit(main())
