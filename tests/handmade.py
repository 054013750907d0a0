"""FITS files of cards and pixels put together by hand, so that no library corrects them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BITPIX = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}


def card(keyword: str, value: str) -> str:
    """Return a card with a value as it is typed, quotes included."""
    return f"{keyword:<8}= {value:>20}"


def image(pixels: NDArray[Any], *cards: str, first: str = "SIMPLE") -> bytes:
    """Return the bytes of one HDU of pixels; more cards as whole lines."""
    lines = [
        card(first, "T") if first == "SIMPLE" else card(first, "'IMAGE   '"),
        card("BITPIX", str(BITPIX[pixels.dtype.str[1:]])),
        card("NAXIS", str(pixels.ndim)),
        *(card(f"NAXIS{n}", str(side)) for n, side in enumerate(pixels.shape[::-1], start=1)),
        *cards,
        "END",
    ]
    head = "".join(line.ljust(80) for line in lines)
    head += " " * (-len(head) % 2880)
    body = np.asarray(pixels, pixels.dtype.newbyteorder(">")).tobytes()
    return head.encode("latin-1") + body + bytes(-len(body) % 2880)


def write(path: Path, pixels: NDArray[Any], *cards: str) -> Path:
    """Write a file of one image and return its path."""
    path.write_bytes(image(pixels, *cards))
    return path
