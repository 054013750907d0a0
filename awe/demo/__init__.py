"""Simulated nights: a sky, a camera, and the raw frames of the tutorial, with their truth."""
