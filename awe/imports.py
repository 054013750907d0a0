"""Where modules come from: never from the working directory, where other people's files may be.

Python puts the directory of a script first, and the working directory if it is given code by
`-c`, a module by `-m` or nothing at all. awe keeps the first, which is the user's own choice of a
file, and leaves the second out, in its own processes and in those it starts.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["PYTHON", "forget_working_directory", "safe_children"]

#: How awe starts python: without the working directory in front.
PYTHON = (sys.executable, "-P")
_VARIABLE = "PYTHONSAFEPATH"
_lock = threading.RLock()


def forget_working_directory() -> None:
    """Take the working directory out of where this process looks for modules."""
    sys.path[:] = [place for place in sys.path if place not in ("", ".")]


@contextmanager
def safe_children() -> Iterator[None]:
    """Let every python started within the block leave its working directory out, too."""
    with _lock:
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before
