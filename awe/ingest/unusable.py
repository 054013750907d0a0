"""What is said of a file some of whose images cannot be used: which, why, and what cures it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["told"]

#: images of one problem, or of the cure, that are named
NAMED = 6
#: What an image without EXTNAME is called; no description can name it.
NAMELESS = "HDU "


def told(
    path: Path, problems: Mapping[str, Sequence[str]], images: Sequence[str], *, some: bool
) -> str:
    """Return what is wrong with a file, a line for each problem.

    Parameters
    ----------
    path : Path
        The file.
    problems : mapping of str to sequence of str
        The images that have each problem; none for a problem between them.
    images : sequence of str
        Names of all its images.
    some : bool
        Whether others of its images are frames, so that it may help to leave these out.

    Returns
    -------
    str
        Several lines.
    """
    lines = [f"{path}: {len(problems)} of {len(images)} images cannot be used"]
    lines += [_of_some(problem, wrong, images) for problem, wrong in problems.items()]
    extras = dict.fromkeys(name for wrong in problems.values() for name in wrong)
    extras = dict.fromkeys(name for name in extras if not name.startswith(NAMELESS))
    if some and extras:
        lines.append(
            "where these hold no frames, the description of the camera leaves them out: "
            f"leave_out = {json.dumps(list(extras)[:NAMED])}"
        )
    return "\n  ".join(lines)


def _of_some(problem: str, wrong: Sequence[str], images: Sequence[str]) -> str:
    """Return a problem with the images that have it, where others do not."""
    if not wrong or len(wrong) == len(images):
        return problem
    return f"{', '.join(wrong[:NAMED])}{', ...' * (len(wrong) > NAMED)}: {problem}"
