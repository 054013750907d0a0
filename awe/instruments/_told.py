"""What a person says of a camera on the command line, checked."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from awe.errors import ArgumentError

__all__ = ["checked_scale", "checked_zone"]


def checked_zone(name: str) -> str:
    """Return the name of a time zone.

    Raises
    ------
    ArgumentError
        There is no such time zone.
    """
    try:
        return ZoneInfo(name).key
    except (OSError, ValueError, KeyError) as problem:
        msg = f"--time-zone {name}: expected a time zone such as Africa/Johannesburg"
        raise ArgumentError(msg) from problem


def checked_scale(value: float) -> float:
    """Return the size of a pixel on the sky [arcsec].

    Raises
    ------
    ArgumentError
        It is not above 0, or too large.
    """
    if not 0 < value < 3600:
        msg = f"--pixel-scale {value}: expected arcsec a pixel, above 0 and below 3600"
        raise ArgumentError(msg)
    return value
