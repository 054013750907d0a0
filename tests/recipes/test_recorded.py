"""Which recipe and which code made a product: recorded, shown, compared, and never run unasked."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from awe.errors import ArgumentError, NotFound

CHIP = "ESO_CCD_#65"
NIGHT = "2012-05-31"
FILTER = "OCAM_r_SDSS"
TEMPLATE = "2012-06-01T08:51:44"
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "own-recipe.md"


def run(recipe, **arguments):
    from awe import recipes

    return recipes.find(recipe)(instrument="OMEGACAM", chip=CHIP, **arguments).execute()


def one(cls):
    return (cls.chip.name == CHIP)[0]


def planes(product):
    from astropy.io import fits

    with fits.open(product.pathname or product._here()) as file:
        return [np.array(hdu.data) for hdu in file if hdu.data is not None]


def same_pixels(first, second):
    return all(
        a.tobytes() == b.tobytes() for a, b in zip(planes(first), planes(second), strict=True)
    )


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The directory of the user's recipes, with the recipe of the documentation in it."""
    home = tmp_path / "home"
    monkeypatch.setenv("AWE_HOME", str(home))
    folder = home / "recipes"
    folder.mkdir(parents=True)
    [block] = re.findall(r"```python\n# ~/.awe/recipes/cleanbias.py\n(.*?)```", PAGE.read_text(),
                         re.DOTALL)  # fmt: skip
    (folder / "cleanbias.py").write_text(block)
    return folder


def change(folder):
    """Change the file of the recipe, within the second, to a text of other code."""
    path = folder / "cleanbias.py"
    text = path.read_text()
    assert "np.mean(levels" in text
    path.write_text(text.replace("np.mean(levels", "1 + np.mean(levels"))
    return path


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def clean(calibrated, own):
    """A bias of the scientist's own recipe."""
    calibrated.login("scientist", privileges=1)
    [bias] = run("CleanBias", date=NIGHT, commit=True)
    return bias


def test_a_product_says_which_recipe_and_code_made_it(clean, own, capsys):
    import awe
    from awe.model.calibrations import BiasFrame

    code = digest(own / "cleanbias.py")
    recipe = BiasFrame(object_id=str(clean.object_id)).recipe
    assert (recipe.name, recipe.digest, recipe.version) == ("CleanBias", code, awe.__version__)
    assert recipe.own
    assert recipe.source.encode() == (own / "cleanbias.py").read_bytes()
    assert [item.object_id for item in BiasFrame.recipe.name == "CleanBias"] == [clean.object_id]
    clean.info()
    assert f"own recipe CleanBias {code[:8]}, awe {awe.__version__}" in capsys.readouterr().out
    assert clean.header["AWE RECIPE"] == "CleanBias"
    assert clean.header["AWE RECIPE BY"] == "AWSCIENTIST"
    assert clean.header["AWE RECIPE CODE"] == code[:40]
    assert f"by own recipe CleanBias {code[:8]}" in str(clean.lineage())
    told = clean.lineage().to_prov()
    making = told["activity"][f"awe:making-{clean.object_id}"]
    assert making["awe:recipe"] == "CleanBias"
    assert making["awe:recipe_code"] == code
    noise = clean.read_noise
    assert (noise.recipe.name, noise.recipe.own, noise.recipe.source) == ("ReadNoise", False, "")
    assert "by ReadNoise" in str(clean.lineage())


def test_all_products_of_one_code_share_its_record(calibrated, own):
    from awe.model.recipe import Recipe

    calibrated.login("scientist", privileges=1)
    before = len(Recipe.select_all())
    [red, other] = run("Reduce", template=TEMPLATE, commit=True)
    assert len(Recipe.select_all()) == before + 1  # awe's own, this time at level 1
    assert red.recipe == other.recipe == red.weight.recipe == red.weight.cosmic.recipe
    [again, _] = run("Reduce", template=TEMPLATE, commit=True)
    assert again.recipe == red.recipe
    [dry, _] = run("Reduce", template=TEMPLATE)
    assert dry.recipe.name == "Reduce"
    assert len(Recipe.select_all()) == before + 1


def test_a_changed_recipe_makes_its_products_stale_and_an_exact_remake_refuses(clean, own, capsys):
    assert clean.why_stale() == ()
    before = digest(own / "cleanbias.py")
    after = digest(change(own))
    expected = f"recipe: made by CleanBias {before[:8]}, the recipe is now {after[:8]}"
    assert str(clean.why_stale()) == expected
    with pytest.raises(ArgumentError) as caught:
        clean.remake(exact=True)
    said = str(caught.value)
    assert "\n" not in said
    assert f"made by CleanBias {before[:8]}, yours is now {after[:8]}" in said
    assert "obj.recipe.keep()" in said
    today = clean.remake()
    assert np.allclose(planes(today)[0], planes(clean)[0] + 1, atol=1e-3)
    kept = clean.recipe.keep()
    assert digest(kept) == before
    assert same_pixels(clean.remake(exact=True), clean)
    assert run("CleanBias", date=NIGHT)[0].recipe.digest == after  # found by name: the new one


