"""What the data are: the persistent classes of raw frames, calibrations and products."""
