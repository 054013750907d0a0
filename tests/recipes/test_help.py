"""Help of a task: arguments, units, ranges, values per camera, and examples that run."""

import pytest


def test_help_lists_arguments_and_where_the_parameters_are(capsys):
    from awe import recipes

    task = recipes.find("Reduce")
    assert "overscan (oc) : int, 0 to 10, default None" in task.__doc__
    assert "ReduceTask.show_parameters('OMEGACAM')" in task.__doc__
    task.show_parameters("OMEGACAM")
    shown = capsys.readouterr().out
    assert "FRINGE_THRESHOLD_HIGH = 5.0 ADU (-1000 to 65535): Fringed pixels above" in shown
    assert "SatelliteMap" in shown


AFTER_THE_CHAIN = ("ReadNoise", "Bias", "HotPixels", "DomeFlat", "ColdPixels", "TwilightFlat",
                   "MasterFlat", "Gain", "QuickCheck", "Background", "NightSkyFlat", "Reduce")


@pytest.mark.parametrize("name", AFTER_THE_CHAIN)
def test_every_recipe_has_an_example(name):
    from awe import recipes

    task = recipes.find(name)
    assert task.example.startswith(f"{name}Task(")
    assert f">>> {task.example}" in task.__doc__


def test_the_examples_run_on_a_small_night(calibrated):
    from awe import recipes

    for name in AFTER_THE_CHAIN:
        task = recipes.find(name)
        products = eval(task.example, {task.__name__: task})
        assert products, name
        assert all(product.chip.name == "ESO_CCD_#65" for product in products)