def test_an_exact_remake_of_ones_own_recipe_runs_it(clean):
    from awe.tasks.remake import from_header

    again = clean.remake(exact=True)
    assert same_pixels(clean, again)
    assert again.recipe.name == "CleanBias"
    path = Path(clean.pathname or clean._here())
    assert same_pixels(clean, from_header(path))


def test_a_header_of_other_code_is_refused_as_well(clean, own):
    from awe.tasks.remake import from_header

    path = Path(clean.pathname)
    change(own)
    with pytest.raises(ArgumentError, match=r"made by CleanBias .*, yours is now"):
        from_header(path)


def test_where_ones_own_replaces_bias_exact_remakes_of_standard_ones_run_awes(calibrated, own):
    from awe.model.calibrations import BiasFrame

    standard = one(BiasFrame)
    text = (own / "cleanbias.py").read_text().replace("CleanBiasTask", "BiasTask")
    (own / "bias.py").write_text(text)
    calibrated.login("scientist", privileges=1)
    mine = run("Bias", date=NIGHT)[0]
    assert mine.recipe.own
    again = standard.remake(exact=True)
    assert same_pixels(standard, again)
    assert not again.recipe.own
    assert not same_pixels(standard, standard.remake())  # that of today is one's own
    assert standard.why_stale() == ()


def test_code_of_another_person_never_runs_unasked(calibrated, own, tmp_path, monkeypatch):
    from awe.context import context
    from awe.model.calibrations import BiasFrame
    from awe.tasks.remake import from_header

    mark = tmp_path / "it-ran"
    path = own / "cleanbias.py"
    path.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n{path.read_text()}")
    calibrated.login("student", privileges=2)
    [bias] = run("CleanBias", date=NIGHT, commit=True)
    file = Path(bias.pathname)
    number = str(bias.object_id)
    mark.unlink()
    monkeypatch.setenv("AWE_HOME", str(tmp_path / "elsewhere"))
    calibrated.login("other", privileges=2)
    theirs = BiasFrame(object_id=number)
    assert "touch()" in theirs.recipe.source
    assert theirs.why_stale() == ()
    for call in (lambda: theirs.remake(exact=True), lambda: from_header(file)):
        with pytest.raises(ArgumentError) as caught:
            call()
        said = str(caught.value)
        assert "\n" not in said
        assert "of AWSTUDENT, you have no recipe CleanBias; read obj.recipe.source" in said
    assert not mark.exists()
    kept = theirs.recipe.keep()
    assert kept.is_relative_to(tmp_path / "elsewhere")
    assert not mark.exists()
    assert same_pixels(theirs, theirs.remake(exact=True))
    assert mark.exists()
    context.set_project("TUTORIAL2015")


def test_a_text_that_does_not_have_its_digest_is_not_kept(calibrated, own):
    from awe.errors import Refused
    from awe.model.recipe import Recipe

    for name, text, sha in (
        ("CleanBias", "import os", "0" * 64),
        ("../evil", "import os", hashlib.sha256(b"import os").hexdigest()),
    ):
        forged = Recipe(name=name, digest=sha, source=text, own=True)
        forged.commit()
        with pytest.raises(Refused, match="does not have the digest"):
            forged.keep()
    with pytest.raises(NotFound, match="no text of"):
        Recipe(name="Bias", digest="0" * 64).keep()
    assert not (own / "kept").exists()


def test_the_source_is_as_visible_as_the_product_and_the_database_decides(calibrated, own):
    from awe.context import context

    calibrated.login("student", privileges=1)
    [bias] = run("CleanBias", date=NIGHT, commit=True)
    query = "SELECT source FROM awe.recipe WHERE name = 'CleanBias'"
    assert calibrated.db.rows("other", query) == []
    assert len(calibrated.db.rows("student", query)) == 1
    context.publish(bias, 2)
    assert len(calibrated.db.rows("other", query)) == 1
    assert calibrated.db.rows("outsider", query) == []
    context.publish(bias, 3, follow=True)
    assert len(calibrated.db.rows("outsider", query)) == 1
    update = "UPDATE awe.recipe SET source = 'x' WHERE name = 'CleanBias'"
    with pytest.raises(Exception, match="permission denied"):
        calibrated.db.rows("student", update)


