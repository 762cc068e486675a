"""What else makes a bundle of a captioner of transformers: words, preprocessing, search."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Literal

from models.captioning.decoding import SearchConfig
from models.captioning.preprocess import Preprocessing
from models.captioning.vocabulary import SPECIALS, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.captioning.pieces import Join

_JOINS: dict[str, Join] = {"ByteLevel": "bytes", "WordPiece": "wordpiece"}
# by their numbers in Pillow
_FILTERS: dict[int, Literal["bilinear", "bicubic", "lanczos"]] = {
    1: "lanczos",
    2: "bilinear",
    3: "bicubic",
}
_BEAM, _LONGEST = 3, 30


class NotImportableError(ValueError):
    """A captioner that cannot be imported: the message says why, and what can."""


def vocabulary(tokenizer: Any, words: int) -> tuple[Vocabulary, list[int]]:
    """→ our vocabulary of the first `words` tokens, and the ids that no caption may hold.

    Raises NotImportableError for a tokenizer whose pieces join in a way that is not known here.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = (json.loads(backend.to_str())["decoder"] or {}) if backend is not None else {}
    kind = decoder.get("type")
    if kind not in _JOINS or decoder.get("prefix", "##") != "##":
        raise NotImportableError(
            "Its tokenizer joins pieces in a way that is not known here "
            f"({kind}). Known are {' and '.join(_JOINS)}."
        )
    pieces = {number: piece for piece, number in tokenizer.get_vocab().items()}
    unsaid = {number for number in range(words) if number not in pieces}
    unsaid |= {number for number in tokenizer.all_special_ids if number < words}
    words_of = [f"<{number}>" if number in unsaid else pieces[number] for number in range(words)]
    return Vocabulary([*SPECIALS, *words_of], _JOINS[kind]), sorted(unsaid)


def preprocessing(processor: Any, side: int) -> Preprocessing:
    """Say in our terms what an image processor does for an encoder of `side` by `side` pixels.

    Raises NotImportableError for what our preprocessing cannot do.
    """
    size, crop = dict(processor.size or {}), dict(getattr(processor, "crop_size", None) or {})
    square, shorter = {"height": side, "width": side}, int(size.get("shortest_edge") or 0)
    cropped = bool(getattr(processor, "do_center_crop", False))
    fits = ({key: size.get(key) for key in square} == square or shorter >= side) and (
        not (cropped or shorter) or (cropped and crop == square)
    )
    if not (processor.do_resize and fits):
        raise NotImportableError(
            f"Its pictures are not made {side} by {side} pixels in a way that is known here: "
            "squashed, or scaled by the shorter side and cropped."
        )
    if int(processor.resample) not in _FILTERS:
        raise NotImportableError(
            f"Its pictures are scaled by filter {processor.resample}. "
            f"Known are {', '.join(_FILTERS.values())}."
        )
    # ours divides by 255 and then normalises: fold another factor into mean and deviation
    scale = 1.0 / (255.0 * (processor.rescale_factor if processor.do_rescale else 1.0))
    mean, std = (
        (processor.image_mean, processor.image_std)
        if processor.do_normalize
        else ((0.0,) * 3, (1.0,) * 3)
    )
    return Preprocessing(
        side, _three(mean, scale), _three(std, scale), _FILTERS[int(processor.resample)], shorter
    )


def _three(values: Sequence[float], scale: float) -> tuple[float, float, float]:
    red, green, blue = (round(float(value) * scale, 9) for value in values)
    return red, green, blue


def searching(generation_config: Any, longest: int) -> SearchConfig:
    """Take over what a generation config says; else the width of our own beam."""
    count = generation_config.max_new_tokens or (generation_config.max_length or 0) - 1
    beam, penalty = generation_config.num_beams or 1, generation_config.length_penalty
    return SearchConfig(
        beam_size=min(beam if beam > 1 else _BEAM, 10),
        max_words=min(count if count > 0 else _LONGEST, longest),
        length_penalty=1.0 if penalty is None else float(penalty),
        no_repeat_ngram_size=generation_config.no_repeat_ngram_size or 0,
        allow_immediate_repeat=True,
    )


def tokens(model: Any) -> tuple[int, list[int]]:
    """→ the id that every caption begins with, and those that end it.

    Raises NotImportableError when the model does not say.
    """
    generation_config = model.generation_config
    text = model.config.get_text_config(decoder=True)
    if model.main_input_name == "pixel_values" and hasattr(model, "text_decoder"):
        start, ends = text.bos_token_id, text.sep_token_id  # as BLIP's own generate does
    else:
        start = _first(
            generation_config.decoder_start_token_id,
            getattr(model.config, "decoder_start_token_id", None),
            generation_config.bos_token_id,
            text.bos_token_id,
        )
        ends = _first(
            generation_config.eos_token_id,
            getattr(model.config, "eos_token_id", None),
            text.eos_token_id,
        )
    if start is None or ends is None:
        raise NotImportableError(
            "It does not say with which token a caption begins and ends. Please set "
            "decoder_start_token_id and eos_token_id in its config.json."
        )
    return int(start), [int(end) for end in (ends if isinstance(ends, list) else [ends])]


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def licence(card: str) -> str:
    """Find the licence in the head of a model card of the hub; "" when it says none."""
    head = re.match(r"---\s*\n(.*?)\n---", card, re.DOTALL)
    found = re.search(r"^license:\s*(\S.*?)\s*$", head[1], re.MULTILINE) if head else None
    return found[1] if found else ""
