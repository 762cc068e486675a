"""Captioners of transformers become bundles that say the same words."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.ports import Encoded
from models.captioner import Captioner, load
from models.captioning.decoding import Encoding, SearchConfig, search
from models.captioning.preprocess import to_array
from models.captioning.vocabulary import SPECIALS
from models.runtime.bundle import BundleError
from tests.bundles import ROOT, drawing, photograph
from tests.unit.proc import LONG
from training.hf_import import convert as import_hf
from training.hf_import.convert import FARTHEST, fetch, import_model
from training.hf_import.parts import NotImportableError, licence

if TYPE_CHECKING:
    from PIL import Image

    from models.captioning.decoding import Arrays

KINDS = ("gpt2", "bert", "git", "blip")
SIDE, PATCH = 32, 8
LONGEST = 8
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SEEING: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "image_size": SIDE,
    "patch_size": PATCH,
    "initializer_range": 0.3,
}
SPEAKING: dict[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 24,
    "initializer_range": 0.3,
}
LOOKING: dict[str, dict[str, Any]] = {
    # as the hub has it for ViT-GPT2, in words of 2021
    "gpt2": {
        "feature_extractor_type": "ViTFeatureExtractor",
        "size": SIDE,
        "resample": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    },
    "bert": {
        "image_processor_type": "ViTImageProcessor",
        "resample": 1,
        "size": {"height": SIDE, "width": SIDE},
        "do_normalize": False,
    },
    "git": {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": SIDE + 4},
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "resample": 3,
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    },
    "blip": {
        "image_processor_type": "BlipImageProcessor",
        "resample": 3,
        "size": {"height": SIDE, "width": SIDE},
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    },
}


def tokenizer(kind: str) -> Any:
    """Pieces of both sorts, and some that lean on their neighbours."""
    from transformers import BertTokenizer, GPT2Tokenizer

    if kind == "gpt2":
        # é is two bytes in a text, and thus two characters of the pieces
        pieces = [
            "<|endoftext|>",
            *LETTERS,
            *(f"Ġ{letter}" for letter in LETTERS),
            "Ã",
            "©",
            "Ġ",
            "do",
            "dog",
            "Ġdog",
            ".",
        ]
        return GPT2Tokenizer(
            vocab={piece: at for at, piece in enumerate(pieces)}, merges=[("d", "o"), ("do", "g")]
        )
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *LETTERS,
        *(f"##{letter}" for letter in LETTERS),
        "dog",
        "##ing",
        ".",
        ",",
        "'",
        "-",
    ]
    return BertTokenizer(vocab={piece: at for at, piece in enumerate(pieces)})


def random_model(kind: str, words: int) -> Any:
    """A captioner that has learnt nothing, but chooses by the picture.

    Its weights are those of float16: rounding must not decide between two words.
    """
    import torch
    import transformers as hf

    torch.manual_seed(KINDS.index(kind))
    own = {"vocab_size": words, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    if kind in ("gpt2", "bert"):
        speaking = (
            hf.GPT2Config(
                n_embd=32,
                n_layer=2,
                n_head=2,
                n_positions=24,
                vocab_size=words,
                bos_token_id=0,
                eos_token_id=0,
                initializer_range=0.3,
            )
            if kind == "gpt2"
            else hf.BertConfig(**SPEAKING | own)
        )
        speaking.is_decoder = speaking.add_cross_attention = True
        both = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
            hf.ViTConfig(**SEEING),
            speaking,
            pad_token_id=0,
            decoder_start_token_id=speaking.bos_token_id,
            eos_token_id=speaking.eos_token_id,
        )
        model: Any = hf.VisionEncoderDecoderModel(both)
    elif kind == "git":
        model = hf.GitForCausalLM(hf.GitConfig(vision_config=SEEING, **SPEAKING, **own))
    else:
        model = hf.BlipForConditionalGeneration(
            hf.BlipConfig(
                vision_config=SEEING,
                text_config=SPEAKING | own | {"encoder_hidden_size": 32, "sep_token_id": 3},
            )
        )
    return model.half().float().eval()


def save(kind: str, folder: Path) -> Path:
    words = tokenizer(kind)
    random_model(kind, len(words) + 2).save_pretrained(folder)  # two that the tokenizer lacks
    words.save_pretrained(folder)
    looking = {
        "do_resize": True,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
    } | LOOKING[kind]
    (folder / "preprocessor_config.json").write_text(json.dumps(looking), encoding="utf-8")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Both:
    """A captioner as transformers has it, and as a bundle."""

    kind: str
    folder: Path
    bundle: Path
    captioner: Captioner
    network: Any
    tokenizer: Any
    processor: Any
    apart: float


@pytest.fixture(scope="module", params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    import torch

    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp(request.param)
    folder = save(request.param, root / "model")
    apart = import_model(str(folder), root / "bundle")
    _, network, words, processor = fetch(str(folder))
    return Both(
        request.param,
        folder,
        root / "bundle",
        load(root / "bundle", threads=1),
        network,
        words,
        processor,
        apart,
    )


def pictures() -> list[Image.Image]:
    drawn = [
        drawing(colour, "circle", place)
        for colour in ("red", "blue")
        for place in ("left", "right")
    ]
    return [photograph("chelsea").resize((90, 60)), photograph("coffee").resize((70, 100)), *drawn]


def generated(both: Both, image: Image.Image, beams: int) -> str:
    """The caption by transformers' own processor, search and tokenizer."""
    import torch

    words = both.network.words
    special = set(both.tokenizer.all_special_ids) - set(both.network.ends)
    pixels = both.processor(image, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        ids = both.network.model.generate(
            pixel_values=pixels,
            num_beams=beams,
            do_sample=False,
            max_new_tokens=LONGEST,
            min_new_tokens=1,
            length_penalty=0.0,
            early_stopping=True,
            suppress_tokens=[*special, words - 1, words - 2],
        )
    return " ".join(both.tokenizer.decode(ids[0], skip_special_tokens=True).split())


def search_config(beam: int) -> SearchConfig:
    return SearchConfig(
        beam, LONGEST, length_penalty=0.0, no_repeat_ngram_size=0, allow_immediate_repeat=True
    )


def test_greedy_words_are_those_of_transformers(both: Both) -> None:
    said = [
        " ".join(both.captioner.describe(image, search_config(1)).words) for image in pictures()
    ]
    assert said == [generated(both, image, 1) for image in pictures()]
    assert len(set(said)) > 1


class Whole:
    """An engine of transformers' own forward pass, without any cache: the state is the ids."""

    def __init__(self, both: Both) -> None:
        self.network, self.channels = both.network, both.network.channels
        self.never = [
            *both.tokenizer.all_special_ids,
            both.network.words - 1,
            both.network.words - 2,
        ]

    def encode(self, pixels: np.ndarray) -> Encoding:
        first = np.full((1, 1), self.network.start, np.float32)
        return Encoding(
            (pixels,), (first[:, :0],), np.zeros(1, np.float32), np.zeros(0, np.float32)
        )

    def step(self, tokens: np.ndarray, memory: Arrays, state: Arrays) -> tuple[Any, Any, Arrays]:
        import torch

        last = np.where(tokens < len(SPECIALS), self.network.start, tokens - len(SPECIALS))
        ids = np.concatenate([state[0], last[:, None]], 1)
        pixels = torch.from_numpy(memory[0]).expand(len(ids), -1, -1, -1)
        with torch.inference_mode():
            logits = self.network.whole(pixels, torch.from_numpy(ids).long())[:, -1]
        scores = logits.log_softmax(-1).numpy().copy()
        end = scores[:, self.network.ends].copy()
        scores[:, self.never] = -np.inf
        never = np.full((len(ids), 1), -np.inf, np.float32)
        looks = np.ones((len(ids), 1), np.float32)
        return np.concatenate([never, never, end, never, scores], 1), looks, (ids,)


def test_the_same_search_finds_the_same_before_and_after(both: Both) -> None:
    whole, engine = Whole(both), both.captioner.engine
    for image in pictures():
        pixels = to_array(image, both.captioner.config.preprocessing)
        before, after = (
            search(each, each.encode(pixels), search_config(3)) for each in (whole, engine)
        )
        assert [each.tokens for each in after] == [each.tokens for each in before]
        for one, other in zip(after, before, strict=True):
            assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-3)


