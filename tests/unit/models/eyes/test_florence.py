"""A published Florence-2 says what transformers has it say, to each question that it knows."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch

from models.eyes.captioner import ForeignCaptioner, load
from models.runtime.bundle import BundleError
from tests.eyes_florence import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

IMAGE = 4  # the token that stands for a place of the picture
ENDS = [2, *range(5, 320, 7)]


@pytest.fixture(scope="module")
def ours(florence_folder: Path) -> ForeignCaptioner:
    return load(florence_folder, threads=1)


@pytest.fixture(scope="module")
def theirs(florence_folder: Path) -> Any:
    import transformers as hf

    return hf.Florence2ForConditionalGeneration.from_pretrained(florence_folder / "hf").eval()


def _generate(theirs: Any, pixels: Any, asked: list[int], **wanted: Any) -> list[int]:
    seen = torch.from_numpy(pixels)
    with torch.inference_mode():
        places = theirs.model.get_image_features(seen).pooler_output.shape[1]
        ids = torch.tensor([[IMAGE] * places + asked])
        made: list[int] = theirs.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=seen,
            do_sample=False,
            **wanted,
        )[0].tolist()
    return made[1:]


@pytest.mark.parametrize("detail", ["brief", "detailed", "more detailed", "text"])
@pytest.mark.parametrize("beams", [1, 3])
def test_the_tokens_are_those_of_transformers(
    ours: ForeignCaptioner, theirs: Any, pictures: list[Image.Image], detail: str, beams: int
) -> None:
    engine: Any = ours.engine
    for end in ([2], ENDS):
        generation = dataclasses.replace(
            engine.generation(detail), num_beams=beams, max_length=12, end=tuple(end)
        )
        wanted = {
            **SETTINGS,
            "eos_token_id": end,
            "max_length": 12,
            "num_beams": beams,
            "no_repeat_ngram_size": 3,
            "early_stopping": beams > 1,
        }
        for picture in pictures[:2]:
            pixels = engine.pictures.array(picture)
            found = engine.generate(picture, detail, generation)
            assert list(found.tokens) == _generate(theirs, pixels, engine.prompts[detail], **wanted)


def test_what_is_set_is_read_and_more_detail_may_take_more(ours: ForeignCaptioner) -> None:
    brief, more = (ours.engine.generation(each) for each in ("brief", "more detailed"))
    assert (brief.num_beams, brief.no_repeat_ngram_size, brief.early_stopping) == (3, 3, True)
    assert (brief.start, brief.forced_bos, brief.forced_eos) == (2, 0, 2)
    assert brief.max_length < more.max_length


def test_the_question_depends_on_the_detail(
    ours: ForeignCaptioner, pictures: list[Image.Image]
) -> None:
    engine: Any = ours.engine
    prompts = engine.prompts
    assert all(prompt[0] == 0 and prompt[-1] == 2 for prompt in prompts.values())
    assert len({tuple(prompt) for prompt in prompts.values()}) == 4
    texts = {ours.caption(pictures[0], each).tokens for each in ("brief", "detailed")}
    assert len(texts) == 2


def test_a_part_of_another_captioner_is_told_of(
    florence_folder: Path, pictures: list[Image.Image], tmp_path: Path
) -> None:
    folder = shutil.copytree(florence_folder, tmp_path / "eyes")
    shutil.copy(folder / "onnx/encoder_model.onnx", folder / "onnx/vision_encoder_q4.onnx")
    with pytest.raises(BundleError, match=r"vision_encoder\.onnx cannot be used"):
        load(folder, threads=1).caption(pictures[0])
