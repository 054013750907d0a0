"""The awe prompt: query CCD frames, choose calibrations, run recipes, look at the result."""

__all__ = ["__version__"]

__version__ = "0.1.0"
