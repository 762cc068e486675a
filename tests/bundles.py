"""Small captioners and data sets for the tests, made at once from random weights and drawings."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from models.captioning.confidence import Calibration
from models.captioning.decoding import SearchConfig
from models.captioning.preprocess import Preprocessing, to_array
from models.captioning.vocabulary import SPECIALS, Vocabulary
from models.runtime.bundle import Config

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from models.networks.captioners import CaptioningNetwork
    from models.networks.encoder_base import Encoder
    from models.networks.objects import ObjectHead

ROOT = Path(__file__).parent.parent
SIZE = 64
WORDS = ("a", "dog", "man", "in", "the", "grass", "red", "runs", "snow", "water", "on", "boat")
ARCHITECTURE = {
    "encoder": "mobilenet_edgetpu",
    "decoder": "soft_attention_lstm",
    "decoder_options": {"grid": 32, "hidden": 32, "embedding": 24, "attention": 16},
}
COLOURS = {"red": (200, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200)}
GROUNDED = ARCHITECTURE | {
    "decoder": "grounded_lstm",
    "decoder_options": {
        "kinds": 80,
        "evidence": 6,
        "grid": 32,
        "hidden": 32,
        "embedding": 24,
        "attention": 16,
    },
    "objects": {"kinds": 80},
}
PLACES = ("left", "right")
SHAPES = ("circle", "square")


def random_network(
    vocab_size: int, seed: int = 3, architecture: dict[str, Any] = ARCHITECTURE
) -> CaptioningNetwork:
    """A network whose captions, and things, depend on the picture, though it has learnt nothing."""
    import torch
    from torch import nn

    from models.networks.captioners import CaptioningNetwork

    torch.manual_seed(seed)
    network = CaptioningNetwork(architecture, vocab_size)
    for module in network.encoder.modules():
        if isinstance(module, nn.Conv2d):  # torch's own start fades out over these layers
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    decoder = network.decoder
    with torch.no_grad():  # clear choices: rounding must not decide between two words
        decoder.embedding.weight.normal_()
        decoder.from_context.weight *= 8
        decoder.attention.score.weight *= 20
        decoder.bias[: len(SPECIALS)] = -3.0
    network.eval()
    if network.objects is not None:
        _see_few_things(network.encoder, network.objects)
    return network


def _see_few_things(encoder: Encoder, head: ObjectHead) -> None:
    """Give the head weights by which a picture has a few of the kinds, each has others."""
    import torch

    with torch.no_grad():
        seen = encoder(drawn_pixels()).transpose(0, 1).flatten(1)  # (C, pictures and cells)
        weight = torch.randn(3 * head.kinds, len(seen)) / seen.std(1).norm()
        # places are clear, most kinds are nowhere, the number is about two
        factors, offsets = (
            torch.tensor(values).repeat_interleave(head.kinds)
            for values in ((3.0, 3.0, 1.0), (0.0, -3.5, -4.2))
        )
        weight *= factors[:, None]
        head.maps.weight.copy_(weight[..., None, None])
        head.maps.bias.copy_(offsets - weight @ seen.mean(1))


def export_bundle(
    folder: Path,
    *,
    words: tuple[str, ...] = WORDS,
    seed: int = 3,
    architecture: dict[str, Any] = ARCHITECTURE,
) -> Path:
    """Write a bundle of a random network to `folder`."""
    from models.runtime.export import export

    vocabulary = Vocabulary.from_words(words)
    cells = SIZE // 32
    config = Config(
        architecture, Preprocessing(SIZE), SearchConfig(max_words=8), Calibration(), (cells, cells)
    )
    network = random_network(len(vocabulary), seed, architecture)
    export(network, vocabulary, config, "# A test\n", memory(network, vocabulary), folder)
    return folder


def memory(network: CaptioningNetwork, vocabulary: Vocabulary) -> dict[str, NDArray[Any]]:
    """A memory of drawings, as if the network had been trained on them."""
    import torch

    from training.release import neighbours

    with torch.inference_mode():
        features = network.encoder(drawn_pixels()).mean((2, 3))
    said = [
        vocabulary.encode(f"a {colour} dog runs in the snow".split())
        for colour in COLOURS
        for _ in product(SHAPES, PLACES)
    ]
    return neighbours.build(features.numpy(), torch.tensor(said)[:, None])


def drawn_pixels() -> Tensor:
    """All twelve drawings as an encoder wants them."""
    import torch

    how = Preprocessing(SIZE)
    pixels = [to_array(drawing(*each), how) for each in product(COLOURS, SHAPES, PLACES)]
    return torch.from_numpy(np.concatenate(pixels))


def photograph(name: str) -> Image.Image:
    """A photograph that comes inside scikit-image: astronaut, chelsea, coffee, rocket."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("scikit-image is needed for its photographs")
    (path,) = (Path(spec.origin).parent / "data").glob(f"{name}.*")
    with Image.open(path) as image:
        image.load()
    return image


