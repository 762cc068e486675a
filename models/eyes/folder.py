"""What lies in the folder of a published captioner: its layout, graphs and tables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from models.runtime.bundle import CONFIG, BundleError, unusable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Layout = Literal["bundle", "encoder-decoder", "florence2", "image-tokens"]
Detail = Literal["brief", "detailed", "more detailed"]
DETAILS: tuple[Detail, ...] = get_args(Detail)
PREPROCESSOR, GENERATION, PROCESSOR, TOKENIZER = (
    "preprocessor_config.json",
    "generation_config.json",
    "processor_config.json",
    "tokenizer.json",
)
_LAYOUTS: Mapping[str, Layout] = {
    "vision-encoder-decoder": "encoder-decoder",
    "florence2": "florence2",
    "idefics3": "image-tokens",
    "smolvlm": "image-tokens",
}
# what each graph of a layout is called, without what tells how its weights are stored
ROLES: Mapping[Layout, tuple[str, ...]] = {
    "bundle": (),
    "encoder-decoder": ("encoder_model", "decoder_model_merged"),
    "florence2": ("vision_encoder", "embed_tokens", "encoder_model", "decoder_model_merged"),
    "image-tokens": ("vision_encoder", "embed_tokens", "decoder_model_merged"),
}
# where several were fetched, the one that takes least memory and loses least comes first
VARIANTS = ("quantized", "int8", "uint8", "q4", "", "fp16", "q4f16", "bnb4")
_GRAPHS = "onnx"  # the folder in the folder
_LARGEST = 32_000_000  # bytes of a table; no published one has more than a few
_NESTED = "it has too many brackets inside each other"


def layout(folder: Path) -> Layout:
    """Which layout a folder has, by its config.json; "bundle" for one of ours.

    Raises BundleError where there is none, or another.
    """
    if not folder.is_dir():
        raise BundleError("There is no captioner bundle at {folder}.", folder=folder)
    if not (folder / CONFIG).is_file():
        raise BundleError("The captioner bundle lacks {files}.", files=CONFIG)
    table = read_table(folder, CONFIG)
    kind = table.get("model_type")
    if kind is None:  # ours has none, whatever else is wrong with it
        return "bundle"
    if not isinstance(kind, str) or kind not in _LAYOUTS:
        known = ", ".join(_LAYOUTS)
        raise unusable(CONFIG, f"its model_type is none of {known}", f"found {kind!r}")
    return _LAYOUTS[kind]


@dataclass(frozen=True, slots=True)
class Folder:
    """A published captioner's tables, and its `graphs` by role."""

    path: Path
    layout: Layout
    graphs: Mapping[str, Path]
    config: dict[str, Any]
    preprocessor: dict[str, Any]
    generation: dict[str, Any] = field(default_factory=dict)

    @property
    def tokenizer(self) -> Path:
        return self.path / TOKENIZER

    def setting(self, name: str, default: Any = None) -> Any:
        """What is set for the generation of text: generation_config.json goes before config.json,
        there what is said of the whole before what is said of the part that speaks."""
        for table in (self.generation, self.config, self.speaking):
            if table.get(name) is not None:
                return table[name]
        return default

    @property
    def speaking(self) -> dict[str, Any]:
        """What config.json has on the part that speaks; {} where it says nothing apart."""
        for name in ("decoder", "text_config"):
            if isinstance(self.config.get(name), dict):
                part: dict[str, Any] = self.config[name]
                return part
        return {}


def read(folder: Path, variant: str | None = None) -> Folder:
    """Read all tables, and find one graph a role.

    `variant` is how the weights are stored (one of `VARIANTS`); None: for each graph the first
    of these that is there. Raises BundleError for what is missing or no table.
    """
    kind = layout(folder)
    missing = [name for name in (PREPROCESSOR, TOKENIZER) if not (folder / name).is_file()]
    if missing:
        raise BundleError("The captioner bundle lacks {files}.", files=", ".join(missing))
    graphs = {role: _graph(folder, role, variant) for role in ROLES[kind]}
    generation = read_table(folder, GENERATION) if (folder / GENERATION).is_file() else {}
    return Folder(
        folder,
        kind,
        graphs,
        read_table(folder, CONFIG),
        read_table(folder, PREPROCESSOR),
        generation,
    )


def _graph(folder: Path, role: str, variant: str | None) -> Path:
    names = VARIANTS if variant is None else (variant,)
    for name in names:
        for place in (folder / _GRAPHS, folder):
            path = place / f"{role}{'_' if name else ''}{name}.onnx"
            if path.is_file():
                return path
    if variant is None:
        raise BundleError("The captioner bundle lacks {files}.", files=f"{role}.onnx")
    raise BundleError(
        # Translators: {kind} is how its numbers are stored, such as "q4" or "float"
        "The captioner bundle lacks {file} as {kind}.",
        file=f"{role}.onnx",
        kind=re.sub(r"[^a-z0-9]", "", variant) or "float",
    )


def read_table(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file of it. Raises BundleError where it is none."""
    try:
        if (folder / name).stat().st_size > _LARGEST:
            raise unusable(name, "it is too large")
        table = json.loads((folder / name).read_text(encoding="utf-8"))
    except BundleError:
        raise
    except RecursionError as error:
        raise unusable(name, _NESTED) from error
    except (OSError, ValueError) as error:
        raise unusable(name, error) from error
    if not isinstance(table, dict):
        raise unusable(name, "it is no table")
    return table
