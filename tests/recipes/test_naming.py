"""Any calibration of any recipe can be named, and whoever did it is recorded."""

import datetime

import numpy as np
import pytest

from awe import recipes
from awe.context import context
from awe.errors import ArgumentError, NoCalibration, NotFound, WrongShape
from awe.model.calibrations import BiasFrame, DomeFlatFrame, HotPixelMap, ReadNoise
from awe.model.raw import RawDarkFrame, RawDomeFlatFrame, RawScienceFrame
from tests.recipes.conftest import run

CHIP = "ESO_CCD_#65"
FILTER = "OCAM_r_SDSS"
MORNING = datetime.datetime(2012, 5, 31, 21)


def masters(night):
    """Make every calibration of the chip a second time; return the older of each class."""
    old = {}
    dark = np.zeros(night.shape)
    for number in range(5):
        night.put(RawDarkFrame, night.raw(dark), MORNING + datetime.timedelta(minutes=number))
        night.put(
            RawDomeFlatFrame, night.raw(dark + 4000.0 * (number + 1)),
            MORNING + datetime.timedelta(minutes=20 + number), exposure=1.0 + number,
        )  # fmt: skip
    day = {"date": night.date, "chip": CHIP, "commit": True}
    for name in ("ReadNoise", "Bias", "HotPixels", "Dark"):
        [old[name]] = run(name, **day)
    for name in ("DomeFlat", "ColdPixels", "TwilightFlat", "MasterFlat"):
        [old[name]] = run(name, **day, filter=FILTER)
    return old


#: recipe -> short names it takes, and the recipe that makes each
ROLES = {
    "Bias": {"read_noise": "ReadNoise"},
    "HotPixels": {"bias": "Bias"},
    "Dark": {"bias": "Bias", "read_noise": "ReadNoise"},
    "DomeFlat": {"bias": "Bias", "hot": "HotPixels"},
    "ColdPixels": {"flat": "DomeFlat"},
    "TwilightFlat": {"bias": "Bias", "hot": "HotPixels", "cold": "ColdPixels"},
    "MasterFlat": {"dome": "DomeFlat", "twilight": "TwilightFlat", "cold": "ColdPixels"},
    "QuickCheck": {"bias": "Bias", "flat": "DomeFlat"},
    "Background": {"bias": "Bias", "flat": "MasterFlat", "hot": "HotPixels"},
    "Reduce": {
        "bias": "Bias", "flat": "MasterFlat", "hot": "HotPixels", "cold": "ColdPixels",
        "dark": "Dark", "read_noise": "ReadNoise",
    },
}  # fmt: skip
#: looked for, and not linked to
UNLINKED = {("Dark", "read_noise"), ("Background", "hot")}


def test_every_calibration_of_every_recipe_can_be_named(calibrated):
    old, new = masters(calibrated), masters(calibrated)
    raw = (RawScienceFrame.chip.name == CHIP).min("DATE_OBS").filename
    dome = (RawDomeFlatFrame.chip.name == CHIP).min("DATE_OBS").filename
    where = {"Reduce": {"raw_filenames": [raw]}, "Background": {"raw_filenames": [raw]},
             "QuickCheck": {"raw_filenames": [dome]}}  # fmt: skip
    for recipe, roles in ROLES.items():
        place = where.get(recipe, {"date": calibrated.date, "chip": CHIP})
        named = {short: told(old[of], short) for short, of in roles.items()}
        if "filter" in {argument.name for argument in recipes.find(recipe).arguments}:
            place = {**place, "filter": FILTER}
        [product] = run(recipe, **place, **named)
        for short, of in roles.items():
            used = old[of].dark if short == "dark" else old[of]
            if (recipe, short) in UNLINKED:
                assert product.consulted[type(used).__name__] == str(used.object_id)
                assert product.choices[type(used).__name__] == "by hand: AWSCIENTIST"
            else:
                assert getattr(product, short) == used, (recipe, short)
                assert product.choices[short] == "by hand: AWSCIENTIST"
                assert "by hand: AWSCIENTIST" in str(product.why(short))
        kinds = [reason.kind for reason in product.why_stale()]
        assert "newer calibration" not in kinds, (recipe, product.why_stale())
        again = product.remake()
        assert again.choices == product.choices
        [today] = run(recipe, **place)
        assert today.choices.get("bias", "validity") == "validity"
    assert new["Bias"] != old["Bias"]


def told(item, short):
    if short == "dark":
        return item.dark.filename
    return str(item.object_id) if short == "read_noise" else item.filename


def test_a_named_calibration_is_kept_in_the_lineage_and_asked_for_by_skip(calibrated):
    where = {"date": calibrated.date, "chip": CHIP, "filter": FILTER}
    [old] = BiasFrame.chip.name == CHIP
    run("Bias", date=calibrated.date, chip=CHIP, commit=True)
    [flat] = run("DomeFlat", **where, bias_filename=old.filename, commit=True)
    assert flat.bias == old
    assert flat.header["AWE CHOICE BIAS"] == "by hand: AWSCIENTIST"
    assert old.filename in str(flat.lineage())
    [same] = run("DomeFlat", **where, bias_filename=old.filename, skip=True, commit=True)
    assert same == flat
    [other] = run("DomeFlat", **where, skip=True, commit=True)
    assert other != flat
    assert np.array_equal(flat.remake(exact=True).data, flat.data, equal_nan=True)


def test_what_cannot_be_used_is_refused_in_one_line(calibrated):
    where = {"date": calibrated.date, "chip": CHIP, "filter": FILTER}
    [bias] = BiasFrame.chip.name == CHIP
    [other] = BiasFrame.chip.name == "ESO_CCD_#66"
    [hot] = HotPixelMap.chip.name == CHIP
    [dome] = DomeFlatFrame.chip.name == CHIP
    raw = dome.raw_dome_flat_frames[0].filename
    cases = [
        (NotFound, f"{hot.filename} is a HotPixelMap, bias_filename expects a BiasFrame",
         {"bias_filename": hot.filename}),
        (NotFound, f"{raw} is a RawDomeFlatFrame, hot_filename expects a HotPixelMap",
         {"hot": raw}),
        (NotFound, "no HotPixelMap 'nothing.fits' is visible to you", {"hot": "nothing.fits"}),
        (WrongShape, "is for chip ESO_CCD_#66", {"bias": other.filename}),
        (ArgumentError, "given twice", {"bias": bias.filename, "bias_filename": bias.filename}),
    ]  # fmt: skip
    for kind, text, named in cases:
        with pytest.raises(kind, match=text.replace("#", r"\#")) as said:
            run("DomeFlat", **where, **named)
        assert "\n" not in str(said.value)
    with pytest.raises(NotFound, match="no ReadNoise with the object_id 'x'"):
        run("Bias", date=calibrated.date, chip=CHIP, read_noise_id="x")
    context.update_is_valid(hot, 0)
    with pytest.raises(NoCalibration, match="is not sound"):
        run("DomeFlat", **where, hot=hot.filename)
    [noise] = ReadNoise.chip.name == CHIP
    assert run("Bias", date=calibrated.date, chip=CHIP, read_noise=str(noise.object_id))


def test_a_calibration_for_a_step_that_is_left_out_is_refused():
    for name, step in (("hot", "maps"), ("fringe", "fringes"), ("back", "background")):
        with pytest.raises(ArgumentError, match=f"{name}_filename asks for step '{step}'"):
            recipes.find("Reduce")(
                instrument="OMEGACAM", leave_out=[step], **{f"{name}_filename": "f.fits"}
            )
