"""Three sums on one grid are a picture in colours, or one line says why not."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

from awe.errors import ArgumentError, FileTaken, WrongShape
from tests.recipes.conftest import CHIPS, TEMPLATE, run
from tests.recipes.test_coadd import FEW


@pytest.fixture
def sums(regridded):
    """All chips in one sum, and one chip alone."""
    (whole,) = run("Coadd", template=TEMPLATE, commit=True, pars=FEW)
    (part,) = run("Coadd", template=TEMPLATE, chip=CHIPS[0], commit=True, pars=FEW)
    return whole, part


def test_three_sums_on_one_grid_are_a_picture_in_colours(sums, tmp_path, capsys):
    whole, part = sums
    path = tmp_path / "field.png"
    picture = whole.colour_picture(part, whole, path)
    assert picture.shape == (part.NAXIS2, part.NAXIS1, 3)
    assert picture.dtype == np.uint8
    assert f"{path}: {part.NAXIS1} x {part.NAXIS2} pixels" in capsys.readouterr().out
    # the first row of the file is the upper one, of the array the lowest
    shown = np.rint(imread(path)[::-1, :, :3] * 255).astype(np.uint8)
    assert np.array_equal(shown, picture)
    # light that is the same in all three is grey, where it is in its place
    light = np.nan_to_num(part.data)
    bright = light > 30 * part.background_noise
    assert bright.sum() > 20
    red, green, blue = (picture[..., colour][bright].astype(float) for colour in range(3))
    assert np.array_equal(red, blue)
    assert np.median(np.abs(green - red)) <= 0.03 * np.median(red)
    assert np.median(picture[~bright]) < np.median(red) / 2


    _refused(whole, part, tmp_path)


def _refused(whole, part, tmp_path):
    """What is no picture is said in one line."""
    from awe.model.regridded import RegriddedFrame

    (tmp_path / "there.png").write_bytes(b"")
    with pytest.raises(FileTaken, match="choose another name"):
        whole.colour_picture(part, whole, tmp_path / "there.png")
    with pytest.raises(ArgumentError, match="written as PNG"):
        whole.colour_picture(part, whole, tmp_path / "field.jpg")
    with pytest.raises(ArgumentError, match="cannot be written"):
        whole.colour_picture(part, whole, tmp_path / "nowhere" / "field.png")
    with pytest.raises(ArgumentError, match="expected numbers above 0"):
        whole.colour_picture(part, whole, stretch=0)
    single = RegriddedFrame.select_all()[0]
    with pytest.raises(ArgumentError, match=f"{single.filename}: expected a Coadded"):
        whole.colour_picture(single, whole)
    with pytest.raises(ArgumentError, match="ndarray: expected a Coadded"):
        whole.colour_picture(np.zeros((3, 3)), whole)
    target = whole.grid_target
    run("Regrid", template=TEMPLATE, chip=CHIPS[0], commit=True, grid_ra=target.ra,
        grid_dec=target.dec, grid_pixelscale=2 * target.pixelscale)  # fmt: skip
    (other,) = run("Coadd", template=TEMPLATE, chip=CHIPS[0], pars=FEW)
    with pytest.raises(WrongShape, match="the same gra, gdec and gps"):
        whole.colour_picture(part, other)
