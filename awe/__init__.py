"""The awe prompt: query CCD frames, choose calibrations, run recipes, look at the result."""

from __future__ import annotations

__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension"]

__version__ = "0.1.0"


def load_ipython_extension(shell: object) -> None:
    """Log in and put the names of the prompt into a notebook: what `%load_ext awe` calls."""
    from awe.lazy import resolve

    resolve("awe.prompt.notebook:load")(shell)


def unload_ipython_extension(shell: object) -> None:
    """Log out and take the names away again: what `%unload_ext awe` calls."""
    from awe.lazy import resolve

    resolve("awe.prompt.notebook:unload")(shell)
