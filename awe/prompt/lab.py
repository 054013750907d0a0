"""`awe notebook`: JupyterLab with the kernel `awe`, in which everything is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from awe.config import home_directory
from awe.prompt import jupyter, profile

__all__ = ["run"]


def run(arguments: Sequence[str]) -> int:
    """Become JupyterLab; new notebooks have the kernel `awe`.

    Parameters
    ----------
    arguments : sequence of str
        Handed to JupyterLab: files, `--no-browser`, `--port=8889` and so on.

    Raises
    ------
    ServiceDown
        JupyterLab is not installed next to awe.
    """
    for package in ("jupyterlab", "ipykernel"):
        jupyter.installed(package)
    folder = profile.directory(home_directory()) / "jupyter"
    jupyter.write(folder / "kernels")
    paths = [str(folder), os.environ.get("JUPYTER_PATH", "")]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, paths))
    own = f"--MultiKernelManager.default_kernel_name={jupyter.NAME}"
    command = [sys.executable, "-P", "-m", "jupyterlab", own, *arguments]
    os.execv(sys.executable, command)
