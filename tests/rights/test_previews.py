"""What `commit=False` shows is what the call does: random objects, people, levels and references.

A preview without hindrances is a call that succeeds, on the same objects; one with hindrances is
a call that is refused with the same words. Previews themselves change nothing.
"""

from __future__ import annotations

import random

import pytest

from awe.context import context
from awe.db.server.connection import database
from awe.errors import NotFound, NotVisible, Refused
from awe.model.calibrations import BiasFrame, HotPixelMap, ReadNoise
from awe.model.parameters import BiasFrameParameters
from awe.model.raw import RawBiasFrame
from awe.model.statistics import Imstat

ROUNDS = 60


def _raw(name):
    """A new raw frame; given a filename alone, the class would look for it."""
    made = RawBiasFrame()
    made.filename = name
    return made


def _visible(cls, ids):
    found = []
    for number in ids:
        try:
            found.append(cls(object_id=number))
        except NotFound:
            continue
    return found


class _World:
    """Objects of two people, made at random, each on those one sees at the time."""

    def __init__(self, become, seed):
        self.become = become
        self.random = random.Random(seed)
        self.ids = {cls: [] for cls in (RawBiasFrame, ReadNoise, BiasFrame, HotPixelMap)}
        self.number = 0

    def some(self, cls, most):
        seen = _visible(cls, self.ids[cls])
        return self.random.sample(seen, min(len(seen), self.random.randint(0, most)))

    def one(self, cls):
        chosen = self.some(cls, 1)
        return chosen[0] if chosen else None

    def make(self, person):
        self.become(person, privileges=str(self.random.choice((1, 1, 2, 3))))
        cls = self.random.choice(list(self.ids))
        self.number += 1
        if cls is RawBiasFrame:
            made = cls(filename=f"raw{self.number}.fits", imstat=Imstat(median=1.0))
        elif cls is ReadNoise:
            made = cls(raw_bias_frames=self.some(RawBiasFrame, 2))
        elif cls is BiasFrame:
            made = cls(
                filename=f"bias{self.number}.fits", raw_bias_frames=self.some(RawBiasFrame, 2),
                read_noise=self.one(ReadNoise),
                process_params=BiasFrameParameters.make("OMEGACAM", {}),
            )  # fmt: skip
        else:
            made = cls(filename=f"hot{self.number}.fits", bias=self.one(BiasFrame))
        try:
            made.commit()
        except (Refused, NotVisible):
            return
        self.ids[cls].append(made.object_id)

    def pick(self, person):
        """Return one or two objects this person sees, and their ids."""
        self.become(person, privileges="1")
        seen = [item for cls in self.ids for item in _visible(cls, self.ids[cls])]
        return self.random.sample(seen, min(len(seen), self.random.randint(1, 2)))


def _agrees(plan, call):
    """Compare a preview with the call it is the preview of."""
    before = {item: item._privileges for item in plan.objects if item._committed}
    done, refusal = None, ""
    try:
        done = call()
    except Refused as error:
        refusal = str(error)
    if refusal:
        assert plan.hindrances, f"{plan!r}\nwas refused: {refusal}"
        assert all(hindrance in refusal for hindrance in plan.hindrances[:8])
        assert {item: item._privileges for item in before} == before
        return "refused"
    assert not plan.hindrances, f"{plan!r}\nwas done all the same"
    assert set(done.objects) == set(plan.objects)
    return "done"


@pytest.mark.parametrize("seed", range(3))
def test_a_preview_says_exactly_what_the_call_does(become, seed):
    world = _World(become, seed)
    for _ in range(14):
        world.make(world.random.choice(("student", "other")))
    outcomes = set()
    for _ in range(ROUNDS // 3):
        world.make(world.random.choice(("student", "other")))
        objects = world.pick(world.random.choice(("student", "other")))
        if not objects:
            continue
        if world.random.random() < 0.5:
            parts = world.random.random() < 0.7
            plan = context.delete(objects, parts, commit=False)
            outcomes.add(("delete", _agrees(plan, lambda: context.delete(objects, parts))))  # noqa: B023
        else:
            level = world.random.choice((2, 3, 4))
            follow = world.random.random() < 0.5
            plan = context.publish(objects, level, follow=follow, commit=False)
            outcome = _agrees(plan, lambda: context.publish(objects, level, follow=follow))  # noqa: B023
            outcomes.add(("publish", outcome))
    kinds = {(kind, outcome) for kind in ("delete", "publish") for outcome in ("done", "refused")}
    assert outcomes == kinds


def test_a_preview_without_follow_says_that_the_call_is_refused(become):
    become("student")
    raw = _raw("raw.fits")
    made = BiasFrame(filename="bias.fits", raw_bias_frames=[raw])
    made.commit()
    plan = context.publish(made, 3, commit=False)
    assert "refused: made from objects of lower level" in repr(plan)
    assert "follow=True" in repr(plan)
    assert "refused" not in repr(context.publish(made, 3, follow=True, commit=False))
    assert made._privileges == raw._privileges == 1


def test_a_preview_of_delete_knows_what_hidden_objects_refer_to(become):
    become("student", privileges="2")
    raw = _raw("raw.fits")
    raw.commit()
    number = str(raw.object_id)
    become("other", privileges="1")
    BiasFrame(filename="b.fits", raw_bias_frames=[RawBiasFrame(object_id=number)]).commit()
    become("student", privileges="1")
    mine = RawBiasFrame(object_id=number)
    plan = context.delete(mine, commit=False)
    assert plan.hindrances
    with pytest.raises(Refused):
        context.delete(mine)


def test_a_preview_inside_a_transaction_leaves_the_rest_of_it(become):
    become("student")
    kept = _raw("kept.fits")
    raw = _raw("raw.fits")
    raw.commit()
    with database.transaction():
        kept.commit()
        context.publish(raw, 3, commit=False)
        context.delete(raw, commit=False)
    assert raw._privileges == 1
    assert RawBiasFrame(filename="kept.fits") == kept


def test_an_empty_trash_is_said_in_plain_words(become):
    become("student")
    with pytest.raises(NotFound, match="your trash is empty; it keeps what you deleted for seven"):
        context.undelete()
    raw = _raw("raw.fits")
    raw.commit()
    with pytest.raises(NotFound, match="brought back: one object is not in your trash"):
        context.undelete(raw)


def test_an_object_nobody_changed_has_a_history_that_says_so(become):
    become("student")
    raw = _raw("raw.fits")
    raw.commit()
    trail = context.audit(raw)
    assert repr(trail).startswith("nothing that you may see was changed")
    with pytest.raises(NotFound, match="nothing that you may see was changed"):
        _ = trail[0]
    context.update_is_valid(raw, 0)
    assert context.audit(raw)[0].before == {"is_valid": 1}
    with pytest.raises(NotFound, match="you may see 1"):
        _ = context.audit(raw)[1]
