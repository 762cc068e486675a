"""The engines agree: same words, same probabilities, same attention."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.captioner import Captioner, load
from models.captioning.confidence import Calibration
from models.captioning.decoding import SearchConfig, search
from models.captioning.preprocess import Preprocessing, to_array
from models.captioning.vocabulary import Vocabulary
from models.networks.captioners import Encoded, Exportable
from models.runtime.bundle import CONFIG, DECODER, FORMAT, SHIPPED, BundleError, Config, read
from models.runtime.engines.onnx import OnnxEngine
from models.runtime.engines.torch import TorchEngine
from models.runtime.export import export, write_graphs
from tests.bundles import SIZE, WORDS, drawing, photograph
from training.evaluation.likelihood import of_captions

if TYPE_CHECKING:
    from PIL import Image

    from models.networks.decoder_base import Tensors

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")


def pictures() -> dict[str, Image.Image]:
    drawn = drawing("red", "circle", "left", (320, 200))
    return {name: photograph(name) for name in PHOTOGRAPHS} | {"drawing": drawn}


@pytest.fixture(scope="session")
def unrounded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped bundle with graphs that run in float32."""
    folder = shutil.copytree(SHIPPED, tmp_path_factory.mktemp("unrounded") / "bundle")
    captioner = load(folder, "torch")
    assert isinstance(captioner.engine, TorchEngine)
    write_graphs(captioner.engine.network, captioner.config.preprocessing.size, folder)
    captioner.config.save(folder)
    return folder


@pytest.fixture(scope="module", params=["tiny_bundle", "unrounded"])
def both(request: pytest.FixtureRequest) -> tuple[Captioner, Captioner]:
    """The same bundle on both engines."""
    torch.set_num_threads(1)  # small networks on a busy machine: more threads are slower
    folder = request.getfixturevalue(request.param)
    return load(folder, "onnx", threads=1), load(folder, "torch")


@pytest.mark.parametrize("beam", [1, 3])
def test_both_engines_say_the_same(both: tuple[Captioner, Captioner], beam: int) -> None:
    config = SearchConfig(beam_size=beam, max_words=10, consensus=0.5, neighbours=4)
    for name, image in pictures().items():
        onnx, torch = (captioner.describe(image, config) for captioner in both)
        assert onnx.words == torch.words, name
        assert onnx.log_probabilities == pytest.approx(torch.log_probabilities, abs=1e-4)
        assert np.allclose(onnx.attention, torch.attention, atol=1e-4)
        assert onnx.confidence == pytest.approx(torch.confidence, abs=1e-3)
        assert onnx.signals == pytest.approx(torch.signals, abs=2e-3)
        assert [tag.name for tag in onnx.tags] == [tag.name for tag in torch.tags]
        assert onnx.tags[0].probability == pytest.approx(torch.tags[0].probability, abs=1e-3)


def test_what_ships_rounds_a_little_and_no_more(unrounded: Path) -> None:
    """ADR 0021: it runs in int8."""
    rounded, exact = load(SHIPPED, threads=1), load(unrounded, threads=1)
    for name in PHOTOGRAPHS:
        encodings = [each.encode(photograph(name)) for each in (rounded, exact)]
        one, other = (each.features for each in encodings)
        assert one @ other > 0.99 * np.linalg.norm(one) * np.linalg.norm(other), name
        assert np.abs(encodings[0].classes - encodings[1].classes).max() < 0.1
        said = [rounded.caption(encodings[0]).words]
        doubts = [
            of_captions(captioner.engine, encoding, captioner.vocabulary, said).loss
            for captioner, encoding in zip((rounded, exact), encodings, strict=True)
        ]
        # 0.02 to 0.07 a picture on processors without VNNI, 0.01 with it
        assert doubts[0] == pytest.approx(doubts[1], abs=0.08), name


