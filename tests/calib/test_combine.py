from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.stats import mad_std, sigma_clip

from awe.calib.combine import Method, Noise, combine
from awe.errors import NoValidPixels, ParameterError, WrongShape


def make(n, seed=0, shape=(60, 700), hits=0.01):
    rng = np.random.default_rng(seed)
    cube = rng.normal(250, 4, (n, *shape))
    cube[rng.random(cube.shape) < hits] += 400
    return [np.rint(frame).astype(np.uint16) for frame in cube]


def astropy_kept(frames, sigma, stdfunc):
    cube = np.array(frames, np.float64)
    return sigma_clip(
        cube, sigma=sigma, maxiters=None, cenfunc="median", stdfunc=stdfunc, axis=0
    )


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 8, 10, 15])
@pytest.mark.parametrize(("method", "stdfunc"), [(Method.STD, "std"), (Method.MAD, "mad_std")])
def test_the_same_values_enter_as_in_astropy(n, method, stdfunc):
    frames = make(n)
    ours = combine(frames, method=method, sigma=3.0, count=True)
    theirs = astropy_kept(frames, 3.0, stdfunc)
    assert (ours.used == (~theirs.mask).sum(axis=0)).all()
    np.testing.assert_allclose(ours.image, theirs.mean(axis=0).filled(np.nan), rtol=1e-6)


@pytest.mark.parametrize("n", [3, 4, 10])
def test_fixed_noise_rejects_as_astropy_with_the_same_sigma(n):
    frames = make(n)
    ours = combine(frames, method=Method.FIXED, sigma=3.0, noise=Noise(constant=16.0), count=True)
    theirs = sigma_clip(
        np.array(frames, np.float64), sigma=3.0, maxiters=None, axis=0,
        cenfunc=lambda a, axis: np.nanmedian(a, axis=axis),
        stdfunc=lambda a, axis: np.full(a.shape[1:], 4.0),
    )
    assert (ours.used == (~theirs.mask).sum(axis=0)).all()


def test_mean_and_median_are_those_of_numpy_with_non_finite_values():
    rng = np.random.default_rng(3)
    cube = rng.normal(0, 1, (7, 40, 300)).astype(np.float32)
    cube[rng.random(cube.shape) < 0.1] = np.nan
    cube[:6, 3, 3] = np.inf
    cube[:, 5, 5] = np.nan
    finite = np.where(np.isfinite(cube), cube, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, median = np.nanmean(finite, axis=0), np.nanmedian(finite, axis=0)
    np.testing.assert_allclose(combine(list(cube), method=Method.MEAN).image, mean, atol=1e-6)
    np.testing.assert_array_equal(combine(list(cube), method=Method.MEDIAN).image, median)
    assert np.isnan(combine(list(cube), method=Method.MEAN).image[5, 5])


@pytest.mark.parametrize("n", [5, 10, 20])
def test_a_hit_among_few_is_rejected_and_the_noise_falls_as_the_root(n):
    rng = np.random.default_rng(n)
    frames = [rng.normal(250, 4, (300, 512)).astype(np.float32) for _ in range(n)]
    frames[0][::7, ::7] += 400
    image = combine(frames, method=Method.FIXED, sigma=5.0, noise=Noise(constant=16.0)).image
    assert abs(image[::7, ::7].mean() - 250) < 0.2
    assert image.std() * np.sqrt(n) / 4 == pytest.approx(1.0, abs=0.03)


def test_two_values_that_contradict_each_other_keep_the_lower():
    pair = [np.full((4, 4), 250.0), np.full((4, 4), 900.0)]
    result = combine(pair, method=Method.FIXED, sigma=5.0, noise=Noise(constant=16.0), count=True)
    assert (result.image == 250).all()
    assert (result.used == 1).all()
    assert result.rejected_fraction == 0.5


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10])
def test_frames_of_equal_noise_and_weight_give_what_one_noise_gives(n):
    frames = make(n)
    how = {"method": Method.FIXED, "sigma": (3.0, 2.5), "count": True}
    one = combine(frames, noise=Noise(constant=4.0, slope=0.05), **how)
    each = combine(frames, noise=[Noise(constant=4.0, slope=0.05)] * n, weights=[3.0] * n, **how)
    # where several leave they leave one by one, so that two camps do not empty a pixel
    alike = one.used >= n - 1
    assert alike.mean() > 0.9
    np.testing.assert_array_equal(each.used[alike], one.used[alike])
    np.testing.assert_array_equal(each.rejected_low[alike], one.rejected_low[alike])
    np.testing.assert_allclose(each.image[alike], one.image[alike], rtol=3e-7)
    assert (each.used > 0).all()