def test_a_higher_level_has_a_record_of_its_own(calibrated, own):
    calibrated.login("student", privileges=1)
    [low] = run("CleanBias", date=NIGHT, commit=True)
    calibrated.login("student", privileges=2)
    [high] = run("CleanBias", date=NIGHT, commit=True)
    calibrated.login("student", privileges=1)
    [third] = run("CleanBias", date=NIGHT, commit=True)
    assert low.recipe != high.recipe
    assert high.recipe._privileges == 2
    assert third.recipe in (low.recipe, high.recipe)


def test_a_product_from_before_says_that_its_recipe_is_unknown(calibrated, own, capsys):
    from awe.model.calibrations import BiasFrame

    old = one(BiasFrame)
    number = str(old.object_id)
    calibrated.db.rows(
        "superuser",
        "UPDATE awe.bias_frame SET recipe = NULL, request = NULL, consulted = NULL "
        "WHERE object_id = %s", number,
    )  # fmt: skip
    calibrated.login("scientist", privileges=4)
    old = BiasFrame(object_id=number)
    old.info()
    assert re.search(r"^recipe +: none", capsys.readouterr().out, re.MULTILINE)
    assert old.why_stale() == ()
    again = old.remake(exact=True)
    said = capsys.readouterr().out
    assert "which recipe made it was not recorded; awe's own Bias is run" in said
    assert same_pixels(old, again)
    [new] = run("Bias", date=NIGHT, skip=True)
    assert new != old


def test_the_record_goes_with_the_last_product(calibrated, own):
    from awe.context import context
    from awe.model.recipe import Recipe

    calibrated.login("student", privileges=1)
    [first] = run("CleanBias", date=NIGHT, commit=True)
    [second] = run("CleanBias", date=NIGHT, commit=True)
    context.delete(second)
    assert len(Recipe.name == "CleanBias") == 1
    context.delete(first)
    assert len(Recipe.name == "CleanBias") == 0


# -- what is made already ----------------------------------------------------------------------


def count(product):
    return len(type(product).chip.name == CHIP)


def prepared(night):
    """Add darks and a table of standard stars, so that every recipe can run."""
    from awe.model.raw import RawDarkFrame

    at = datetime.datetime(2012, 5, 31, 22)
    for number in range(3):
        pixels = night.raw(np.zeros(night.shape) + 5.0)
        moment = at + datetime.timedelta(minutes=31 * number)
        night.put(RawDarkFrame, pixels, moment, exposure=1800.0)
    random = np.random.default_rng(5)
    stars = [
        f"{x:.2f},{y:.2f},{0.02 * (x / 96 - 1) ** 2 + random.normal(0, 0.002):.5f}"
        for x, y in random.uniform(3, 157, (200, 2))
    ]
    Path("stars.csv").write_text("\n".join(["x,y,difference", *stars]) + "\n")


FEW_STARS = {"CoaddedRegriddedFrame.process_params.COMPARED_STARS": 2}


def calls():
    night, red = {"date": NIGHT}, {"template": TEMPLATE}
    flat = {**night, "filter": FILTER}
    return [
        ("ReadNoise", night), ("Bias", night), ("HotPixels", night), ("DomeFlat", flat),
        ("ColdPixels", flat), ("TwilightFlat", flat), ("MasterFlat", flat), ("Gain", night),
        ("Dark", night), ("Background", red), ("QuickCheck", flat), ("NightSkyFlat", flat),
        ("FringeFlat", flat), ("Illumination", {**flat, "photometry": "stars.csv"}),
        ("Reduce", red), ("Reduce", {**red, "background": True}), ("Regrid", red),
        ("Coadd", {**red, "filter": FILTER, "pars": FEW_STARS}), ("SourceList", red),
    ]  # fmt: skip


def test_the_same_call_twice_makes_nothing_the_second_time_for_every_recipe(calibrated, capsys):
    from awe import recipes

    prepared(calibrated)
    calibrated.login("scientist", privileges=1)
    # these need a reference, more stars or more lists than there are here: they have own tests
    referred = {"AssociateList", "Astrometry", "Extinction", "GAstrom", "Photcat", "Photom"}
    names = {name for name, _ in calls()} | referred
    assert names == {n for n, t in recipes.available().items() if t.startswith("awe.recipes.")}
    for name, arguments in calls():
        first = run(name, **arguments, commit=True)
        before = count(first[0])
        capsys.readouterr()
        assert run(name, **arguments, commit=True, skip=True) == first, name
        assert count(first[0]) == before, name
        assert "already made with the same inputs, parameters and code" in capsys.readouterr().out


