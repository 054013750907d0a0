"""The runner: takes jobs from the queue, places them, watches them, and records how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.dpu.runner.attempts import Running
    from awe.dpu.runner.backends import BackEnd, Local, Worker
    from awe.dpu.runner.forkserver import ForkServer
    from awe.dpu.runner.queue import Queue
    from awe.dpu.runner.runner import Runner

__all__ = ["BackEnd", "ForkServer", "Local", "Queue", "Runner", "Running", "Worker"]

face(__name__)