def test_of_two_camps_of_frames_of_unequal_noise_the_lower_stays():
    frames = [np.full((4, 4), value, np.float32) for value in (1.0, 1.5, 1.0, 1.6)]
    noises = [Noise(constant=one**2) for one in (0.01, 0.02, 0.04, 0.03)]
    result = combine(
        frames, method=Method.FIXED, sigma=3.0, noise=noises, weights=[8, 4, 2, 1], count=True
    )
    assert (result.used == 2).all()
    np.testing.assert_allclose(result.image, 1.0)


def test_offsets_bias_and_scales_apply_in_that_order_and_inputs_stay():
    frames = make(4, shape=(70, 50))
    before = [frame.copy() for frame in frames]
    offsets = [
        np.arange(70, dtype=np.float32)[:, None], np.full((1, 1), 5, np.float32),
        np.arange(50, dtype=np.float32)[None, :], np.zeros((1, 1), np.float32),
    ]
    bias = np.linspace(0, 9, 3500, dtype=np.float32).reshape(70, 50)
    scales = [1.0, 2.0, 0.5, 0.25]
    ours = combine(
        frames, method=Method.MEAN, offsets=offsets, subtract=bias, scales=scales
    )
    cube = [(f - o - bias) * s for f, o, s in zip(frames, offsets, scales, strict=True)]
    np.testing.assert_allclose(ours.image, np.mean(cube, axis=0), rtol=2e-6)
    assert all((a == b).all() for a, b in zip(frames, before, strict=True))


def test_big_endian_files_need_no_conversion():
    frames = make(5)
    swapped = [frame.astype(">u2") for frame in frames]
    a = combine(frames, method=Method.STD, sigma=3.0).image
    np.testing.assert_array_equal(a, combine(swapped, method=Method.STD, sigma=3.0).image)


def test_refusals():
    with pytest.raises(NoValidPixels, match="empty"):
        combine([], method=Method.MEAN)
    with pytest.raises(WrongShape, match="one two-dimensional shape"):
        combine([np.zeros((2, 2)), np.zeros((2, 3))], method=Method.MEAN)
    with pytest.raises(ParameterError, match="noise"):
        combine([np.zeros((2, 2))], method=Method.FIXED, sigma=3.0)
    with pytest.raises(ParameterError, match="255"):
        combine([np.zeros((2, 2))] * 256, method=Method.MEAN)
    pair, one = [np.zeros((2, 2))] * 2, Noise(constant=1.0)
    with pytest.raises(ParameterError, match="belong to method FIXED, not MEAN"):
        combine(pair, method=Method.MEAN, weights=[1.0, 2.0])
    with pytest.raises(WrongShape, match="2 frames need as many noises and weights, found 3"):
        combine(pair, method=Method.FIXED, sigma=3.0, noise=[one] * 3)
    with pytest.raises(WrongShape, match="found 2 and 1"):
        combine(pair, method=Method.FIXED, sigma=3.0, noise=one, weights=[1.0])
    for wrong in ([1.0, 0.0], [1.0, -1.0], [1.0, np.nan]):
        with pytest.raises(ParameterError, match="finite and above zero"):
            combine(pair, method=Method.FIXED, sigma=3.0, noise=one, weights=wrong)


def test_mad_std_is_the_scale_astropy_uses():
    values = np.arange(9.0)
    frames = [np.full((1, 1), v) for v in values]
    limit = 2.0 * mad_std(values)
    kept = (np.abs(values - 4) <= limit).sum()
    assert combine(frames, method=Method.MAD, sigma=2.0, count=True).used[0, 0] == kept