def test_what_is_stale_further_up_is_skipped_all_the_same(calibrated):
    from awe.model.calibrations import BiasFrame

    calibrated.login("scientist", privileges=1)
    first = run("Reduce", template=TEMPLATE, commit=True)
    pars = {"ReadNoise.process_params.MAXIMUM_ITERATIONS": 4}
    run("ReadNoise", date=NIGHT, commit=True, pars=pars)
    [bias] = run("Bias", date=NIGHT, commit=True)
    second = run("Reduce", template=TEMPLATE, commit=True, skip=True)
    assert set(second).isdisjoint(first)  # another bias would be used
    assert second[0].bias == bias
    assert not second[0].is_uptodate()  # its flats were made with the old bias
    assert run("Reduce", template=TEMPLATE, commit=True, skip=True) == second
    assert len(BiasFrame.chip.name == CHIP) == 2


def test_whatever_changes_is_made_anew(calibrated, own):
    from awe.context import context

    prepared(calibrated)
    calibrated.login("scientist", privileges=1)
    [gain] = run("Gain", date=NIGHT, commit=True)
    pars = {"GainLinearity.process_params.SIGMA_CLIP": 4.0}
    [other] = run("Gain", date=NIGHT, commit=True, skip=True, pars=pars)
    assert other != gain
    run("ReadNoise", date=NIGHT, commit=True)  # consulted, not linked to
    [third] = run("Gain", date=NIGHT, commit=True, skip=True)
    assert third not in (gain, other)
    assert any("ReadNoise" in reason.text for reason in gain.why_stale())
    context.update_is_valid(third.raw_dome_flat_frames[0], 0)
    [fourth] = run("Gain", date=NIGHT, commit=True, skip=True)
    assert fourth != third
    [clean] = run("CleanBias", date=NIGHT, commit=True)
    assert run("CleanBias", date=NIGHT, commit=True, skip=True) == [clean]
    change(own)
    [changed] = run("CleanBias", date=NIGHT, commit=True, skip=True)
    assert changed != clean
    assert run("CleanBias", date=NIGHT, commit=True, skip=True) == [changed]
    flat = {"date": NIGHT, "filter": FILTER, "photometry": "stars.csv", "commit": True}
    [first] = run("Illumination", **flat)
    table = Path("stars.csv")
    table.write_text(table.read_text().replace("x,y", "x,y", 1) + "5.0,5.0,0.02\n")
    assert run("Illumination", **flat, skip=True) != [first]


@pytest.mark.parametrize("recipe", ["Gain", "Dark", "Background", "QuickCheck", "NightSkyFlat"])
def test_exact_remakes_take_what_was_consulted_too(calibrated, recipe):
    prepared(calibrated)
    arguments = dict(calls())[recipe]
    product = run(recipe, **arguments, commit=True)[0]
    newer = {"ReadNoise.process_params.REJECTION_THRESHOLD": 1.5}
    run("ReadNoise", date=NIGHT, commit=True, pars=newer)
    run("HotPixels", date=NIGHT, commit=True)
    again = product.remake(exact=True)
    assert again.consulted == product.consulted
    pairs = [(again, product)] if recipe != "Dark" else [(again.dark, product.dark)]
    if recipe == "Gain":
        assert (again.gain, again.gain_error) == (product.gain, product.gain_error)
        return
    assert all(same_pixels(one, other) for one, other in pairs)


# -- products made along -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["WeightFrame", "CosmicMap", "SaturatedPixelMap", "SatelliteMap"])
def test_get_makes_what_is_made_along_with_the_reduced_frame(calibrated, name, capsys):
    from awe.db.declare.registry import find
    from awe.model.raw import RawScienceFrame
    from awe.model.science import ReducedScienceFrame

    raw = (RawScienceFrame.chip.name == CHIP)[0]
    cls = find(name)
    plan = cls.get(raw=raw, make=True, dry=True)
    assert plan.steps[-1].cls is ReducedScienceFrame
    made = cls.get(raw=raw, make=True)
    assert type(made) is cls
    assert made.raw == raw
    assert cls.get(raw=raw) == made
    assert cls.get(raw=raw, make=True) == made
    assert len(ReducedScienceFrame.raw == raw) == 1


def test_prov_is_json_with_the_recipe_in_the_activity(clean, tmp_path):
    path = tmp_path / "prov.json"
    clean.lineage().to_prov(path)
    told = json.loads(path.read_text())
    assert any(one.get("awe:recipe") == "ReadNoise" for one in told["activity"].values())