def test_attention_is_a_share_of_the_picture_for_each_word(
    both: tuple[Captioner, Captioner],
) -> None:
    for captioner in both:
        caption = captioner.describe(photograph("coffee"))
        assert caption.attention.shape == (len(caption.words), *captioner.config.grid)
        assert caption.attention.min() >= 0
        assert caption.attention.sum((1, 2)) == pytest.approx(1, abs=1e-5)
        assert len(caption.log_probabilities) == len(caption.words) + 1


def test_there_are_five_tags_the_likeliest_first(both: tuple[Captioner, Captioner]) -> None:
    tags = both[0].describe(photograph("chelsea")).tags
    assert len({tag.name for tag in tags}) == 5
    shares = [tag.probability for tag in tags]
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[-1] <= shares[0] < 1


def test_the_caption_depends_on_the_picture(both: tuple[Captioner, Captioner]) -> None:
    said = {both[0].describe(image).words for image in pictures().values()}
    assert len(said) > 1


def test_the_same_picture_gives_the_same_caption(both: tuple[Captioner, Captioner]) -> None:
    for captioner in both:
        first, again = (captioner.describe(photograph("rocket")) for _ in range(2))
        assert first.words == again.words
        assert first.log_probabilities == again.log_probabilities


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK", "I;16"])
def test_any_mode_and_size_is_captioned(tiny_bundle: Path, mode: str) -> None:
    image = photograph("chelsea").resize((37, 411))
    image = image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode)
    assert load(tiny_bundle).describe(image).words


