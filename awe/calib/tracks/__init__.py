"""Tracks of satellites and aircraft across a frame."""
