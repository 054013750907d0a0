"""Lineage leaves the house: PROV-JSON that the reference library reads, and a drawing."""

from __future__ import annotations

import datetime
import json

import pytest
from IPython.lib.pretty import pretty

from awe.model import classes

classes.load()

from awe.model.calibrations import BiasFrame, ReadNoise  # noqa: E402
from awe.model.observing import Chip, Instrument  # noqa: E402
from awe.model.parameters import BiasFrameParameters  # noqa: E402
from awe.model.raw import RawBiasFrame  # noqa: E402

DATE = datetime.datetime(2012, 6, 1)


@pytest.fixture
def bias(login):
    login()
    where = {"instrument": Instrument(name="OMEGACAM"), "chip": Chip(name="ESO_CCD_#65")}
    raws = [RawBiasFrame(**where, filename=f"b{n}.fits", DATE_OBS=DATE) for n in range(3)]
    noise = ReadNoise(**where, raw_bias_frames=raws[:2])
    made = BiasFrame(
        **where, raw_bias_frames=raws, read_noise=noise, filename="bias.fits",
        process_params=BiasFrameParameters.make("OMEGACAM", {"SIGMA_CLIP": 2.5}),
    )  # fmt: skip
    made.commit()
    return made


def test_the_reference_library_reads_it_and_finds_every_link(bias, tmp_path):
    model = pytest.importorskip("prov.model")
    path = tmp_path / "lineage.json"
    told = bias.lineage().to_prov(path)
    assert json.loads(path.read_text()) == told
    assert repr(told).startswith("<PROV-JSON: 5 entity, 2 activity, 1 agent")
    assert "\n" not in pretty(told)
    document = model.ProvDocument.deserialize(content=path.read_text(), format="json")
    entities = {str(entity.identifier) for entity in document.get_records(model.ProvEntity)}
    objects = [bias, bias.read_noise, *bias.raw_bias_frames]
    assert entities == {f"awe:{item.object_id}" for item in objects}
    assert len(list(document.get_records(model.ProvActivity))) == 2
    assert [str(a.identifier) for a in document.get_records(model.ProvAgent)] == [
        "awe:user-AWSTUDENT"
    ]
    derived = document.get_records(model.ProvDerivation)
    pairs = {(str(d.args[0]), str(d.args[1])) for d in derived}
    assert (f"awe:{bias.object_id}", f"awe:{bias.raw_bias_frames[2].object_id}") in pairs
    assert len(pairs) == 3 + 1 + 2
    again = model.ProvDocument.deserialize(content=document.serialize(format="json"))
    assert again == document


def test_roles_parameters_and_times_are_told(bias):
    told = bias.lineage().to_prov()
    roles = sorted(used["prov:role"] for used in told["used"].values())
    assert roles == ["raw_bias_frames"] * 5 + ["read_noise"]
    making = told["activity"][f"awe:making-{bias.object_id}"]
    assert making["awe:SIGMA_CLIP"] == 2.5
    times = [one["prov:time"] for one in told["wasGeneratedBy"].values()]
    assert times == [bias.creation_date.isoformat() + "Z"] * 2


def test_it_is_drawn_with_every_object_once(bias, tmp_path):
    path = tmp_path / "lineage.png"
    figure = bias.lineage().draw(path)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("BiasFrame\nbias.fits") == 1
    assert sum(text.startswith("RawBiasFrame\n") for text in texts) == 3
    assert path.read_bytes().startswith(b"\x89PNG")


def _tree(inputs):
    names = {"red": "ReducedScienceFrame\n...0123456789abcdef01234567"}
    names |= {n: f"IlluminationCorrectionFrame\n...{n:024d}" for n in range(inputs)}
    return names, [("red", n, "illumination_correction") for n in range(inputs)]


@pytest.mark.parametrize("inputs", [0, 1, 5, 13, 30])
def test_nothing_of_a_drawing_is_cut_off_and_no_boxes_overlap(inputs, tmp_path):
    from awe.inspect.graph import draw

    figure = draw(*_tree(inputs), "red", tmp_path / "tree.png")
    picture = figure.bbox
    axes = figure.axes[0]
    for text in axes.texts:
        extent = text.get_window_extent()
        assert picture.x0 <= extent.x0 <= extent.x1 <= picture.x1, text
        assert picture.y0 <= extent.y0 <= extent.y1 <= picture.y1, text
    boxes = [patch.get_window_extent() for patch in axes.patches]
    assert len(boxes) == 1 + min(inputs, 13 if inputs <= 13 else 12)
    assert not any(
        one.overlaps(other) for n, one in enumerate(boxes) for other in boxes[:n]
    )
    for box in boxes:
        inside = [t for t in axes.texts if box.contains(*t.get_window_extent().p0)]
        assert all(box.contains(*t.get_window_extent().p1) for t in inside if "\n" in t.get_text())
    said = [text.get_text() for text in axes.texts]
    assert ("and 18 more" in said) == (inputs == 30)


def test_the_longest_way_decides_where_a_box_stands():
    from awe.inspect.graph import columns

    edges = [("red", "raw", ""), ("red", "bias", ""), ("bias", "raw", "")]
    assert columns(edges, "red") == {"red": 0, "bias": 1, "raw": 2}