class Historian(Exportable):
    """Remembers every word: one part of memory, two of state, of which one grows, no classes."""

    channels = 3
    growing = (1, None)

    def __init__(self, words: int) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.embedding = nn.Embedding(words, 8)
        self.look = nn.Linear(3, 8)
        self.words = nn.Linear(8, words)

    def encode(self, pixels: Tensor) -> Encoded:
        grid = nn.functional.avg_pool2d(pixels, SIZE // 2).flatten(2).transpose(1, 2)
        state = (grid.new_zeros(1, 0, 8), grid.mean(2))  # no word was said so far
        return Encoded((grid,), state, grid.mean(1), None)

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        said = torch.cat([state[0], self.embedding(tokens)[:, None]], 1)  # (K, T + 1, 8)
        places = self.look(memory[0])[0]  # (4, 8)
        attention = (said.mean(1) @ places.T + state[1]).softmax(-1)
        scores = self.words(5 * attention @ places + said.sum(1)).log_softmax(-1)
        return scores, attention, (said, state[1] * 0.5)


@pytest.fixture(scope="module")
def historian(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config, Historian]:
    vocabulary = Vocabulary.from_words(WORDS)
    folder = tmp_path_factory.mktemp("historian")
    config = Config({}, Preprocessing(SIZE), SearchConfig(), Calibration(), (2, 2))
    network = Historian(len(vocabulary))
    export(network, vocabulary, config, "# A test\n", {}, folder)
    return folder, config, network


def test_a_network_of_any_memory_and_state_runs_on_both_engines(
    historian: tuple[Path, Config, Historian],
) -> None:
    folder, config, network = historian
    engines = OnnxEngine(folder, config, len(WORDS) + 4, 1), TorchEngine(network, "cpu")
    said = set()
    for image in pictures().values():
        pixels = to_array(image.convert("RGB"), config.preprocessing)
        encoded = [engine.encode(pixels) for engine in engines]
        assert all(len(each.classes) == 0 and each.features.shape == (3,) for each in encoded)
        onnx, wanted = (
            search(engine, each, SearchConfig(max_words=6))
            for engine, each in zip(engines, encoded, strict=True)
        )
        assert [each.tokens for each in onnx] == [each.tokens for each in wanted]
        assert onnx[0].log_probabilities == pytest.approx(wanted[0].log_probabilities, abs=1e-4)
        said.add(onnx[0].tokens)
    assert len(said) > 1


def test_graphs_of_two_networks_do_not_fit(broken_bundle: Path) -> None:
    import onnx

    config, vocabulary, _ = read(broken_bundle)
    decoder = onnx.load(broken_bundle / DECODER, load_external_data=False)
    first = decoder.graph.input[1]
    for node in decoder.graph.node:
        node.input[:] = ["elsewhere" if name == first.name else name for name in node.input]
    first.name = "elsewhere"  # as another network's would be called
    (broken_bundle / DECODER).write_bytes(decoder.SerializeToString())
    with pytest.raises(BundleError, match=r"decoder\.onnx cannot be used") as raised:
        OnnxEngine(broken_bundle, config, len(vocabulary), 1)
    assert "decoder.onnx: inputs: expected ['tokens', 'memory_0'" in raised.value.detail
    assert ", found ['tokens', 'elsewhere'" in raised.value.detail


def test_another_size_or_vocabulary_is_told_apart(
    historian: tuple[Path, Config, Historian],
) -> None:
    folder, config, _ = historian
    with pytest.raises(BundleError, match=r"vocabulary\.json cannot be used") as raised:
        OnnxEngine(folder, config, len(WORDS) + 5, 1)
    assert raised.value.detail == (
        f"vocabulary.json: words: expected [{len(WORDS) + 4}], found [{len(WORDS) + 5}]"
    )
    larger = dataclasses.replace(config, preprocessing=Preprocessing(2 * SIZE))
    with pytest.raises(BundleError, match=r"encoder\.onnx cannot be used") as raised:
        OnnxEngine(folder, larger, len(WORDS) + 4, 1)
    assert f"expected [('pixels', [1, 3, {2 * SIZE}, {2 * SIZE}])]" in raised.value.detail


def test_weights_are_stored_once(tiny_bundle: Path) -> None:
    import onnx

    weights = (tiny_bundle / "weights.safetensors").stat().st_size
    for part in ("encoder.onnx", "decoder.onnx"):
        assert (tiny_bundle / part).stat().st_size < weights / 20
        graph = onnx.load(tiny_bundle / part, load_external_data=False).graph
        elsewhere = [
            {entry.key: entry.value for entry in tensor.external_data}
            for tensor in graph.initializer
            if tensor.external_data
        ]
        assert elsewhere
        assert {place["location"] for place in elsewhere} == {"weights.safetensors"}


def test_graphs_tell_nothing_of_the_machine_that_made_them(tiny_bundle: Path) -> None:
    here = str(Path(__file__).parents[4]).encode()
    for part in ("encoder.onnx", "decoder.onnx"):
        data = (tiny_bundle / part).read_bytes()
        assert here not in data
        assert b".py" not in data
        assert b"site-packages" not in data


def test_the_shipped_bundle_is_light() -> None:
    assert sum(part.stat().st_size for part in SHIPPED.iterdir()) < 40_000_000


@pytest.mark.parametrize(
    "said",
    [
        "Flickr8k",
        "non-commercial",
        "Apache-2.0",
        "BLEU-4",
        "CIDEr",
        "development",
        "AUROC",
        "bad at",
        "int8",
    ],
)
def test_the_shipped_card_names_data_licences_and_scores(said: str) -> None:
    assert said in (SHIPPED / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_shipped_captioner_was_calibrated() -> None:
    config = load(SHIPPED).config
    assert len(config.calibration.weights) > 10
    assert config.calibration.sure > config.calibration.medium > 0
    assert json.loads((SHIPPED / CONFIG).read_text(encoding="utf-8"))["format"] == FORMAT


def test_the_default_engine_needs_no_torch(tiny_bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    drawing("blue", "square", "right").save(path)
    code = (
        "import sys; from pathlib import Path; from PIL import Image\n"
        "from models.captioner import load\n"
        "captioner = load(Path(sys.argv[1]))\n"
        "print(*captioner.describe(Image.open(sys.argv[2])).words)\n"
        "assert not {'torch', 'torchvision', 'onnx', 'safetensors'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tiny_bundle, path],
        check=True,
        text=True,
        capture_output=True,
        timeout=60,
        cwd=Path(__file__).parents[4],
    )
    assert done.stdout.strip()
