"""`_`, `Out` and the memory of frames."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from prompt_process import Prompt

from awe.errors import NotFound
from awe.model import classes
from awe.prompt import results

LIMIT = 1_000_000


@pytest.mark.parametrize(
    "thing",
    [
        lambda pixels: pixels,
        lambda pixels: pixels[:2, :2],
        lambda pixels: [{"frame": (pixels,)}],
        lambda pixels: SimpleNamespace(image=SimpleNamespace(data=pixels)),
        lambda pixels: bytes(2 * LIMIT),
        lambda pixels: ["x" * LIMIT, *list("abc")],
        lambda pixels: [[n] for n in range(results.MOST_PARTS)],
    ],
)
def test_what_holds_pixels_is_large(thing: object) -> None:
    pixels = np.zeros((1000, 1000))
    assert results.size(thing(pixels), LIMIT) > LIMIT  # type: ignore[operator]


def test_objects_numbers_and_short_tables_are_not_large() -> None:
    classes.load()
    from awe.db.declare.registry import registry

    frame = registry["RawScienceFrame"]()
    itself: list[object] = [frame] * 100_000
    for thing in (None, 5, "text", frame, np, type(frame), np.zeros(100), frame.info):
        assert results.size(thing, LIMIT) < 10_000
    itself = [frame]
    itself.append(itself)
    assert results.size(itself, LIMIT) < 1_000


def test_a_large_result_is_there_while_somebody_holds_it() -> None:
    out = results.Out()
    pixels = np.zeros((4, 5))
    out.leave_out(3, pixels)
    assert out[3] is pixels
    del pixels
    with pytest.raises(NotFound, match=r"Out\[3\] is not kept: ndarray of shape \(4, 5\) takes"):
        out[3]
    with pytest.raises(KeyError):
        out[4]
    assert out.missed("_3").endswith("give such a result a name when you make it")
    assert out.missed("_4") == out.missed("x") == ""


#: Resident memory in MB, of a process on linux.
MEMORY = "int(open('/proc/self/statm').read().split()[1]) * 4096 // 1_000_000"


@pytest.mark.services
def test_results_are_kept_by_number(prompt: Prompt) -> None:
    prompt.child.send("6 * 7\r'abc'\r[1, 2]\r")
    assert prompt.type("_1, _2, Out[3]").splitlines()[-1] == "(42, 'abc', [1, 2])"
    assert prompt.type("frame = RawScienceFrame(); frame") != ""
    assert prompt.type("_ is frame, __[0]") == "(True, 42)"


@pytest.mark.services
def test_a_frame_that_was_shown_gives_its_memory_back(prompt: Prompt, tmp_path: Path) -> None:
    np.save(tmp_path / "frame.npy", np.ones((4200, 2148)))  # 72 MB, an OmegaCAM chip
    prompt.type("import numpy as np; first = np.ones(10); first.sum()")
    before = int(prompt.type(MEMORY))
    number = int(prompt.type("get_ipython().execution_count"))
    assert "array" in prompt.type("np.load('frame.npy')")
    prompt.type("'the next result'")
    assert int(prompt.type(MEMORY)) < before + 20
    assert "array" in prompt.type("[np.load('frame.npy')]")
    prompt.type("'the next result'")
    assert int(prompt.type(MEMORY)) < before + 20
    said = prompt.type(f"Out[{number + 1}]")
    assert re.fullmatch(
        r"NotFound: Out\[\d+\] is not kept: ndarray of shape \(4200, 2148\) takes too much "
        r"memory; give such a result a name when you make it", said
    ), said  # fmt: skip
    assert "give such a result a name" in prompt.type(f"_{number + 1}")
