"""The others are built and run as they should be, at sizes that take no time."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import (
    peers,
    peers_child,
    peers_florence,
    peers_networks,
    peers_report,
    peers_smolvlm,
)
from benchmarks.peers import Measured, Peer, Runner, measure
from benchmarks.peers_loop import Greedy
from benchmarks.peers_networks import BLIP, GIT, VIT_GPT2, Sizes
from benchmarks.pictures import photographs
from tests import eyes_florence, eyes_smolvlm
from tests.shared import made_once

TINY: dict[str, Any] = {
    "side": 32,
    "places": 24,
    "layers": 1,
    "speaking_layers": 2,
    "width": 32,
    "heads": 2,
    "inner": 48,
    "patch": 8,
    "words": 60,
}
WORDS = 5


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("peers")
    for name in ("vit-gpt2", "published", "git-base", "blip-base"):
        peers_child.build(name, folder, Sizes(**TINY))
    return folder


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those that are asked a question, of the graphs that other tests have, too."""
    folder = tmp_path_factory.mktemp("asked")
    florence = made_once(tmp_path_factory, "florence2", eyes_florence.write)
    smolvlm = made_once(tmp_path_factory, "smolvlm", eyes_smolvlm.write)

    def graphs(_: object, out: Path, side: int, shrink: Any, ending: str) -> None:
        assert (side, ending) == (eyes_florence.SIDE, "_q4")
        shutil.copytree(florence / "onnx", out)
        for role in ("encoder_model", "decoder_model_merged"):
            path = (out / f"{role}.onnx").rename(out / f"{role}_q4.onnx")
            shrink(path)

    def more_graphs(_: object, out: Path) -> None:
        shutil.copytree(smolvlm / "onnx", out)
        decoder = out / "decoder_model_merged_int8.onnx"
        decoder.rename(out / "decoder_model_merged.onnx")

    networks = eyes_florence.model(), eyes_smolvlm.model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.peers_florence.graphs", graphs)
        patch.setattr("benchmarks.peers_smolvlm.graphs", more_graphs)
        patch.setattr("benchmarks.peers_florence.model", lambda: networks[0])
        patch.setattr("benchmarks.peers_smolvlm.model", lambda: networks[1])
        patch.setattr("benchmarks.peers_florence.SIDE", eyes_florence.SIDE)
        for name in ("florence-2", "smolvlm"):
            peers_child.build(name, folder)
    return folder


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    return photographs(None, 3)


def test_the_others_have_their_published_numbers_of_parameters() -> None:
    import torch

    with torch.device("meta"):  # sizes without memory
        found = {
            name: sum(each.numel() for each in make(sizes).parameters())
            for name, make, sizes in (
                ("vit-gpt2", peers_networks.vit_gpt2, VIT_GPT2),
                ("blip-base", peers_networks.blip, BLIP),
                ("git-base", peers_networks.git, GIT),
            )
        }
        asked = {
            "florence-2": peers_florence.model(),
            "smolvlm": peers_smolvlm.model(),
        }
    found |= {name: sum(each.numel() for each in made.parameters()) for name, made in asked.items()}
    assert found == {
        "vit-gpt2": 239_195_904,
        "blip-base": 223_971_644,
        "git-base": 176_619_066,
        "florence-2": 231_414_016,
        "smolvlm": 256_484_928,
    }


