"""Waiting for what another process will do."""

from __future__ import annotations

import time
from typing import Any


def until(claim: Any, seconds: float = 20.0) -> Any:
    """Wait until `claim()` is true and return what it gave."""
    limit = time.monotonic() + seconds
    while not (found := claim()):
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)
    return found
