"""Every product judges itself, compares itself with its predecessor and draws its plot."""

from pathlib import Path

import numpy as np
import pytest

CHIP = "ESO_CCD_#65"


def run(name, **arguments):
    from awe import recipes

    return recipes.find(name)(instrument="OMEGACAM", chip=CHIP, commit=True, **arguments).execute()


def test_every_class_that_recipes_make_can_verify_compare_and_plot():
    from awe import recipes
    from awe.db.declare.registry import registry
    from awe.model.classes import load
    from awe.model.parameters import parameters_class
    from awe.rules import quality

    load()
    made = {name for one in recipes.available() for name in recipes.find(one).makes}
    limits = {check.parameter for check in quality.CHECKS} | {"MAXIMUM_DEVIATION"}
    for name in sorted(made):
        for method in ("verify", "compare", "plot"):
            assert callable(getattr(registry[name], method)), f"{name} has no {method}()"
        declared = parameters_class(registry[name]._attribute("process_params").target.product)
        assert limits & set(declared.declarations), f"{name} declares no limit"


def test_products_are_plotted_without_a_display(calibrated, monkeypatch, capsys):
    from awe.inspect import backend
    from awe.model import calibrations as calfiles
    from awe.prompt import figures

    monkeypatch.setattr(backend, "screen", lambda: backend.Screen.FILE)
    where = {"instrument": "OMEGACAM", "date": calibrated.date, "chip": CHIP}
    products = [
        calfiles.BiasFrame.select(**where),
        calfiles.ReadNoise.select(**where),
        calfiles.HotPixelMap.select(**where),
        calfiles.MasterFlatFrame.select(**where, filter="OCAM_r_SDSS"),
        calfiles.IlluminationCorrection(
            chip=calibrated.chips[0], degree=1, coefficients=[0.0, 0.1, 0.2, 0.0], stars=40,
            rms=0.01,
        ),
        run("Reduce", template=calibrated.template.start)[0],
    ]
    from matplotlib import pyplot as plt

    for product in products:
        capsys.readouterr()
        figure = product.plot()
        path = capsys.readouterr().out.rsplit(": ", 1)[1].strip()
        assert Path(path).read_bytes()[:4] == b"\x89PNG"
        assert len(figure.axes) >= 1
        assert figures.waiting() == ""
        plt.close(figure)
    figure = products[0].plot("bias.pdf")
    plt.close(figure)


def test_plots_say_units_verdict_and_limits(calibrated):
    from matplotlib import pyplot as plt

    from awe.model import calibrations as calfiles
    from awe.model.mixins import QualityFlag

    where = {"instrument": "OMEGACAM", "date": calibrated.date, "chip": CHIP}

    def drawn(product):
        figure = product.plot("plot.png")
        plt.close(figure)
        axes = figure.axes
        legends = [axis.get_legend() for axis in axes if axis.get_legend() is not None]
        words = [figure.get_suptitle()]
        words += [text for axis in axes for text in (axis.get_xlabel(), axis.get_ylabel())]
        words += [axis.get_title() for axis in axes]
        words += [text.get_text() for legend in legends for text in legend.get_texts()]
        return figure, "\n".join(words)

    bias = calfiles.BiasFrame.select(**where)
    _, words = drawn(bias)
    assert bias.filename in words
    assert "quality_flags 0: fine" in words
    assert "median [ADU]" in words
    assert "pixel value [ADU], red: limits of the mean" in words
    figure, words = drawn(calfiles.HotPixelMap.select(**where))
    assert "2 of 30720 pixels bad (0.01%, at most 1.00% allowed)" in words
    [dots] = figure.axes[0].get_lines()
    places = {(int(x), int(y)) for x, y in dots.get_xydata()}
    assert places == {(column + 1, row + 1) for row, column in calibrated.hot}
    _, words = drawn(calfiles.DomeFlatFrame.select(**where, filter="OCAM_r_SDSS"))
    assert "pixel value [relative to 1]" in words
    assert "limits" not in words
    run("ReadNoise", date=calibrated.date)
    noise = calfiles.ReadNoise.select(**where)
    _, words = drawn(noise)
    assert f"this one: {noise.read_noise:.4g}" in words
    assert "largest allowed: 5" in words
    assert "read_noise [ADU]" in words
    pars = {"BiasFrame.process_params.MINIMUM_INPUTS": 9}
    [poor] = run("Bias", date=calibrated.date, pars=pars)
    assert f"quality_flags 8: {QualityFlag.FEW_INPUTS.name}" in drawn(poor)[1]


