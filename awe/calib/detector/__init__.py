"""The detector: sections, overscan, trimming, bias, gain, saturation, and pixels that are bad."""
