"""Calls of jobs: no job leaves frames between steps behind, a whole recipe has one."""

import pytest

from awe import recipes
from awe.errors import ArgumentError


def with_steps():
    """The recipes that can stop after a step, each with a call of it."""
    for name in sorted(recipes.available()):
        task = recipes.find(name)
        if "stop_after" in {argument.name for argument in task.arguments}:
            yield name


@pytest.mark.parametrize("name", list(with_steps()))
@pytest.mark.parametrize("how", ["stop_after", "keep"])
def test_a_job_that_would_leave_frames_behind_is_refused(name, how):
    task = recipes.find(name)
    step = task.chain()[0].name
    call = task(instrument="OMEGACAM", **{how: step if how == "stop_after" else [step]})
    with pytest.raises(ArgumentError, match="leave frames where the task runs"):
        call.jobs()


def test_recipes_of_all_chips_share_one_way_to_be_one_job():
    from awe.tasks import calls

    whole = {name for name in recipes.available() if recipes.find(name).whole}
    assert whole >= {"Coadd", "Extinction", "GAstrom", "AssociateList"}
    for name in whole:
        assert recipes.find(name).jobs is calls.jobs
