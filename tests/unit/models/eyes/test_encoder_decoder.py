"""A published vit-gpt2 says what transformers has the same weights say, token by token."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from models.eyes.captioner import ForeignCaptioner, load
from models.eyes.graphs import Gather
from models.runtime.bundle import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

ENDS = tuple(range(0, 320, 5))  # so many that texts of random weights end


@pytest.fixture(scope="module")
def ours(gpt2_folder: Path) -> ForeignCaptioner:
    return load(gpt2_folder, threads=1)


@pytest.fixture(scope="module")
def theirs(gpt2_folder: Path) -> Any:
    import transformers as hf

    return hf.VisionEncoderDecoderModel.from_pretrained(gpt2_folder / "hf").eval()


def _generate(theirs: Any, pixels: Any, **wanted: Any) -> tuple[list[int], list[float]]:
    """→ tokens without the start, and their log-probabilities as the network has them."""
    with torch.inference_mode():
        out = theirs.generate(
            pixel_values=torch.from_numpy(pixels),
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
            **wanted,
        )
        tokens = out.sequences[:1]
        logits = theirs(pixel_values=torch.from_numpy(pixels), decoder_input_ids=tokens).logits
    told = logits.log_softmax(-1)[0, :-1].gather(1, tokens[0, 1:, None])[:, 0]
    return tokens[0, 1:].tolist(), told.tolist()


RULES = [
    {"num_beams": 1},
    {"num_beams": 1, "no_repeat_ngram_size": 2},
    {"num_beams": 1, "repetition_penalty": 1.6},
    {"num_beams": 1, "suppress_tokens": list(range(1, 320, 2)), "min_length": 6},
    *(
        {"num_beams": beams, "length_penalty": penalty, "early_stopping": early}
        for beams, penalty, early in itertools.product(
            (2, 4), (-1.0, 0.0, 1.0, 2.0), (False, True, "never")
        )
    ),
    {"num_beams": 3, "no_repeat_ngram_size": 3, "early_stopping": True, "forced_bos_token_id": 7},
    {"num_beams": 3, "forced_eos_token_id": 0, "max_length": 5, "repetition_penalty": 1.3},
]
_NAMES = {
    "forced_bos_token_id": "forced_bos",
    "forced_eos_token_id": "forced_eos",
    "suppress_tokens": "suppressed",
}


@pytest.mark.parametrize("end", [(0,), ENDS])
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_the_tokens_are_those_of_transformers_by_every_rule(
    ours: ForeignCaptioner,
    theirs: Any,
    pictures: list[Image.Image],
    rules: dict[str, Any],
    end: tuple[int, ...],
) -> None:
    named = {_NAMES.get(name, name): value for name, value in rules.items()}
    named["suppressed"] = tuple(named.get("suppressed", ()))
    generation = dataclasses.replace(ours.engine.generation("brief"), end=end, **named)
    for picture in pictures[:2]:
        pixels = ours.engine.pictures.array(picture)
        wanted, told = _generate(
            theirs, pixels, **{"max_length": 12, "eos_token_id": list(end), **rules}
        )
        found = ours.engine.generate(picture, "brief", generation)
        assert list(found.tokens) == wanted
        assert found.log_probabilities == pytest.approx(told, abs=2e-4)


def test_a_text_has_its_words_with_the_sums_of_their_tokens(
    ours: ForeignCaptioner, pictures: list[Image.Image], gpt2_folder: Path
) -> None:
    text = ours.caption(pictures[0])
    assert text.words == tuple(text.text.split())
    assert len(text.log_probabilities) == len(text.words) + 1
    assert sum(text.log_probabilities) == pytest.approx(sum(text.token_log_probabilities))
    assert ours.engine.generation("detailed").num_beams == 3  # as generation_config.json has it
    assert ours.caption(pictures[0], num_beams=1).tokens != text.tokens


def test_beams_are_taken_by_their_numbers_in_one_graph() -> None:
    gather = Gather(["tensor(float)"] * 2)
    x = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    moved = gather.rows([x, x[:, :0]], np.asarray([2, 0, 2, 1]))
    assert np.array_equal(moved[0].numpy(), x[[2, 0, 2, 1]])
    assert moved[1].shape() == [4, 0, 4]


def test_weights_that_are_no_numbers_are_told_of(
    ours: ForeignCaptioner, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.full((1, 320), np.nan, np.float32)
    monkeypatch.setattr("models.eyes.decoder.Decoder.step", lambda *_: nothing)
    with pytest.raises(BundleError, match="no probabilities"):
        ours.caption(pictures[0])
