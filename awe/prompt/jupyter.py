"""The Jupyter kernel `awe`: a Python kernel in which awe is loaded before the first cell.

`python -m awe.prompt.jupyter -f FILE` is what Jupyter starts; `specification` is what tells it
so, in a directory of kernels that `awe-admin kernel install` or `awe notebook` gives it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

from awe.errors import ServiceDown

__all__ = ["NAME", "installed", "main", "specification", "write"]

#: Name of the kernel; notebooks name it in their metadata.
NAME = "awe"
INSTALL = "pip install 'awe-prompt[notebook]'"


def installed(package: str) -> None:
    """Refuse to go on without a package of Jupyter.

    Parameters
    ----------
    package : str
        Such as `'jupyterlab'`.

    Raises
    ------
    ServiceDown
        It is not installed next to awe; the message says how it is.
    """
    if importlib.util.find_spec(package) is None:
        msg = f"{package} is not installed here; {INSTALL} brings it"
        raise ServiceDown(msg)


def specification() -> dict[str, object]:
    """Return what Jupyter has to know: the command, and the installation it works in."""
    home = os.environ.get("AWE_HOME")
    return {
        # -P: nothing is imported from the working directory before the kernel runs
        "argv": [sys.executable, "-P", "-m", "awe.prompt.jupyter", "-f", "{connection_file}"],
        "display_name": "awe",
        "language": "python",
        "interrupt_mode": "signal",
        "env": {"AWE_HOME": str(Path(home).expanduser().absolute())} if home else {},
    }


def write(folder: Path) -> Path:
    """Write the specification into a directory of kernels; return its own directory.

    Parameters
    ----------
    folder : Path
        Directory in which each kernel has one of its name.
    """
    place = folder / NAME
    place.mkdir(parents=True, exist_ok=True)
    text = json.dumps(specification(), indent=1)
    (place / "kernel.json").write_text(text + "\n", encoding="utf-8")
    return place


def main() -> None:
    """Run the kernel that Jupyter asks for on the command line."""
    installed("ipykernel")
    # brings zmq and tornado
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.extra_extensions = [*app.extra_extensions, "awe"]
    app.initialize(sys.argv[1:])  # type: ignore[no-untyped-call]
    app.start()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
