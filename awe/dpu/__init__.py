"""The distributed processing unit: jobs that outlive the prompt and can be killed for real.

`Processor` is `dpu` at the prompt and `LocalProcessor` is `lpu`; the rest runs on the other side
of the queue: `runner` claims jobs, `backends` place them, `worker` is the process of one attempt.
"""

from __future__ import annotations

from awe.dpu.client import Processor
from awe.dpu.local import LocalProcessor

__all__ = ["LocalProcessor", "Processor"]
