"""Combining frames pixel by pixel, with rejection and weights."""