def test_verify_gives_later_what_it_gave_when_the_product_was_made(calibrated):
    from awe.model.mixins import QualityFlag
    from awe.model.raw import RawDomeFlatFrame, RawScienceFrame

    dim = calibrated.raw(np.full(calibrated.shape, 9000.0))
    at = calibrated.template.start
    lamp = calibrated.put(RawDomeFlatFrame, dim, at)
    white = calibrated.put(RawScienceFrame, np.full_like(dim, 65535), at)
    [check] = run("QuickCheck", raw_filenames=[lamp.filename])
    [empty] = run("Reduce", raw_filenames=[white.filename])
    for product, flags in (
        (check, QualityFlag.LEVEL), (empty, QualityFlag.EMPTY | QualityFlag.SATURATED)
    ):  # fmt: skip
        assert product.quality_flags == flags
        [stored] = type(product).filename == product.filename
        assert stored.verify() == flags
        assert stored.quality_flags == flags


def test_a_dark_frame_is_judged_as_its_dark_current_is(calibrated):
    import datetime

    from awe.errors import NoCalibration
    from awe.model.calibrations import DarkFrame
    from awe.model.mixins import QualityFlag
    from awe.model.raw import RawDarkFrame

    at = datetime.datetime(2012, 5, 31, 22)
    pixels = [calibrated.raw(np.full(calibrated.shape, 40.0)) for _ in range(4)]
    for number, one in enumerate(pixels):
        for hit in range(5):
            one[20 + 30 * number, 30 + 30 * hit : 33 + 30 * hit] += 900
    names = [calibrated.put(RawDarkFrame, one, at, exposure=600.0).filename for one in pixels]
    cut = calibrated.put(RawDarkFrame, pixels[0], at, spoil=lambda text: text[:9000])
    [dark] = run("Dark", raw_filenames=[*names, cut.filename])
    assert dark.quality_flags == dark.dark.quality_flags == QualityFlag.LEVEL
    area = 160 * 192 * 15e-4**2
    assert dark.particle_rate == pytest.approx(20 / (area * 40), rel=0.02)
    assert dark.rejected_inputs().keys() == dark.dark.rejected_inputs().keys() == {cut.filename}
    assert dark.dark.header["AWE REJ1 FILE"] == cut.filename
    with pytest.raises(NoCalibration, match="LEVEL"):
        DarkFrame.select(instrument="OMEGACAM", date=calibrated.date, chip=CHIP)


def test_a_product_that_left_its_predecessor_behind_is_flagged(calibrated):
    from awe.model.mixins import QualityFlag

    pars = {"BiasFrame.process_params.MAXIMUM_STDEV_DIFFERENCE": 0.0}
    [second] = run("Bias", date=calibrated.date, pars=pars)
    found = second.compare()
    assert set(found) == {"imstat.median", "imstat.stdev"}
    change = found["imstat.stdev"]
    assert change.value == pytest.approx(change.previous, rel=0.01)
    assert second.quality_flags == 0
    from awe.model.raw import RawBiasFrame

    names = [raw.filename for raw in RawBiasFrame.chip.name == CHIP][:4]
    [third] = run("Bias", raw_filenames=names, pars=pars)
    assert third.quality_flags == QualityFlag.CHANGED


def test_two_reductions_of_one_frame_are_compared(calibrated):
    template = calibrated.template.start
    [first, _] = run("Reduce", template=template)
    assert first.compare() == {}
    [again, _] = run("Reduce", template=template)
    change = again.compare()["imstat.median"]
    assert change.value == change.previous
    assert np.isfinite(change.value)