def test_the_graphs_say_what_transformers_says(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(2)
    model = peers_networks.vit_gpt2(Sizes(**TINY))
    for parameter in model.parameters():
        parameter.data *= 8  # clear choices: rounding must not decide between two words
    peers_networks.export(model, tmp_path)
    pixels = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    theirs = model.generate(
        pixel_values=torch.from_numpy(pixels),
        min_new_tokens=WORDS,
        max_new_tokens=WORDS,
        do_sample=False,
        num_beams=1,
    )
    said = Greedy(tmp_path, 1).caption(pixels, WORDS)
    assert said == theirs[0, 1:].tolist()
    assert len(set(said)) == WORDS


def test_with_int8_no_matrix_is_left_wide(built: Path) -> None:
    import onnx

    for name in ("encoder.onnx", "decoder.onnx"):
        graph = onnx.load(built / "vit-gpt2 int8" / name).graph
        wide = {
            each.name
            for each in graph.initializer
            if each.data_type == onnx.TensorProto.FLOAT and len(each.dims) == 2
        }
        assert not [
            node.name
            for node in graph.node
            if node.op_type in ("MatMul", "Gemm") and wide & set(node.input)
        ]
        assert "MatMulInteger" in {node.op_type for node in graph.node}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("onnx", "vit-gpt2 fp32"),
        ("onnx", "vit-gpt2 int8"),
        ("published", "published int8"),
        ("torch", "published torch"),
        ("torch", "git-base"),
        ("torch", "blip-base"),
    ],
)
def test_captions_have_the_length_that_is_asked_for(
    built: Path, pictures: list[bytes], kind: str, name: str
) -> None:
    say = peers_child.MAKE[kind](built / name, 1)
    assert [say(picture, WORDS) for picture in pictures] == [WORDS] * len(pictures)


@pytest.mark.parametrize(
    ("kind", "name", "operator"),
    [
        ("published", "florence-2 q4", "MatMulNBits"),
        ("asked torch", "florence-2 torch", ""),
        ("published", "smolvlm int8", "MatMulInteger"),
        ("asked torch", "smolvlm torch", ""),
    ],
)
def test_what_is_asked_a_question_says_as_many_words(
    asked: Path, pictures: list[bytes], kind: str, name: str, operator: str
) -> None:
    assert Peer(name, kind) in [Peer(each.name, each.kind) for each in peers.PEERS]
    say = peers_child.MAKE[kind](asked / name, 1)
    assert [say(picture, WORDS) for picture in pictures] == [WORDS] * len(pictures)
    for path in (asked / name).glob("*decoder*.onnx"):
        assert operator.encode() in path.read_bytes()


def test_all_are_measured_in_processes_of_their_own(built: Path, pictures: list[bytes]) -> None:
    chosen = [peers.PEERS[0], Peer("vit-gpt2 int8", "onnx", "vit-gpt2", "here")]
    found = measure(built, pictures, 1, chosen)
    assert [each.peer for each in found] == chosen
    for each in found:
        assert len(each.captions) == len(each.words) == len(pictures)
        assert len(each.loads) == peers.LOADS
        assert min(*each.captions, *each.loads, each.loaded, each.disk) > 0
        assert each.peak >= each.loaded / 2
    assert len(set(found[1].words)) == 1
    assert found[1].words[0] == round(np.mean(found[0].words))


def test_a_captioner_that_cannot_start_is_told(tmp_path: Path) -> None:
    from describer_daemon.core.ports import DescriberError

    with pytest.raises(DescriberError, match="broke off"):
        Runner(Peer("git-base", "torch"), tmp_path, 1)


def test_ratios_are_of_medians_over_the_same_pictures() -> None:
    ours = [10.0, 20.0, 30.0]
    assert peers_report.ratio([4 * each for each in ours], ours) == pytest.approx((4, 4, 4))
    value, low, high = peers_report.ratio([50, 20, 90, 40], [10, 10, 10, 10])
    assert low <= value == 4.5 <= high
    assert low < high


def test_the_table_compares_with_ours(tmp_path: Path) -> None:
    mine = Measured(peers.PEERS[0], 20, [10.0, 12.0], [11, 11], [0.5], 90, 100)
    other = Measured(peers.PEERS[2], 250, [100.0, 120.0], [11, 11], [3.0], 600, 800)
    lines = peers_report.table([mine, other], 2).splitlines()
    assert lines[1].startswith("ours ")
    assert "10.0 (10.0 to 10.0), ≥ 10" in lines[2]
    assert "8.0, ≥ 4" in lines[2]
    peers_report.plot([mine, other], tmp_path / "peers.png")
    assert (tmp_path / "peers.png").stat().st_size > 5000
