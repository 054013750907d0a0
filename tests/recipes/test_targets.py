"""Targets: stale or not and why, made again bit by bit or anew, skipped, and made on request."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import numpy as np
import pytest

from awe import columns
from awe.errors import ArgumentError, BadHeader, NoCalibration, NotFound
from awe.rules import freshness

NIGHT = "2012-05-31"
CHIP = "ESO_CCD_#65"
TEMPLATE = "2012-06-01T08:51:44"


def run(recipe, **arguments):
    from awe import recipes

    return recipes.find(recipe)(instrument="OMEGACAM", chip=CHIP, **arguments).execute()


def planes(product):
    """All arrays of a product's file."""
    from astropy.io import fits

    with fits.open(product.pathname or product._here()) as file:
        return [np.array(hdu.data) for hdu in file if hdu.data is not None]


def same_pixels(first, second):
    one, two = planes(first), planes(second)
    return len(one) == len(two) and all(
        a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True)
    )


@pytest.fixture
def red(calibrated):
    calibrated.login("scientist", privileges=1)
    return run("Reduce", template=TEMPLATE, commit=True)[0]


def one(cls):
    return (cls.chip.name == CHIP)[0]


def test_a_new_product_is_up_to_date(red):
    from awe.model.calibrations import BiasFrame, MasterFlatFrame

    assert red.is_uptodate(), red.why_stale()
    assert repr(red.why_stale()) == "up to date"
    for cls in (BiasFrame, MasterFlatFrame):
        assert one(cls).is_uptodate(), one(cls).why_stale()
    assert red.raw.is_uptodate()
    assert red.weight.is_uptodate()


def test_every_kind_of_staleness_is_told(red):
    from awe.context import context
    from awe.model.calibrations import BiasFrame

    old = one(BiasFrame)
    (new,) = run("Bias", date=NIGHT, commit=True)
    reasons = red.why_stale()
    newer = [reason.text for reason in reasons if reason.kind == "newer calibration"]
    assert newer == [f"bias {new.filename}; {old.filename} was used"]
    assert {reason.kind for reason in reasons} == {"newer calibration", "stale calibration"}
    assert any("flat" in reason.text for reason in reasons)  # its dome flat used the old bias
    context.update_is_valid(old, 0)
    assert f"bad calibration: bias {old.filename} has is_valid 0" in str(red.why_stale())
    context.update_is_valid(red.raw, 0)
    assert f"bad input: {red.raw.filename} has is_valid 0" in str(red.why_stale())
    pars = {"CosmicMap.process_params.SIGMA_LIMIT": 9.0}
    assert "parameters: CosmicMap.SIGMA_LIMIT was 4.0, is now 9.0" in str(red.why_stale(pars))


def test_a_parameter_of_a_later_awe_is_no_reason_while_it_has_its_default(red, calibrated):
    from awe.model.science import ReducedScienceFrame

    calibrated.db.rows(
        "superuser", "UPDATE awe.reduced_science_frame_parameters SET calibrations_of = NULL"
    )
    calibrated.login("scientist", privileges=1)
    before = one(ReducedScienceFrame)
    assert before.process_params.CALIBRATIONS_OF is None
    assert before.is_uptodate(), before.why_stale()
    pars = {"ReducedScienceFrame.process_params.CALIBRATIONS_OF": "mine"}
    assert "CALIBRATIONS_OF was None, is now mine" in str(before.why_stale(pars))


def test_other_software_is_told(red, monkeypatch):
    monkeypatch.setattr(freshness, "__version__", "99.0")
    assert "software: made by awe 0.1.0, this is 99.0" in str(red.why_stale())


