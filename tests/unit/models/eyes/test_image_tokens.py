"""A published SmolVLM says what transformers has it say, of a whole picture and of its tiles."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from models.eyes.captioner import ForeignCaptioner, load
from models.eyes.image_tokens import prompt
from models.eyes.pictures import read_pictures
from models.runtime.bundle import BundleError
from tests.eyes_smolvlm import PICTURES

if TYPE_CHECKING:
    from pathlib import Path

ENDS = [2, *range(5, 320, 9)]


@pytest.fixture(scope="module")
def ours(smolvlm_folder: Path) -> ForeignCaptioner:
    return load(smolvlm_folder, threads=1)


@pytest.fixture(scope="module")
def theirs(smolvlm_folder: Path) -> Any:
    import transformers as hf

    return hf.SmolVLMForConditionalGeneration.from_pretrained(smolvlm_folder / "hf").eval()


def _processed(picture: Image.Image, *, split: bool) -> Any:
    """Its tiles as transformers cuts them."""
    import transformers as hf

    processor: Any = hf.SmolVLMImageProcessorPil(**PICTURES)
    return processor(
        images=[picture],
        do_image_splitting=split,
        return_row_col_info=True,
        return_tensors="np",
    )


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("size", [(70, 50), (40, 64), (91, 90), (30, 30), (200, 30), (9, 300)])
def test_tiles_are_cut_as_transformers_cuts_them(size: tuple[int, int], split: bool) -> None:
    random = np.random.default_rng(2)
    picture = Image.fromarray(random.integers(0, 256, (*size[::-1], 3)).astype(np.uint8))
    wanted = _processed(picture, split=split)
    tiles, rows, columns = read_pictures(PICTURES).tiles(picture, split=split)
    assert tiles.shape == wanted["pixel_values"][0].shape
    assert np.abs(tiles - wanted["pixel_values"][0]).max() < 2e-5
    assert ([[rows]], [[columns]]) == (wanted["rows"], wanted["cols"])


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (2, 2), (1, 2)])
def test_the_chat_is_that_of_transformers(ours: ForeignCaptioner, rows: int, columns: int) -> None:
    from transformers.models.smolvlm import processing_smolvlm as theirs

    shown = theirs.get_image_prompt_string(
        rows, columns, 4, "<fake_token_around_image>", "<image>", "<global-img>"
    )
    engine: Any = ours.engine
    text = f"<|im_start|>User:{shown}Can you describe this image?<end_of_utterance>\nAssistant:"
    assert prompt(engine._tokens, "detailed", rows, columns, 4) == engine._tokens.ids(text)


@pytest.mark.parametrize("detail", ["brief", "detailed"])
@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("at_once", [512, 7])
def test_the_tokens_are_those_of_transformers(
    ours: ForeignCaptioner,
    theirs: Any,
    pictures: list[Image.Image],
    monkeypatch: pytest.MonkeyPatch,
    detail: str,
    beams: int,
    at_once: int,
) -> None:
    monkeypatch.setattr("models.eyes.image_tokens._AT_ONCE", at_once)
    engine: Any = ours.engine
    seen = _processed(pictures[0], split=detail != "brief")
    ids = prompt(engine._tokens, detail, seen["rows"][0][0], seen["cols"][0][0], 4)
    given = torch.tensor([ids])
    for end in ([2], ENDS):
        with torch.inference_mode():
            wanted = theirs.generate(
                input_ids=given,
                attention_mask=torch.ones_like(given),
                pixel_values=torch.from_numpy(seen["pixel_values"]),
                pixel_attention_mask=torch.from_numpy(seen["pixel_attention_mask"]),
                do_sample=False,
                num_beams=beams,
                max_new_tokens=8,
                eos_token_id=end,
                no_repeat_ngram_size=2,
            )[0, len(ids) :].tolist()
        generation = dataclasses.replace(
            engine.generation(detail),
            num_beams=beams,
            max_length=9,
            end=tuple(end),
            no_repeat_ngram_size=2,
        )
        assert list(engine.generate(pictures[0], detail, generation).tokens) == wanted


def test_more_detail_may_take_more_words(ours: ForeignCaptioner) -> None:
    lengths = [
        ours.engine.generation(detail).max_length
        for detail in ("brief", "detailed", "more detailed")
    ]
    assert lengths == sorted(set(lengths))
    assert ours.engine.generation("text") == ours.engine.generation("detailed")


@pytest.mark.parametrize(
    ("name", "key", "value", "message"),
    [
        ("preprocessor_config.json", "max_image_size", None, "it has no max_image_size"),
        ("config.json", "image_token_id", 77, r"config\.json .* does not fit the others"),
        ("tokenizer.json", "added_tokens", [], "it has no tokens for pictures|tokenizer"),
    ],
)
def test_parts_that_do_not_fit_are_told_of(
    smolvlm_folder: Path,
    pictures: list[Image.Image],
    tmp_path: Path,
    name: str,
    key: str,
    value: object,
    message: str,
) -> None:
    folder = shutil.copytree(smolvlm_folder, tmp_path / "eyes")
    table = json.loads((folder / name).read_text(encoding="utf-8"))
    table[key] = value
    if name == "tokenizer.json":
        table["model"]["vocab"].pop("<image>")
    (folder / name).write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(BundleError, match=message):
        load(folder, threads=1).caption(pictures[0])
