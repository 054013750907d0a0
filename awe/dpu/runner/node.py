"""A keeper and its worker on a node of a cluster: `python -m awe.dpu.runner.node DIRECTORY`.

The directory is that of the attempt, shared with the runner's machine. The description is a
file in it that only its owner can read, and is removed before anything else is done. What the
runner sees elsewhere is written down here: the memory held now, and how the worker ended, once
nothing of the attempt lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from awe.dpu.runner import keeper
from awe.dpu.runner.attempt_files import Folder
from awe.dpu.runner.backends import LocalHandle
from awe.dpu.worker import worker

__all__ = ["main"]

#: seconds between two looks at the memory
LOOK = 1.0


def main() -> NoReturn:
    """Run the attempt of the directory given, and end as its worker ended."""
    folder = Folder.at(Path(sys.argv[1]))
    # where the node does not have the directory the attempt ends here
    os.chdir(folder.path)
    try:
        description = json.loads(folder.description())
    except FileNotFoundError:
        # a controller that lost its memory in a crash starts a job anew
        sys.exit(f"attempt {folder.path.name} ran before: nothing is done twice")
    # as many as the cluster gave, not as the runner's machine has
    description["processors"] = int(os.environ.get("SLURM_CPUS_ON_NODE") or 1)
    keeper.adopt_orphans()
    signal.pthread_sigmask(signal.SIG_BLOCK, keeper.WATCHED)
    pid = os.fork()
    if pid == 0:
        _become_worker(folder, description)
    threading.Thread(target=_measure, args=(folder,), daemon=True).start()
    status = keeper.keep(pid)
    folder.ended(os.waitstatus_to_exitcode(status))
    keeper.end_like(status)


def _become_worker(folder: Folder, description: dict[str, Any]) -> NoReturn:
    """Turn this fresh child into the worker of the attempt."""
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, keeper.WATCHED)
        os.environ["TMPDIR"] = str(folder.work)
        status = worker.work(folder.path, description)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _measure(folder: Folder) -> None:
    """Write down again and again what the attempt holds."""
    held = LocalHandle(os.getpid(), lambda: None, lambda: True)
    pause = threading.Event()
    while not pause.wait(LOOK):
        try:
            folder.use(held.memory())
        except OSError:
            # the directory is gone: the runner ends what cannot report any more
            return


if __name__ == "__main__":
    main()
