"""Calibration kernels: arrays and numbers in, arrays and frozen dataclasses out."""
