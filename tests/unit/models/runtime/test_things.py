"""A bundle whose captioner knows things: both engines see the same ones, and answer alike."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from models.captioner import Captioner, load
from models.captioning.answer import Answer
from models.captioning.confidence import Calibration
from models.captioning.kinds import kinds
from models.captioning.things import THING_SIGNALS
from models.networks.captioners import CaptioningNetwork
from models.networks.registry import ENCODERS
from models.runtime.bundle import CONFIG, ENCODER, WEIGHTS, BundleError, read
from models.runtime.engines.onnx import OnnxEngine
from models.runtime.engines.torch import TorchEngine
from models.runtime.quantisation import quantise
from tests.bundles import GROUNDED, drawing, photograph
from tests.variants import TinyEncoder

KINDS, GRID = 80, (2, 2)
Both = tuple[Captioner, Captioner]


def pictures() -> dict[str, Image.Image]:
    return {name: photograph(name) for name in ("astronaut", "coffee")} | {
        "left": drawing("red", "circle", "left"),
        "right": drawing("blue", "square", "right"),
    }


@pytest.fixture(scope="module")
def both(grounded_bundle: Path) -> Both:
    """The same bundle on both engines."""
    torch.set_num_threads(1)
    return load(grounded_bundle, "onnx", threads=1), load(grounded_bundle, "torch")


@pytest.fixture
def broken(grounded_bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(grounded_bundle, tmp_path / "grounded")


def answering(captioner: Captioner, **limits: Any) -> Captioner:
    """The same captioner, calibrated otherwise."""
    calibration = Calibration(**{"weights": {}} | limits)  # no evidence: one half
    return Captioner(
        captioner.engine,
        dataclasses.replace(captioner.config, calibration=calibration),
        captioner.vocabulary,
        captioner.caption_store,
    )


def without_numbers(answer: Answer) -> tuple[object, ...]:
    """All that is the same for two engines that round differently."""
    kinds = [[thing.spoken for thing in things] for things in (answer.sure, answer.unsure)]
    return answer.form, answer.seen, answer.said, kinds, answer.others


def test_both_engines_see_the_same_things_and_answer_alike(both: Both) -> None:
    said = set()
    listing = [
        answering(captioner, sure=0.9, medium=0.8, object_listed=0.5, tag=1.0) for captioner in both
    ]
    for name, image in pictures().items():
        onnx, reference = (captioner.encode(image) for captioner in both)
        assert onnx.objects.shape == (KINDS, 6)
        assert onnx.places.shape == (KINDS, *GRID)
        assert np.allclose(onnx.objects, reference.objects, rtol=1e-3, atol=2e-3), name
        assert np.allclose(onnx.places, reference.places, atol=1e-3), name
        assert onnx.places.sum((1, 2)) == pytest.approx(1, abs=1e-5)
        one, other = (
            captioner.caption(encoding)
            for captioner, encoding in zip(both, (onnx, reference), strict=True)
        )
        assert (one.words, one.claimed) == (other.words, other.claimed)
        assert without_numbers(one.answer) == without_numbers(other.answer)
        assert one.signals == pytest.approx(other.signals, abs=5e-3)
        seen = {captioner.caption(onnx).answer for captioner in listing}
        assert len(seen) == 1
        said |= seen
    assert len(said) > 1


def test_all_kinds_are_told_the_likeliest_first(both: Both) -> None:
    for captioner in both:
        for image in pictures().values():
            encoding = captioner.encode(image)
            caption = captioner.caption(encoding)
            assert sorted(thing.kind for thing in caption.things) == list(range(KINDS))
            shares = [thing.probability for thing in caption.things]
            assert shares == sorted(shares, reverse=True)
            assert shares[0] > 0.3 > shares[-1]
            assert caption.places is not None
            for row, thing in enumerate(caption.things):  # the maps are in their order
                assert np.array_equal(caption.places[row], encoding.places[thing.kind])
                assert thing.name == kinds()[thing.kind].name
                left, top, right, bottom = thing.place
                assert 0 <= left < right <= 1
                assert 0 <= top < bottom <= 1


def test_numbers_differ_from_kind_to_kind(both: Both) -> None:
    counts = {
        thing.count for image in pictures().values() for thing in both[0].describe(image).things
    }
    assert counts == {1, 2, 3}


def test_what_the_things_say_is_among_the_signals(both: Both) -> None:
    caption = both[0].describe(photograph("coffee"))
    assert caption.signals.keys() >= THING_SIGNALS
    assert caption.signals["surest"] == pytest.approx(caption.things[0].probability)


@pytest.mark.parametrize("engine", [0, 1])
def test_the_four_forms(both: Both, engine: int) -> None:
    captioner, image = both[engine], photograph("astronaut")
    known = {"object_support": 0.0, "tag": 1.0}  # nothing that is named is doubted
    plain = answering(captioner, sure=0.5, **known).describe(image)
    hedged = answering(captioner, sure=0.6, medium=0.5, **known).describe(image)
    assert (plain.answer.form, hedged.answer.form) == ("plain", "hedged")
    unsure = {"sure": 0.9, "medium": 0.8, "tag": 1.0}
    things = answering(captioner, **unsure, object_listed=0.3).describe(image)
    assert things.answer.form == "things"
    assert 1 <= len(things.answer.seen) <= 4
    likely = {thing.spoken for thing in things.things if thing.probability >= 0.3}
    assert set(things.answer.seen) <= likely
    assert things.answer.said == {
        thing.kind for thing in things.things if thing.spoken in things.answer.seen
    }
    unknown = answering(captioner, **unsure, object_listed=1.1).describe(image)
    assert (unknown.answer.form, unknown.answer.seen) == ("unknown", ())


def change(folder: Path, **entries: Any) -> None:
    """Change entries of config.json."""
    config, *_ = read(folder)
    dataclasses.replace(config, **entries).save(folder)


def sign(folder: Path) -> None:
    """Have config.json vouch for parts that were changed."""
    table = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    table["files"] = {
        part: hashlib.sha256((folder / part).read_bytes()).hexdigest() for part in table["files"]
    }
    (folder / CONFIG).write_text(json.dumps(table), encoding="utf-8")


@pytest.mark.parametrize("kept", [("features", "classes"), ("features", "classes", "objects")])
def test_an_encoder_that_lacks_the_things_of_its_config_is_refused(
    broken: Path, kept: tuple[str, ...]
) -> None:
    import onnx

    config, vocabulary, _ = read(broken)
    graph = onnx.load(broken / ENCODER, load_external_data=False)
    for output in list(graph.graph.output):
        if output.name in {"objects", "places"} - set(kept):
            graph.graph.output.remove(output)
    (broken / ENCODER).write_bytes(graph.SerializeToString())
    sign(broken)
    with pytest.raises(BundleError, match=r"encoder\.onnx cannot be used: it does not fit") as why:
        load(broken)
    assert "objects" in why.value.detail or "head for things" in why.value.detail
    with pytest.raises(BundleError, match=r"encoder\.onnx cannot be used"):
        OnnxEngine(broken, config, len(vocabulary), 1)


@pytest.mark.parametrize(
    ("name", "axis", "length"),
    [("objects", 1, KINDS - 1), ("objects", 2, 5), ("places", 1, KINDS - 1), ("places", 3, 1)],
)
def test_things_of_another_shape_are_refused(
    broken: Path, name: str, axis: int, length: int
) -> None:
    import onnx

    graph = onnx.load(broken / ENCODER, load_external_data=False)
    for node in graph.graph.node:
        for ends in (node.input, node.output):
            for place, end in enumerate(ends):
                if end == name:
                    ends[place] = f"whole {name}"
    first = onnx.numpy_helper.from_array(np.arange(length), "first ones")
    graph.graph.initializer.append(first)
    graph.graph.node.append(
        onnx.helper.make_node("Gather", [f"whole {name}", "first ones"], [name], axis=axis)
    )
    (output,) = (each for each in graph.graph.output if each.name == name)
    output.type.tensor_type.shape.dim[axis].dim_value = length
    (broken / ENCODER).write_bytes(graph.SerializeToString())
    sign(broken)
    with pytest.raises(BundleError, match=r"encoder\.onnx cannot be used: it does not fit") as why:
        load(broken, threads=1)
    assert name in why.value.detail


def test_things_that_the_config_does_not_tell_of_are_refused(broken: Path) -> None:
    change(broken, architecture={key: value for key, value in GROUNDED.items() if key != "objects"})
    with pytest.raises(BundleError, match=r"encoder\.onnx cannot be used: it does not fit"):
        load(broken, threads=1)
    with pytest.raises(BundleError, match=r"weights\.safetensors cannot be used"):
        load(broken, "torch")


def test_a_head_for_other_kinds_is_refused(
    grounded_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    monkeypatch.setitem(ENCODERS, "tiny", TinyEncoder)
    config, vocabulary, _ = read(grounded_bundle)
    few = GROUNDED | {
        "encoder": "tiny",
        "objects": {"kinds": 7},
        "decoder_options": GROUNDED["decoder_options"] | {"kinds": 7},
    }
    save_file(quantise(CaptioningNetwork(few, len(vocabulary)).state_dict()), tmp_path / WEIGHTS)
    config = dataclasses.replace(config, architecture=few, grid=(4, 4))
    with pytest.raises(BundleError, match=r"config\.json cannot be used: .* must know 80 kinds"):
        TorchEngine.load(tmp_path, config, len(vocabulary))


@pytest.mark.parametrize("signal", sorted(THING_SIGNALS))
def test_only_where_there_are_things_can_they_be_signals(
    broken: Path, broken_bundle: Path, signal: str
) -> None:
    calibration = Calibration({signal: 1.0}, object_offsets=(0.5,) * KINDS)
    change(broken, calibration=calibration)
    read_again, *_ = read(broken)
    assert read_again.calibration == calibration
    change(broken_bundle, calibration=calibration)
    with pytest.raises(BundleError, match=rf"config\.json .* there is no signal {signal}"):
        read(broken_bundle)