@pytest.mark.parametrize(
    "name",
    ["BiasFrame", "HotPixelMap", "DomeFlatFrame", "ColdPixelMap", "TwilightFlatFrame",
     "MasterFlatFrame"],
)  # fmt: skip
def test_calibrations_are_remade_bit_by_bit(calibrated, name):
    from awe.db.declare.registry import find

    before = one(find(name))
    again = before.remake(exact=True)
    assert again.object_id != before.object_id
    assert same_pixels(before, again)
    assert again.process_params.values() == before.process_params.values()


def test_a_reduced_frame_is_remade_bit_by_bit_whatever_is_newer_now(red):
    from awe.model.science import ReducedScienceFrame

    run("Bias", date=NIGHT, commit=True, pars={"BiasFrame.process_params.SIGMA_CLIP": 1.5})
    run("MasterFlat", date=NIGHT, filter="OCAM_r_SDSS", combine=1, commit=True)
    before = [planes(part) for part in (red, red.weight, red.weight.cosmic)]
    again = red.remake(exact=True, commit=True)
    for old, new in zip(before, (again, again.weight, again.weight.cosmic), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(old, planes(new), strict=True))
    assert (again.bias, again.flat) == (red.bias, red.flat)
    newest = red.remake()
    assert newest.bias != red.bias
    assert not same_pixels(red, newest)
    assert len(ReducedScienceFrame.raw == red.raw) == 2  # the last one was not committed


def test_remade_with_the_newest_is_up_to_date(red):
    from awe.context import context

    calibration = red.bias
    context.update_is_valid(calibration, 0)
    for recipe in ("Bias", "HotPixels"):
        run(recipe, date=NIGHT, commit=True)
    for recipe in ("DomeFlat", "ColdPixels", "TwilightFlat", "MasterFlat"):
        run(recipe, date=NIGHT, filter="OCAM_r_SDSS", commit=True)
    assert not red.is_uptodate()
    again = red.remake(commit=True)
    assert again.is_uptodate(), again.why_stale()


def test_what_was_named_by_hand_stays(red):
    (new,) = run("Bias", date=NIGHT, commit=True)
    (by_hand,) = run(
        "Reduce", raw_filenames=[red.raw.filename], bias_filename=red.bias.filename, commit=True
    )
    assert {reason.kind for reason in by_hand.why_stale()} == {"stale calibration"}
    again = by_hand.remake()
    assert again.bias == red.bias != new
    assert again.choices["bias"] == "by hand: AWSCIENTIST"
    assert "chosen by hand: AWSCIENTIST" in str(by_hand.why("bias"))
    assert new.filename in str(by_hand.why("bias"))


def test_remake_refuses_what_it_cannot_do(red):
    with pytest.raises(ArgumentError, match="no recipe makes RawScienceFrame"):
        red.raw.remake()
    with pytest.raises(ArgumentError, match="made along with ReducedScienceFrame"):
        red.weight.remake()
    with pytest.raises(ArgumentError, match="leave out pars"):
        red.remake(exact=True, pars={"CosmicMap.process_params.SIGMA_LIMIT": 9.0})


@pytest.mark.parametrize("name", ["ReducedScienceFrame", "BiasFrame", "MasterFlatFrame"])
def test_the_header_alone_suffices(calibrated, name):
    """The product is no object: only its file, and in the database what it was made from."""
    from awe.db.declare.registry import find
    from awe.tasks.remake import from_header

    pars = {"CosmicMap.process_params.SIGMA_LIMIT": 5.5}
    made = {
        "ReducedScienceFrame": lambda: run("Reduce", template=TEMPLATE, pars=pars)[0],
        "BiasFrame": lambda: run("Bias", date=NIGHT)[0],
        "MasterFlatFrame": lambda: run(
            "MasterFlat", date=NIGHT, filter="OCAM_r_SDSS", combine=1
        )[0],
    }[name]()
    assert len(find(name).object_id == made.object_id) == 0
    file = Path(made.pathname).rename("only.fits")
    run("Bias", date=NIGHT, commit=True, pars={"BiasFrame.process_params.SIGMA_CLIP": 1.5})
    again = from_header(file)
    made.pathname = file
    assert same_pixels(made, again)
    assert again.process_params.values() == made.process_params.values()
    if name == "ReducedScienceFrame":
        assert again.weight.cosmic.process_params.SIGMA_LIMIT == 5.5


