"""Every encoder with every decoder: forward, backward, to ONNX and back with equal words."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from models.captioner import load
from models.captioning.confidence import Calibration
from models.captioning.decoding import SearchConfig
from models.captioning.preprocess import Preprocessing
from models.captioning.vocabulary import PAD, Vocabulary
from models.networks.captioners import CaptioningNetwork
from models.networks.encoder_base import Encoder, read_weights, starting_tensors
from models.networks.published import FixedNorm, MobileNetV2, Published
from models.networks.registry import DECODERS, ENCODERS
from models.networks.same import SameConv2d
from models.runtime.bundle import Config
from models.runtime.export import export
from tests.bundles import WORDS, drawing, photograph
from tests.variants import VARIANTS, WITH_OBJECTS, TinyEncoder
from training.release import neighbours
from training.trainer import self_critical

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.networks.decoder_base import Decoder

SIZES = {"inception_v3": 128}  # it pads nothing: less would leave one cell
V = 9
LIBRARY = ("inception_v3", "mobilenet_v2", "resnet50", "vgg16", "xception")
"""ResNet-101 has no block that ResNet-50 has not."""


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """What the tests here share are gigabytes, which later tests have no use for."""
    yield
    encoder.cache_clear()
    library.cache_clear()


@functools.cache
def encoder(name: str) -> Encoder:
    torch.manual_seed(4)
    return ENCODERS[name]().eval()


def size(name: str) -> int:
    return SIZES.get(name, 64)


def without_gradient(module: nn.Module) -> list[str]:
    return [
        name
        for name, parameter in module.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]


def loss_of(decoder: Decoder, features: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy, and what the decoder adds to it."""
    logits, attention = decoder(features, tokens)
    assert logits.shape[-4:] == (2, 3, 5, V)
    assert attention.shape[-4:] == (2, 3, 5, features.shape[2] * features.shape[3])
    assert torch.allclose(attention.sum(-1), torch.ones(()), atol=1e-5)
    targets = tokens[..., 1:].expand(logits.shape[:-1])
    losses = functional.cross_entropy(
        logits.flatten(0, -2), targets.flatten(), reduction="none", ignore_index=PAD
    ).view(targets.shape)
    return losses.mean() + decoder.surrogate(losses)


def test_every_registered_decoder_has_a_variant_here() -> None:
    assert {name for name, _ in VARIANTS.values()} | WITH_OBJECTS == set(DECODERS)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_every_combination_runs_forward_and_backward(name: str) -> None:
    network, side = encoder(name).train(), size(name)
    torch.manual_seed(1)
    features = network(torch.rand(2, 3, side, side) * 2 - 1)
    assert features.shape == (2, network.channels, *network.grid(side))
    assert features.isfinite().all()
    seen = features.detach().requires_grad_()
    tokens = torch.randint(PAD + 1, V, (2, 3, 6))
    tokens[0, 0, 4:] = PAD
    for variant, (decoder_name, options) in VARIANTS.items():
        decoder = DECODERS[decoder_name](channels=network.channels, vocab_size=V, **options)
        loss = loss_of(decoder, seen, tokens)
        loss.backward()
        assert loss.isfinite(), variant
        assert not without_gradient(decoder), variant
    network.zero_grad()
    features.backward(seen.grad)
    left_out = set(without_gradient(network))
    assert left_out <= {
        entry for entry, _ in network.named_parameters() if entry.startswith(("fc.", "classifier."))
    }
    network.eval()


@pytest.mark.parametrize("name", ["tiny", "mobilenet_v2"])
def test_every_decoder_trains_in_bfloat16(name: str) -> None:
    network = TinyEncoder() if name == "tiny" else encoder(name)
    for variant, (decoder_name, options) in VARIANTS.items():
        torch.manual_seed(1)
        decoder = DECODERS[decoder_name](channels=network.channels, vocab_size=V, **options)
        tokens = torch.randint(PAD + 1, V, (2, 3, 6))
        with torch.autocast("cpu", torch.bfloat16):
            features = network(torch.rand(2, 3, 64, 64))
            logits, _ = decoder(features, tokens)
            targets = tokens[..., 1:].expand(logits.shape[:-1])
            losses = functional.cross_entropy(
                logits.float().flatten(0, -2), targets.flatten(), reduction="none"
            ).view(targets.shape)
            drawn, scores = self_critical.sample(decoder, features, 2, 4)
            loss = losses.mean() + decoder.surrogate(losses) - scores.mean()
        assert drawn.shape == scores.shape
        loss.backward()
        assert loss.isfinite(), variant
        assert not without_gradient(decoder), variant


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_stages_go_from_input_to_output_and_leave_nothing_out(name: str) -> None:
    network = encoder(name)
    stages = network.stages()
    assert 4 <= len(stages) <= 6
    inside = [id(parameter) for stage in stages for parameter in stage.parameters()]
    assert inside == list(dict.fromkeys(inside))
    everything = [id(parameter) for parameter in network.parameters()]
    assert set(inside) == set(everything)
    assert [id(each) for each in network.trainable(0)] == inside
    assert [id(each) for each in network.trainable(1)] == [
        id(each) for each in stages[-1].parameters()
    ]
    assert len(network.trainable(len(stages))) == len(everything)
    with pytest.raises(ValueError, match=f"has {len(stages)} stages, not {len(stages) + 1}"):
        network.trainable(len(stages) + 1)