def drawing(colour: str, shape: str, place: str, size: tuple[int, int] = (80, 60)) -> Image.Image:
    """One coloured shape in one half of a grey picture."""
    image = Image.new("RGB", size, (215, 215, 210))
    width, height = size
    left = width // 16 + (width // 2 if place == "right" else 0)
    box = (left, height // 5, left + width * 3 // 8, height * 4 // 5)
    draw = ImageDraw.Draw(image)
    (draw.ellipse if shape == "circle" else draw.rectangle)(box, fill=COLOURS[colour])
    return image


def draw_data_set(root: Path) -> Path:
    """Twelve drawings with two captions each, in Kaggle's layout of Flickr8k."""
    images = root / "Images"
    images.mkdir(parents=True)
    rows = ["image,caption"]
    for colour, shape, place in product(COLOURS, SHAPES, PLACES):
        name = f"{colour}-{shape}-{place}.png"
        drawing(colour, shape, place).save(images / name)
        rows.append(f"{name},A {colour} {shape} on the {place} .")
        rows.append(f'{name},"On the {place} side, a {shape} is {colour} ."')
    (root / "captions.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def draw_unlabelled(root: Path) -> Path:
    """Eleven drawings in stripes of noise, without captions."""
    root.mkdir(parents=True)
    random = np.random.default_rng(11)
    for number in range(11):
        image = drawing(*random.choice([*product(COLOURS, SHAPES, PLACES)]))
        stripes = random.integers(0, 256, (1, 5, 3), np.uint8)
        noise = Image.fromarray(stripes).resize(image.size, Image.Resampling.NEAREST)
        Image.blend(image, noise, 0.6).save(root / f"{number:02}.png")
    return root


def draw_starting_weights(folder: Path) -> Path:
    """Random weights of an encoder, named and shaped as those that are published."""
    import torch
    from safetensors.torch import save_file
    from torch import nn

    from models.networks.mobilenet_edgetpu import Block, MobileNetEdgeTPU

    torch.manual_seed(8)
    encoder = MobileNetEdgeTPU()
    layers = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        for block in encoder.blocks:
            if isinstance(block, Block):
                block.project.weight *= 0.6  # the sums of the residual blocks would overflow
        seen = encoder(drawn_pixels()).mean((2, 3))
        weight = torch.randn(1001, encoder.channels) / seen.std(0).norm()
        weight *= 4  # sure of some pictures
        bias = -weight @ seen.mean(0)
    tensors = {
        f"{number}.{name}": value.detach().half()
        for number, layer in enumerate(layers)
        for name, value in layer.named_parameters()
    }
    # the classifier's first class is the background
    tensors |= {
        f"{len(layers)}.weight": weight[..., None, None].half(),
        f"{len(layers)}.bias": bias.half(),
    }
    folder.mkdir(parents=True)
    save_file(tensors, folder / "start.safetensors")
    return folder


RECIPE = f"""
seed = 5
minimum_count = 1
starting_weights = "start.safetensors"

[architecture]
encoder = "mobilenet_edgetpu"
decoder = "committee"

[architecture.decoder_options]
members = 2
grid = 32
hidden = 48
embedding = 32
attention = 16
dropout = 0.2

[preprocessing]
size = {SIZE}

[search]
max_words = 10
consensus = 1.0
neighbours = 3

[self_training]
sure = 0.4
pictures = 1
worst = -20
unnamed = -20

[[stages]]
name = "decoder"
train = "decoder"
epochs = 16
rate = 1e-2
batch = 4
captions = 1

[[stages]]
name = "fine-tune"
train = "all"
epochs = 2
rate = 2e-3
encoder_rate = 1e-4
batch = 4
unlabelled = 2
distil = 0.05

[[stages]]
name = "self-train"
train = "all"
self_train = true
epochs = 2
rate = 2e-3
encoder_rate = 1e-4
batch = 4
unlabelled = 2
distil = 0.05

[[stages]]
name = "self-critical"
train = "decoder"
augment = true
objective = "self-critical"
epochs = 2
rate = 1e-3
batch = 4
unlabelled = 2
truth = 0.3
captions = 1
blend = 0.5
"""


def prepare_training(folder: Path) -> Path:
    """Write all that `training_command` needs to `folder`."""
    draw_data_set(folder / "data")
    draw_unlabelled(folder / "unlabelled")
    draw_starting_weights(folder / "weights")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    return folder


def training_command(command: str, folder: Path, work: str, *options: str | Path) -> list[str]:
    """`python -m training` on what `prepare_training` wrote to `folder`."""
    return [
        sys.executable,
        "-m",
        "training",
        command,
        str(folder / "recipe.toml"),
        "--data",
        str(folder / "data"),
        "--weights",
        str(folder / "weights"),
        "--unlabelled",
        str(folder / "unlabelled"),
        "--work",
        str(folder / work),
        "--checkpoint-every",
        "3",
        *map(str, options),
    ]


def training_environment() -> dict[str, str]:
    """One thread: a run must give the same numbers on every machine, and not fight for it."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}