def test_a_header_without_the_cards_is_refused(calibrated, tmp_path):
    from awe.tasks.remake import from_header

    with pytest.raises(BadHeader, match="no card AWE CLASS"):
        from_header(calibrated.frames[0].pathname)


def test_an_input_that_is_gone_is_named(calibrated):
    from astropy.io import fits

    from awe.tasks.remake import from_header

    path = run("Bias", date=NIGHT)[0].pathname
    with fits.open(path, mode="update") as file:
        file[0].header["HIERARCH AWE LIN1 ID"] = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(NotFound, match="is not in the database"):
        from_header(path)


def test_what_is_made_already_is_skipped_if_asked(red, capsys):
    from awe.model.science import ReducedScienceFrame

    first = run("Reduce", template=TEMPLATE, commit=True, skip=True)
    assert first[0] == red
    assert len(first) == 2
    assert "already made with the same inputs" in capsys.readouterr().out
    count = len(ReducedScienceFrame.select_all())
    assert run("Reduce", template=TEMPLATE, commit=True, skip=True) == first
    assert len(ReducedScienceFrame.select_all()) == count
    pars = {"CosmicMap.process_params.SIGMA_LIMIT": 9.0}
    other = run("Reduce", template=TEMPLATE, commit=True, skip=True, pars=pars)
    assert set(other).isdisjoint(first)
    assert run("Reduce", template=TEMPLATE, skip=True, pars=pars) == other
    bias_filename = red.bias.filename
    assert run("Reduce", template=TEMPLATE, skip=True, bias_filename=bias_filename) == first
    new = run("Reduce", template=TEMPLATE, commit=True)  # as the tutorial does: made anew
    assert set(new).isdisjoint(first)
    (bias,) = run("Bias", date=NIGHT, skip=True)
    assert bias == red.bias
    (flat,) = run("MasterFlat", date=NIGHT, filter="OCAM_r_SDSS", skip=True)
    assert flat == red.flat
    (dome,) = run("MasterFlat", date=NIGHT, filter="OCAM_r_SDSS", combine=1, skip=True)
    assert dome != red.flat


def test_a_product_on_request_makes_what_it_needs(night, capsys):
    from awe.model.calibrations import BiasFrame
    from awe.model.raw import RawScienceFrame
    from awe.model.science import ReducedScienceFrame

    raw = (RawScienceFrame.chip.name == CHIP)[0]
    with pytest.raises(NotFound, match="there is none; make=True makes it"):
        ReducedScienceFrame.get(raw=raw)
    plan = ReducedScienceFrame.get(raw=raw.filename, make=True, dry=True)
    assert [step.cls.__name__ for step in plan.steps] == [
        "ReadNoise", "BiasFrame", "HotPixelMap", "DomeFlatFrame", "ColdPixelMap",
        "TwilightFlatFrame", "MasterFlatFrame", "ReducedScienceFrame",
    ]  # fmt: skip
    assert len(BiasFrame.select_all()) == 0
    assert str(plan) in capsys.readouterr().out
    red = ReducedScienceFrame.get(raw=raw, make=True)
    assert capsys.readouterr().out.startswith(str(plan))
    assert red.raw == raw
    assert red.is_uptodate(), red.why_stale()
    assert ReducedScienceFrame.get(raw=raw) == red
    assert ReducedScienceFrame.get(raw=raw, make=True) == red
    assert len(BiasFrame.select_all()) == 1
    second = (RawScienceFrame.chip.name == CHIP)[1]
    plan = ReducedScienceFrame.get(raw=second, make=True, dry=True)
    assert [step.product is None for step in plan.steps] == [False] * (len(plan.steps) - 1) + [
        True
    ]


