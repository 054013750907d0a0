"""Making sure that an installation runs: what every prompt and every command calls first.

Looking costs two small files and a question to the system for each process; the modules that
start something are loaded only if something is to be started.
"""

from __future__ import annotations

from awe.services.installation import Installation
from awe.services.process import Progress

__all__ = ["ensure"]


def ensure(house: Installation, progress: Progress | None = None) -> dict[str, str]:
    """Make sure that everything runs and return the endpoints; quick when it does.

    Parameters
    ----------
    house : Installation
        The installation, made if it is not there yet.
    progress : callable, optional
        Function that is called with one line before each step that takes time.
    """
    if house.ready:
        return house.endpoints
    from awe.services import stack

    return stack.start(house, progress)
