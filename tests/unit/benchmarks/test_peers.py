"""The others are built and run as they should be, at sizes that take no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import peers, peers_child, peers_networks, peers_report
from benchmarks.peers import Measured, Peer, Runner, measure
from benchmarks.peers_loop import Greedy
from benchmarks.peers_networks import BLIP, GIT, VIT_GPT2, Sizes
from benchmarks.pictures import photographs

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
    assert found == {"vit-gpt2": 239_195_904, "blip-base": 223_971_644, "git-base": 176_619_066}


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