# A full cross of exports would be all combinations of two graphs that never meet: the decoder's
# holds no encoder, and the encoder's ends with the decoder's `begin`, which is the same for every
# encoder but for the number of channels and cells. So each decoder is exported with an encoder
# that costs nothing, each encoder with one decoder; both kinds of cell and all scores are there.
EXPORTED = (
    "soft attention, GRU",
    "hard attention",
    "top-down",
    "Show and Tell, GRU",
    "merge",
    "global, concat, GRU",
    "monotonic, dot",
    "predictive, general",
)


def said(architecture: dict[str, Any], side: int, folder: Path) -> set[tuple[str, ...]]:
    """What both engines say of four pictures with a random network: the same."""
    vocabulary = Vocabulary.from_words(WORDS)
    torch.manual_seed(3)
    network = CaptioningNetwork(architecture, len(vocabulary))
    with torch.no_grad():  # clear choices: rounding must not decide between two words
        for parameter in network.decoder.parameters():
            parameter *= 2
    tokens = torch.tensor([vocabulary.encode(("a", "dog", "runs"))]).expand(4, 1, -1)
    memory = neighbours.build(
        np.random.default_rng(1).normal(size=(4, network.channels)).astype(np.float32), tokens
    )
    config = Config(
        architecture,
        Preprocessing(side),
        SearchConfig(max_words=6),
        Calibration(),
        network.encoder.grid(side),
    )
    export(network, vocabulary, config, "# A test\n", memory, folder)
    onnx, reference = load(folder, "onnx", threads=1), load(folder, "torch")
    pictures: list[Image.Image] = [
        photograph("coffee"),
        photograph("rocket"),
        drawing("red", "circle", "left"),
        drawing("blue", "square", "right"),
    ]
    words = set()
    for picture in pictures:
        ours, theirs = onnx.describe(picture), reference.describe(picture)
        assert ours.words == theirs.words
        assert ours.log_probabilities == pytest.approx(theirs.log_probabilities, abs=1e-3)
        assert np.allclose(ours.attention, theirs.attention, atol=1e-3)
        assert ours.attention.shape[1:] == network.encoder.grid(side)
        assert len(ours.tags) == len(theirs.tags) == (5 if network.encoder.classes else 0)
        words.add(ours.words)
    return words


