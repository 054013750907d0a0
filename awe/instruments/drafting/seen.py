"""One image of a file that is looked at: its headers, and its pixels when they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awe.fits.values import HeaderValues
from awe.instruments._cards import CardReader, shown
from awe.instruments._spelling import spelled
from awe.instruments.drafting.conventions import NOTHING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Seen", "distinct", "of_first", "values"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An image, as the drafts of a description see it.

    Attributes
    ----------
    file, folder : str
        Names of its file and of the folder that is in.
    number : int
        Number of its HDU.
    primary, header : HeaderValues
        Header of the file and of the image, twice the same for a single image.
    comments : mapping of str to str
        Comments of the cards of both.
    shape : tuple of int
        Rows and columns.
    pixels : callable
        Returns the physical values, shape (ny, nx).
    layers : int
        Exposures of the cube it belongs to; 0 for an image of two axes.
    """

    file: str
    folder: str
    number: int
    primary: HeaderValues
    header: HeaderValues
    comments: Mapping[str, str]
    shape: tuple[int, int]
    pixels: Callable[[], NDArray[np.generic]] = field(repr=False)
    layers: int = 0

    @property
    def whole(self) -> Mapping[str, Any]:
        """The cards of the file, and those of its image that the file does not have."""
        return self.primary.before(self.header)

    def find(self, keyword: str) -> Any:
        """Return a value of the image's header, or else of the file's; None where none is."""
        for header in (self.header, self.primary):
            try:
                value = CardReader(header).find(keyword, repeated="first")
            except ValueError:
                continue
            if value is not None and not (isinstance(value, str) and spelled(value, NOTHING)):
                return value
        return None

    def number_of(self, keywords: Iterable[str]) -> tuple[str, float] | None:
        """Return the first keyword whose value is a number, and that."""
        for keyword in keywords:
            value = self.find(keyword)
            if isinstance(value, bool) or value is None:
                continue
            try:
                return keyword, float(value)
            except ValueError:
                continue
        return None


def values(images: Iterable[Seen], keyword: str) -> list[Any]:
    """Return the value of a keyword in every image; None if it has none."""
    return [one.find(keyword) for one in images]


def distinct(found: Iterable[Any]) -> list[Any]:
    """Return different values in the order they come, without None."""
    return list(dict.fromkeys(value for value in found if value is not None))


def of_first(images: Sequence[Seen], keywords: Iterable[str]) -> tuple[str, Any] | None:
    """Return the first keyword that all images have with one value, and that."""
    for keyword in keywords:
        found = values(images, keyword)
        if None not in found and len({shown(value) for value in found}) == 1:
            return keyword, found[0]
    return None