def test_results_show_their_names_and_numbers(shared, capsys):
    from awe.model.calibrations import BiasFrame
    from awe.model.mixins import QualityFlag

    bias = (BiasFrame.chip.name == CHIP)[0]
    assert repr(bias.verify()) == "0 (fine)"
    both = QualityFlag.INCOMPLETE | QualityFlag.NOISE
    assert repr(both) == f"{2 + 4096} (NOISE | INCOMPLETE)"
    assert f"{bias.imstat.median:.6g}" in repr(bias.imstat)
    assert str(bias.imstat.object_id)[:8] not in repr(bias.imstat)
    bias.info()
    [line] = [one for one in capsys.readouterr().out.splitlines() if one.startswith("shows")]
    assert "binning=1 x 1" in line
    assert "[pixel]" in line
    assert "amplifiers" not in line


def test_who_asks_for_the_next_morning_is_told_the_evening(shared):
    from awe.errors import NotFound

    for date in ("2012-06-01", "2012-05-29"):
        with pytest.raises(NotFound, match="frames are of the night 2012-05-31: date is"):
            run("Bias", date=date)
    with pytest.raises(NotFound, match="check the night"):
        run("Reduce", date="2012-06-01", object="NOBODY")


def cmos_dark(seed, *, glow=2.0, half=1.0, shape=(256, 256)):
    """Pixels of a master dark [ADU/s] of five frames of 300 s, 1 e/ADU and 1.5 electrons."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    rate = 0.02 + glow * np.exp(-np.hypot(x - shape[1], y - shape[0] / 2) / 40)
    rate[:, : shape[1] // 2] *= half
    rate = rate * random.normal(1, 0.02, shape)
    # one in five hundred is hot
    hot = random.random(shape) < 0.002
    rate[hot] += random.exponential(5.0, int(hot.sum()))
    counts = random.poisson(rate * 1500.0) + random.normal(0, 1.5 * 5**0.5, shape)
    return (counts / 1500.0).astype(np.float32)


def dark_of(camera):
    from awe.model.calibrations import DarkFrame
    from awe.model.observing import Chip, Instrument
    from awe.model.raw import RawDarkFrame

    parameters = DarkFrame._attributes["process_params"].target.make(camera, {})
    return DarkFrame(
        instrument=Instrument(name=camera), chip=Chip(name=f"{camera}_1"),
        raw_dark_frames=[RawDarkFrame(EXPTIME=300.0) for _ in range(5)],
        process_params=parameters,
    )  # fmt: skip


@pytest.fixture
def cmos(tmp_path, monkeypatch):
    """A CMOS camera in a text file."""
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "glowing.toml").write_text(
        'name = "GLOWING"\npixel_scale = 1.0\nsite.utc_offset = 0.0\n'
        '[chip]\nname = "GLOWING_1"\nsize = [256, 256]\ngain = 1.0\nread_noise = 1.5\n'
        'bias_level = 500.0\n[filters]\nL = "GLOWING_L"\n'
        '[cards]\nDATE_OBS = "DATE-OBS"\nEXPTIME = "EXPTIME"\nfilter = "FILTER"\n'
        '[[purpose]]\nis = "bias"\n'
    )
    return "GLOWING"


@pytest.mark.parametrize("number", range(10))
def test_glow_of_amplifiers_is_no_fault_of_a_dark(cmos, number):
    """Darks of cameras with more and less glow, whose halves differ or not."""
    from awe.rules import quality

    dark = dark_of(cmos)
    random = np.random.default_rng(number)
    for seed in range(15):
        glow, half = 10 ** random.uniform(-2, 0.6), random.uniform(0.3, 3.0)
        pixels = cmos_dark(1000 * number + seed, glow=glow, half=half, shape=(128, 128))
        assert quality.verify(dark, pixels) == 0, (seed, glow, half)


@pytest.mark.parametrize("fault", ["half is dead", "a disturbed corner", "columns", "light"])
def test_what_is_wrong_with_a_dark_of_a_glowing_camera_is_seen(cmos, fault):
    from awe.rules import quality

    pixels = cmos_dark(5, glow=0.6)
    if fault == "half is dead":
        pixels[:, :128] = 0.0
    elif fault == "a disturbed corner":
        pixels[:64, :64] += np.random.default_rng(6).normal(0, 0.05, (64, 64))
    elif fault == "columns":
        pixels[:, ::18] += 3.0
    else:
        pixels[100:] += 20.0
    assert quality.verify(dark_of(cmos), pixels) != 0