@pytest.mark.parametrize("variant", EXPORTED)
def test_a_decoder_goes_to_onnx_and_back(
    variant: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(ENCODERS, "tiny", TinyEncoder)
    decoder, options = VARIANTS[variant]
    said({"encoder": "tiny", "decoder": decoder, "decoder_options": options}, 64, tmp_path)


@pytest.mark.parametrize("name", LIBRARY)
def test_an_encoder_goes_to_onnx_and_back(name: str, tmp_path: Path) -> None:
    decoder, options = VARIANTS["Show and Tell"]
    words = said(
        {"encoder": name, "decoder": decoder, "decoder_options": options}, size(name), tmp_path
    )
    assert all(words)


@functools.cache
def library(name: str) -> nn.Module:
    """The library's own network, with statistics in its norms that are not the identity."""
    from timm import create_model
    from torchvision.models import get_model

    torch.manual_seed(6)
    if name == "xception":
        network = create_model("legacy_xception", pretrained=False)
    else:
        more = {"init_weights": False, "aux_logits": False} if name == "inception_v3" else {}
        network = get_model(name, **more)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network.eval()


@pytest.mark.parametrize("name", LIBRARY)
def test_an_encoder_is_the_librarys_network_with_its_weights(name: str) -> None:
    theirs = library(name)
    options = {"padding": "symmetric"} if name == "mobilenet_v2" else {}
    ours = ENCODERS[name](**options).eval()
    ours.load_imagenet(theirs.state_dict())
    pixels = torch.rand(1, 3, size(name), size(name)) * 2 - 1
    with torch.inference_mode():
        grid = ours(pixels)
        if ours.classes:
            wanted, found = theirs(pixels), ours.classify(grid)
        else:
            wanted, found = theirs.features(pixels), functional.max_pool2d(grid, 2)
    scale = float(wanted.abs().max())
    assert torch.allclose(found, wanted, atol=1e-4 * scale)
    assert ours.train().training
    assert torch.equal(ours(pixels), grid)  # what the norms know does not move


def test_mobilenet_v2_pads_as_its_starting_weights_were_trained() -> None:
    network = MobileNetV2()
    strided = [
        module
        for module in network.modules()
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2)
    ]
    assert len(strided) == 5
    assert all(isinstance(each, SameConv2d) and each.pads == (0, 1, 0, 1) for each in strided)
    kept = {
        name
        for name in library("mobilenet_v2").state_dict()
        if not name.endswith("num_batches_tracked")
    }
    assert set(network.state_dict()) == kept
    with pytest.raises(ValueError, match="pads symmetrically: set encoder_options"):
        network.download()
    with pytest.raises(ValueError, match="unknown padding 'valid'"):
        ENCODERS["mobilenet_v2"](padding="valid")


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_starting_weights_come_from_a_local_file(ending: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    theirs = library("mobilenet_v2").state_dict()
    path = tmp_path / f"weights.{ending}"
    if ending == "pth":
        torch.save({"epoch": 3, "state_dict": theirs}, path)
    else:
        save_file(
            {
                name: value.half() if value.is_floating_point() else value
                for name, value in theirs.items()
            },
            path,
        )
    network = MobileNetV2()
    tensors = starting_tensors(network, path.name, tmp_path)
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    network.load_imagenet(tensors)
    for name, value in network.state_dict().items():
        assert torch.allclose(value, theirs[name], rtol=1e-3, atol=1e-4), name


def test_starting_weights_that_cannot_be_had_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offline(self: Published) -> dict[str, Tensor]:
        raise OSError("no route to host")

    monkeypatch.setattr(Published, "_fetch", offline)
    network = encoder("vgg16")
    with pytest.raises(
        ValueError,
        match=r"VGG16 cannot be downloaded \(no route to host\): put a "
        r"local file",
    ):
        starting_tensors(network, "imagenet", None)
    with pytest.raises(ValueError, match="cannot be downloaded: name a local file"):
        starting_tensors(encoder("mobilenet_edgetpu"), "imagenet", None)
    with pytest.raises(ValueError, match="give --weights"):
        starting_tensors(network, "vgg16.pth", None)
    with pytest.raises(ValueError, match=r"no starting weights at .*vgg16\.pth"):
        starting_tensors(network, "vgg16.pth", tmp_path)
    for name in ("damaged.safetensors", "damaged.pth"):
        (tmp_path / name).write_bytes(b"no weights at all")
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            read_weights(tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="are no table of tensors"):
        read_weights(tmp_path / "list.pth")
    with pytest.raises(ValueError, match=r"26 of the starting weights .* features\.0\.weight"):
        network.load_imagenet({"fc.weight": torch.zeros(3)})


def test_only_some_encoders_know_classes() -> None:
    with pytest.raises(ValueError, match="has no classifier"):
        encoder("vgg16").classify(torch.zeros(1, 512, 2, 2))
    for name in set(ENCODERS) - {"vgg16"}:
        network = encoder(name)
        assert network.classes == 1000
        assert network.classify(torch.rand(2, network.channels, 2, 3)).shape == (2, 1000)


def test_a_norm_is_batch_norm_with_its_statistics() -> None:
    theirs, ours = nn.BatchNorm2d(3, eps=0.01).eval(), FixedNorm(3, 0.01)
    for name, value in ours.state_dict().items():
        value.copy_(torch.rand(3) + 0.5)
        theirs.state_dict()[name].copy_(value)
    x = torch.randn(2, 3, 4, 5)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


@pytest.mark.parametrize(
    ("decoder", "options", "complaint"),
    [
        ("soft_attention", {"cell": "rnn"}, "unknown cell 'rnn'; known: gru, lstm"),
        ("luong_global", {"score": "cosine"}, "unknown score 'cosine'; known: concat, dot"),
        ("luong_local", {"alignment": "fixed"}, "unknown alignment 'fixed'"),
        ("luong_local", {"reach": 0}, "reach must be at least 1"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    decoder: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        DECODERS[decoder](channels=4, vocab_size=V, **options)