def test_attention_is_a_share_of_the_patches_for_each_word(both: Both) -> None:
    caption = both.captioner.describe(pictures()[0])
    cells = SIDE // PATCH
    assert caption.attention.shape == (len(caption.words), cells, cells)
    assert caption.attention.sum((1, 2)) == pytest.approx(1, abs=1e-5)
    assert caption.attention.min() >= 0
    assert len(caption.log_probabilities) == len(caption.words) + 1


def test_the_importer_has_compared_the_two(both: Both) -> None:
    assert 0 < both.apart < FARTHEST / 100


def test_pixels_are_those_of_transformers(both: Both) -> None:
    for image in pictures():
        wanted = both.processor(image, return_tensors="np")["pixel_values"]
        ours = to_array(image, both.captioner.config.preprocessing)
        assert np.allclose(ours, wanted, atol=1e-5)


def test_nobody_is_sure_of_what_nobody_measured(both: Both) -> None:
    caption = both.captioner.describe(pictures()[0])
    limits = both.captioner.config.calibration
    assert limits.medium <= 0 < caption.confidence <= 1 < limits.sure
    assert caption.answer.form == "hedged"
    assert caption.tags == ()
    assert len(both.captioner.caption_store) == 0


def test_the_card_says_where_it_comes_from(both: Both) -> None:
    card = (both.bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    for said in ("model, imported", "apache-2.0", "Not measured here", "Could be"):
        assert said in card
    assert ("sides are not looked at" in card) == (both.kind == "git")
    assert str(both.folder.parent) not in card + (both.bundle / "config.json").read_text("utf-8")


def test_weights_are_stored_once_and_as_float16(both: Both) -> None:
    import torch
    from safetensors.torch import load_file

    stored = load_file(both.bundle / "weights.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float16}
    # tied embeddings have two names, and one place
    assert sum(value.numel() for value in stored.values()) == sum(
        value.numel() for value in both.network.parameters()
    )


def test_the_daemons_captioner_runs_it(both: Both) -> None:
    image = pictures()[0]
    stream = io.BytesIO()
    image.save(stream, "PNG")
    captioner = ChildCaptioner(both.bundle, timeout=LONG, find=False)
    try:
        caption, heatmap = captioner.illustrate(Encoded(stream.getvalue()))
    finally:
        captioner.close()
    assert caption.words == both.captioner.describe(image).words
    assert caption.form == "hedged"
    assert heatmap.startswith(b"\x89PNG")


def test_it_runs_on_the_onnx_engine_alone(both: Both) -> None:
    with pytest.raises(BundleError, match=r"^This captioner was imported .* onnx engine only"):
        load(both.bundle, "torch")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save("blip", tmp_path_factory.mktemp("small"))


@pytest.fixture
def broken(small: Path, tmp_path: Path) -> Path:
    return shutil.copytree(small, tmp_path / "model")


def change(path: Path, **entries: object) -> None:
    table = json.loads(path.read_text(encoding="utf-8")) | entries
    path.write_text(json.dumps(table), encoding="utf-8")


def test_the_command_writes_a_bundle_that_the_settings_can_name(
    small: Path, tmp_path: Path
) -> None:
    folder, picture, settings = (tmp_path / name for name in ("bundle", "a.png", "settings.toml"))
    done = CliRunner().invoke(import_hf.main, [str(small), "--out", str(folder), "--int8"])
    assert done.exit_code == 0, done.output
    assert "stored as\nint8" in (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    line = done.output[done.output.index("bundle = ") :]
    settings.write_text(f"[capture]\nfind = false\n[captioner]\n{line}", encoding="utf-8")
    pictures()[0].save(picture)
    environment = os.environ | {"DESCRIBER_CONFIG": str(settings)}
    run = [sys.executable, "-m", "describer_daemon"]
    shown, said = (
        subprocess.run(
            [*run, *words],
            cwd=ROOT,
            env=environment,
            text=True,
            timeout=LONG,
            capture_output=True,
            check=True,
        ).stdout
        for words in (["settings"], ["describe", str(picture)])
    )
    assert str(folder) in shown
    words = " ".join(load(folder).describe(pictures()[0]).words)
    assert said == f"Could be: {words}.\n"
    again = CliRunner().invoke(import_hf.main, [str(small), "--out", str(folder)])
    assert again.exit_code == 1
    assert "is not empty" in again.output


def test_another_class_is_refused_by_name(broken: Path) -> None:
    change(broken / "config.json", architectures=["BlipForQuestionAnswering"])
    with pytest.raises(NotImportableError, match=r"BlipForQuestionAnswering, which cannot.*Git"):
        fetch(str(broken))


def test_a_decoder_that_cannot_be_run_word_by_word_is_refused(
    broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "training.hf_import.networks.Blip._decoder", lambda self: self.model.nothing
    )
    with pytest.raises(NotImportableError, match="Tried were ViT with GPT-2"):
        fetch(str(broken))


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ({"size": {"height": 64, "width": 64}}, "32 by 32 pixels"),
        ({"do_resize": False}, "32 by 32 pixels"),
        ({"size": {"shortest_edge": SIDE}}, "32 by 32 pixels"),
        ({"resample": 0}, "filter 0"),
    ],
)
def test_preprocessing_that_is_not_ours_is_refused(
    broken: Path, tmp_path: Path, entries: dict[str, object], complaint: str
) -> None:
    change(broken / "preprocessor_config.json", **entries)
    with pytest.raises(NotImportableError, match=complaint):
        import_model(str(broken), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


class Evil:
    """What a pickle can do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_pickle_is_opened_only_when_asked_for_and_never_run(broken: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    (broken / "model.safetensors").rename(tmp_path / "weights")
    torch.save(load_file(tmp_path / "weights"), broken / "pytorch_model.bin")
    with pytest.raises(NotImportableError, match="--pickle"):
        fetch(str(broken))
    source, network, *_ = fetch(str(broken), pickle=True)
    assert (source.licence, network.words) == ("apache-2.0", len(tokenizer("blip")) + 2)
    torch.save({"weight": Evil(tmp_path / "done")}, broken / "pytorch_model.bin")
    with pytest.raises(NotImportableError, match="cannot be loaded"):
        fetch(str(broken), pickle=True)
    assert not (tmp_path / "done").exists()


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotImportableError, match="cannot be loaded"):
        fetch(str(tmp_path))


@pytest.mark.parametrize(
    ("card", "found"),
    [
        ("---\nlicense: bsd-3-clause\ntags: [a]\n---\n# x", "bsd-3-clause"),
        ("# x\nlicense: y", ""),
        ("---\ntags: []\n---", ""),
        ("", ""),
    ],
)
def test_the_licence_is_in_the_head_of_the_card(card: str, found: str) -> None:
    assert licence(card) == found
