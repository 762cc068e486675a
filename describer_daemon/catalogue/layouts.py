"""Which files of a repository make a captioner, by the names that exporters to ONNX give them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

BUNDLE = "bundle"  # our own: see `models.runtime.bundle`
# a test compares these with `models.runtime.bundle`, which this package may not know
_BUNDLE_PARTS = (
    "config.json",
    "vocabulary.json",
    "MODEL_CARD.md",
    "weights.safetensors",
    "encoder.onnx",
    "decoder.onnx",
    "consensus.npz",
)
# the first whose graphs are all there
GRAPHS: Mapping[str, tuple[str, ...]] = {
    "florence2": ("vision_encoder", "embed_tokens", "encoder_model", "decoder_model_merged"),
    "image-tokens": ("vision_encoder", "embed_tokens", "decoder_model_merged"),
    "encoder-decoder": ("encoder_model", "decoder_model_merged"),
}
TEXTS = ("config.json", "preprocessor_config.json", "tokenizer.json")
OPTIONAL_TEXTS = (
    "chat_template.json",
    "generation_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
)
# of one graph in several precisions the smallest that processors are quick at
VARIANTS = ("quantized", "int8", "uint8", "q4", "", "fp16", "q4f16", "bnb4")
_VARIANT = re.compile(r"[a-z0-9]{0,20}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A layout, and the names of its files."""

    layout: str
    names: tuple[str, ...]


def choose(names: Iterable[str], variant: str | None = None) -> Chosen:
    """Of all the names in a repository or folder those of a captioner.

    `variant` is the precision that is taken before all others, as "q4". Raises DescriberError
    when they make none.
    """
    there = set(names)
    if there.issuperset(_BUNDLE_PARTS):
        return Chosen(BUNDLE, _BUNDLE_PARTS)
    if variant is not None and not _VARIANT.fullmatch(variant):
        raise DescriberError(
            _("There is no variant {variant}. Please name one such as q4.").format(
                variant=repr(variant)
            )
        )
    wanted = [*([variant] if variant is not None else []), *VARIANTS]
    for layout, stems in GRAPHS.items():
        graphs = [_graph(stem, there, wanted) for stem in stems]
        if all(graphs):
            if lacking := [text for text in TEXTS if text not in there]:
                raise DescriberError(
                    _("This captioner lacks {lacking}.").format(lacking=", ".join(lacking))
                )
            data = [f"{graph}_data" for graph in graphs if f"{graph}_data" in there]
            texts = [text for text in OPTIONAL_TEXTS if text in there]
            return Chosen(layout, (*graphs, *data, *TEXTS, *texts))
    raise DescriberError(
        _(
            "There is no captioner that I can use: I need ONNX files whose names begin with "
            "encoder_model and decoder_model_merged."
        )
    )


def _graph(stem: str, there: set[str], variants: Iterable[str]) -> str:
    """The file of a graph; "" when there is none."""
    for variant in variants:
        file = f"{stem}_{variant}.onnx" if variant else f"{stem}.onnx"
        for name in (f"onnx/{file}", file):
            if name in there:
                return name
    return ""
