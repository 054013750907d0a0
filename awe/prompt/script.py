"""Running a file or a string in the prompt's namespace, without an interactive shell.

Exit codes are python's: 0, 1 after an exception, 2 for a file that cannot be opened, what
`sys.exit` was given, 130 after an interrupt. IPython is not loaded, so scripts start fast. A
script may import its neighbours, as in python; a string and standard input import nothing from
the working directory, where files of other people may be.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from awe.prompt import errors
from awe.prompt.namespace import add_all, add_named

__all__ = ["exit_status", "run_code", "run_file", "run_input"]


def run_file(path: str, arguments: list[str], namespace: dict[str, Any], *, debug: bool) -> int:
    """Run a script as `__main__`; return its exit code.

    The namespace, here and below, is one that was begun: what the code names is added to it.
    """
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        sys.stderr.write(f"awe: can't open file {path!r}: {error.strerror}\n")
        return 2
    sys.path.insert(0, str(Path(path).resolve().parent))
    return _run(source, path, [path, *arguments], {**namespace, "__file__": path}, debug)


def run_code(code: str, arguments: list[str], namespace: dict[str, Any], *, debug: bool) -> int:
    """Run a string as `__main__`; return its exit code."""
    return _run(code, "<string>", ["-c", *arguments], namespace, debug)


def run_input(namespace: dict[str, Any], *, debug: bool) -> int:
    """Run what comes in on standard input, when that is not a terminal; return its exit code."""
    return _run(sys.stdin.read(), "<stdin>", [""], namespace, debug)


def _run(
    source: str | bytes, name: str, argv: list[str], namespace: dict[str, Any], debug: bool
) -> int:
    sys.argv = argv
    # A module of its own under that name: pickle and multiprocessing look there for what a script
    # defines, and must not find awe's command instead.
    main = ModuleType("__main__")
    add_named(namespace, source if isinstance(source, str) else source.decode("latin-1"))
    main.__dict__.update(namespace, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    try:
        # Else the `from __future__` of this module would hold for the user's script as well.
        code = compile(source, name, "exec", dont_inherit=True)
        exec(code, main.__dict__)
    except SystemExit as stop:
        return exit_status(stop.code)
    except KeyboardInterrupt as stop:
        errors.report(stop, debug=False)
        return 130
    except BrokenPipeError as error:
        return _reader_left(error, debug=debug)
    except BaseException as error:
        if isinstance(error, NameError):
            add_all(main.__dict__)  # what was meant may be one that the code does not name
        errors.suggest(error, main.__dict__, source)
        errors.report(error, debug=debug)
        return 1
    return 0


def _reader_left(error: BrokenPipeError, *, debug: bool) -> int:
    """End without a word where whoever read the output has gone: `awe -c ... | head -1`."""
    output = sys.stdout.fileno()
    ready = select.poll()
    ready.register(output, 0)
    if any(state & select.POLLERR for _, state in ready.poll(0)):
        # what is left in the buffer must not be written at the end either
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
        return 128 + signal.SIGPIPE
    errors.report(error, debug=debug)
    return 1


def exit_status(code: object) -> int:
    """Return the exit code of `sys.exit(code)`, writing what is not a number to standard error."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1