def test_a_plan_that_lacks_raw_frames_says_of_which_class(night):
    from awe.context import context
    from awe.model.raw import RawDomeFlatFrame, RawScienceFrame
    from awe.model.science import ReducedScienceFrame

    for frame in RawDomeFlatFrame.chip.name == CHIP:
        context.update_is_valid(frame, 0)
    raw = (RawScienceFrame.chip.name == CHIP)[0]
    with pytest.raises(NoCalibration, match=r"lacks a DomeFlatFrame, .* no RawDomeFlatFrame"):
        ReducedScienceFrame.get(raw=raw, make=True)


def test_the_timeline_shows_what_is_valid_when(calibrated, monkeypatch):
    from awe.context import context
    from awe.model.calibrations import BiasFrame
    from awe.rules.timeline import calibrations

    old = one(BiasFrame)
    (new,) = run("Bias", date=NIGHT, commit=True)
    assert "is_valid is 1 now" in repr(context.update_is_valid(new, 1))
    context.update_is_valid(old, 0)
    assert "is_valid is 0 now; no product" in repr(context.update_is_valid(new, 0))
    context.update_is_valid(new, 1)
    shown = calibrations("OMEGACAM", chip=CHIP, filter="OCAM_r_SDSS", date=NIGHT)
    lines = str(shown).splitlines()
    assert lines[0].startswith(f"OMEGACAM {CHIP} OCAM_r_SDSS 2012-06-01 04:00:00")
    by_id = {line[-8:]: line for line in lines}
    assert re.search(r" x +\|?-", by_id[str(old.object_id)[:8]])
    assert re.search(r" \* +\|?=", by_id[str(new.object_id)[:8]])
    assert "MasterFlatFrame" in str(shown)
    assert "MasterFlatFrame" not in str(calibrations("OMEGACAM", chip=CHIP))
    for wide in (80, 100):
        monkeypatch.setattr(columns, "max_width", wide)
        assert max(map(len, str(shown).splitlines())) <= wide
    later = datetime.datetime(2015, 1, 1)
    assert "no calibrations" in str(calibrations("OMEGACAM", chip=CHIP, date=later))
    for names, message in (
        ({"chip": "nothing"}, "OMEGACAM has no chip 'nothing'"),
        ({"chip": CHIP, "filter": "OCAM_r_SDS"}, "no filter 'OCAM_r_SDS'; did you mean 'OCAM_r_S"),
    ):
        with pytest.raises(ArgumentError, match=message):
            calibrations("OMEGACAM", **names)


def test_marking_a_calibration_bad_lists_everything_made_with_it(red):
    from awe.context import context

    affected = context.update_is_valid(red.bias, 0)
    assert red in affected
    assert red.flat in affected
    text = repr(affected)
    assert text.startswith(f"{len(affected)} products were made with {red.bias.filename}")
    assert "ReducedScienceFrame" in text
    assert context.update_is_valid(red.bias, 1) == []


def test_what_was_made_with_something_is_found_level_by_level(calibrated):
    from awe.db.server.connection import database
    from awe.model.calibrations import BiasFrame
    from awe.model.science import ReducedScienceFrame

    counted = []
    for number in range(3):
        run("Reduce", template=calibrated.template.start, commit=True)
        bias = BiasFrame.select(instrument="OMEGACAM", date=calibrated.date, chip=CHIP)
        before = database.statements
        used = bias.used_by()
        counted.append(database.statements - before)
        assert len({item.object_id for item in used}) == len(used)
        reds = [item for item in used if isinstance(item, ReducedScienceFrame)]
        assert len(reds) == 2 * (number + 1)
    assert counted[2] == counted[0]
    newer = run("Bias", date=calibrated.date, commit=True)
    assert newer[0].prev == bias
    assert newer[0] not in bias.used_by()
    assert newer[0] in bias.inverse_objects()
