"""Reduce finds a bright flashing track on a file and leaves the pixels between its flashes."""

import numpy as np


def test_a_bright_flashing_track_is_found_in_a_file_and_nothing_between_its_flashes(calibrated):
    from awe import recipes
    from awe.model.raw import RawScienceFrame

    light = calibrated.sky()
    y, x = np.ogrid[: calibrated.shape[0], : calibrated.shape[1]]
    # 30 sigma of the sky at its middle, lit on 30 of 56 pixels
    across, along = (y - 145 + 0.25 * x) / np.hypot(1, 0.25), (x - 0.25 * y) / np.hypot(1, 0.25)
    phase = (along + 10) % 56
    track = 450 * np.exp(-0.5 * (across / 1.8) ** 2) * (phase < 30)
    raw = calibrated.put(
        RawScienceFrame, calibrated.raw(light + track), calibrated.template.start
    )
    task = recipes.find("Reduce")
    [red] = task(
        instrument="OMEGACAM", raw_filenames=[raw.filename], chip="ESO_CCD_#65"
    ).execute()
    [found] = red.weight.satellite.tracks
    crossed = red.weight.satellite.data == 0
    assert crossed[track > 150].mean() > 0.9
    # in the middle of the 26 dark pixels there is nothing
    assert not crossed[(abs(across) < 3) & (abs(phase - 43) < 2)].any()
    assert found.brightness > 300
