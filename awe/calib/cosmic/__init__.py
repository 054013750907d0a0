"""Cosmic-ray hits: finding them without taking the cores of stars for hits."""
