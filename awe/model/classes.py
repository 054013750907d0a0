"""Loads every module that declares persistent classes, once."""

from __future__ import annotations

import importlib

from awe.db.declare import registry

__all__ = ["MODULES", "load"]

MODULES = ("statistics", "observing", "recipe", "parameters", "raw", "calibrations",
           "science", "regridded", "comment", "sources", "photparameters", "astrometry",
           "associations", "photometry")  # fmt: skip


def load() -> None:
    """Import all class modules, so that the registry, schema and prompt are complete."""
    for name in MODULES:
        importlib.import_module(f"awe.model.{name}")


registry.completed_by(load)
