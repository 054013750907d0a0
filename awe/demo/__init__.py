"""Simulated nights: a sky, a camera, and the raw frames of the tutorial, with their truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.demo.exposures import Night, write_night
    from awe.demo.sky import (
        Detector,
        Effects,
        Field,
        SimulatedExposure,
        Truth,
        make_detector,
        make_field,
        simulate,
    )

__all__ = [
    "Detector",
    "Effects",
    "Field",
    "Night",
    "SimulatedExposure",
    "Truth",
    "make_detector",
    "make_field",
    "simulate",
    "write_night",
]

face(__name__)
