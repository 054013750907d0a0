"""HDUs as bytes: cards of 80 characters, blocks of 2880, and the checksums over them.

For work that touches hundreds of images and needs no array of any: cutting one chip out of an
exposure without decoding a pixel, writing simulated exposures. Everything else goes through
`awe.fits.read` and `write`. Cards are made only from printable ASCII; others are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from awe.errors import BadHeader

__all__ = [
    "Value",
    "card",
    "cards",
    "datasum",
    "folded",
    "header",
    "header_end",
    "image_header_end",
    "keyword",
    "pad",
    "padded",
    "sealed",
    "with_values",
]

BLOCK = 2880
CARD = 80
#: BITPIX of every type of pixels (FITS 4.0, 4.4.1.1)
BITPIX = (8, 16, 32, 64, -32, -64)

Value = str | bool | int | float


def card(name: str, value: Value, comment: str = "") -> bytes:
    """Return one header card.

    Parameters
    ----------
    name : str
        Keyword; one of more than eight characters, or with spaces, is written `HIERARCH`.
    value : str, bool, int or float
        Value; text is quoted.
    comment : str
        Comment, cut off where the card ends.

    Raises
    ------
    BadHeader
        When the value does not fit, or is not printable ASCII.

    Examples
    --------
    >>> card("EXPTIME", 360.0, "[s]").rstrip()
    b'EXPTIME =                360.0 / [s]'
    """
    text = _formatted(value)
    if len(name) <= 8 and " " not in name:
        head = f"{name:<8}= "
        # The fixed format of FITS 4.0, 4.2: a number ends in byte 30, text begins in byte 11.
        text = f"{text:<20}" if isinstance(value, str) else f"{text:>20}"
    else:
        head = f"HIERARCH {name} = "
    body = head + text
    if len(body) > CARD or not (body.isascii() and body.isprintable()):
        msg = f"card {name} = {value!r} does not fit into {CARD} printable ASCII characters"
        raise BadHeader(msg)
    if comment and len(body) + 4 < CARD:
        body = f"{body} / {comment}"
    return body[:CARD].ljust(CARD).encode("ascii")


def _formatted(value: Value) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, str):
        # Eight characters at least, as XTENSION needs; apostrophes double (FITS 4.0, 4.2.1.1).
        return "'" + value.replace("'", "''").ljust(8) + "'"
    if isinstance(value, float):
        # The shortest digits that give the same float; E must be a capital (FITS 4.0, 4.2.4).
        return repr(value).upper()
    return str(value)


def cards(header: bytes) -> Iterator[bytes]:
    """Yield the cards of a header up to its END; a continued card comes with its tail.

    Parameters
    ----------
    header : bytes
        Header, whole cards of 80 bytes.
    """
    held = b""
    for place in range(0, len(header), CARD):
        text = header[place : place + CARD]
        if text.startswith(b"CONTINUE") and held:
            held += text
            continue
        if held:
            yield held
        held = text
        if text.startswith(b"END     "):
            return
    if held:
        yield held


def header_end(data: bytes) -> int:
    """Return how many bytes the first header takes, 0 where its END is not among these.

    Parameters
    ----------
    data : bytes
        First bytes of a file.
    """
    # A block is 36 cards, so that END can only begin at a multiple of 80 (FITS 4.0, 3.3.1).
    place = data.find(b"END     ")
    while place >= 0 and place % CARD:
        place = data.find(b"END     ", place + 1)
    if place < 0 or place + CARD > len(data):
        return 0
    return min(place - place % BLOCK + BLOCK, len(data))


def image_header_end(data: bytes) -> int:
    """Return where the header of the first image ends, 0 where its END is not among these.

    That is the first header, or of a primary HDU without pixels the one behind it.

    Parameters
    ----------
    data : bytes
        First bytes of a file.
    """
    end = header_end(data)
    axes = next((line for line in cards(data[:end]) if line.startswith(b"NAXIS   =")), b"")
    if axes[10:30].strip() != b"0":
        return end
    second = header_end(data[end:])
    return end + second if second else 0


def keyword(text: bytes) -> str:
    """Return the keyword of one card as astropy spells it: without `HIERARCH`.

    Parameters
    ----------
    text : bytes
        Card of 80 bytes.
    """
    if text.startswith(b"HIERARCH"):
        return text[8:].split(b"=", 1)[0].decode("latin-1").strip()
    return text[:8].decode("latin-1").strip()


def pad(data: bytes, fill: bytes = b"\0") -> bytes:
    """Return bytes filled up to whole blocks.

    Parameters
    ----------
    data : bytes
        Bytes of any number.
    fill : bytes
        Byte to fill up with.
    """
    return data + fill * (-len(data) % BLOCK)


def padded(size: int) -> int:
    """Return the size of the whole blocks that hold a number of bytes.

    Parameters
    ----------
    size : int
        Number of bytes.
    """
    return -(-size // BLOCK) * BLOCK


def header(lines: Iterable[bytes]) -> bytes:
    """Return a header of whole blocks without checksums.

    Parameters
    ----------
    lines : iterable of bytes
        All cards, in order, without END.
    """
    return pad(b"".join(lines) + b"END".ljust(CARD), b" ")


def with_values(head: bytes, values: Mapping[str, Value | None]) -> bytes:
    """Return a header with other values of some cards, each where it was, new ones at the end.

    Parameters
    ----------
    head : bytes
        Header of whole blocks.
    values : mapping of str to value
        Keywords of at most eight characters, and their values; None removes a card.
    """
    left = dict(values)
    lines = []
    for line in cards(head):
        name = keyword(line)
        if name == "END":
            break
        if name not in values:
            lines.append(line)
        elif (value := left.pop(name, None)) is not None:
            lines.append(card(name, value))
    lines += [card(name, value) for name, value in left.items() if value is not None]
    return header(lines)


def datasum(data: bytes | memoryview) -> int:
    """Return the 32-bit ones-complement sum of whole blocks, as DATASUM holds it.

    Parameters
    ----------
    data : bytes or memoryview
        Whole blocks of 2880 bytes.
    """
    import numpy as np

    return folded(int(np.frombuffer(data, ">u4").sum(dtype=np.uint64)))


def sealed(lines: Iterable[bytes], data_sum: int) -> bytes:
    """Return a header of whole blocks that ends in DATASUM and CHECKSUM.

    Parameters
    ----------
    lines : iterable of bytes
        All other cards, in order, without END.
    data_sum : int
        Sum of the data that follow, from `datasum`.

    References
    ----------
    FITS standard 4.0, appendix J.
    """
    body = b"".join(lines) + card("DATASUM", str(data_sum), "data unit checksum")
    # Sixteen zeros are the encoding of 0: with the sum in their place the total grows by that
    # number. CHECKSUM makes the sum of the whole HDU minus zero, all bits set.
    empty = body + card("CHECKSUM", "0" * 16, "HDU checksum") + b"END".ljust(CARD)
    header = pad(empty, b" ")
    total = folded(datasum(header) + data_sum)
    value = len(body) + len("CHECKSUM= '")
    return header[:value] + _encoded(~total & 0xFFFFFFFF) + header[value + 16 :]


def folded(total: int) -> int:
    """Return a sum with its carries added at the low end, in 32 bits.

    Parameters
    ----------
    total : int
        Sum of words of 32 bits.
    """
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encoded(value: int) -> bytes:
    """Write a 32-bit number as 16 letters and digits whose sum is that number."""
    columns = [[0] * 4 for _ in range(4)]
    for place, byte in enumerate(value.to_bytes(4, "big")):
        quotient, remainder = divmod(byte, 4)
        letters = [quotient + 0x30] * 4
        letters[0] += remainder
        # One letter up and its neighbour down keeps the sum of the four, which is the byte.
        while any(_is_punctuation(letter) for letter in letters):
            for first in (0, 2):
                if any(_is_punctuation(letter) for letter in letters[first : first + 2]):
                    letters[first] += 1
                    letters[first + 1] -= 1
        columns[place] = letters
    text = bytes(columns[place][row] for row in range(4) for place in range(4))
    # The value begins three bytes into a word (byte 12 of a card): turned by one, it is aligned.
    return text[-1:] + text[:-1]


def _is_punctuation(letter: int) -> bool:
    return 0x3A <= letter <= 0x40 or 0x5B <= letter <= 0x60
