"""Captioners that are asked a question, as published for ONNX Runtime and for transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import peers_florence, peers_published, peers_smolvlm
from models.eyes.florence import prompts
from models.eyes.folder import TOKENIZER
from models.eyes.image_tokens import prompt
from models.eyes.tokens import Tokens


def build(name: str, folder: Path) -> None:
    """Make "florence-2" (4 bits) or "smolvlm" (int8) at its published size, of random weights."""
    if name == "florence-2":
        _florence(peers_florence.model(), folder / "florence-2 q4", folder / "florence-2 torch")
    else:
        _smolvlm(peers_smolvlm.model(), folder / "smolvlm int8", folder / "smolvlm torch")


def _florence(made: Any, graphs: Path, plain: Path) -> None:
    """Matrices of all graphs but the embeddings have four bits, as in the catalogue."""
    side = peers_florence.SIDE
    peers_florence.graphs(made, graphs, side, peers_published.four_bits, "_q4")
    _write(
        graphs,
        made.config.to_dict() | {"model_type": "florence2"},
        peers_florence.pictures(side),
        peers_florence.GENERATION,
        peers_florence.SPECIALS,
    )
    # the vision encoder keeps a place for each cell of a 32nd of a side, and one more
    places = (side // 32) ** 2 + 1
    asked = prompts(Tokens(graphs / TOKENIZER), {})["brief"]
    _plain(made, plain, graphs, [made.config.image_token_id] * places + asked)


def _smolvlm(made: Any, graphs: Path, plain: Path) -> None:
    """All graphs are quantised to int8, the embeddings too, as in the catalogue."""
    config = made.config
    tile = config.vision_config.image_size
    peers_smolvlm.graphs(made, graphs)
    peers_published.quantise(graphs)
    _write(
        graphs,
        config.to_dict() | {"model_type": "idefics3"},
        peers_smolvlm.pictures(tile, 4 * tile),
        peers_smolvlm.SETTINGS,
        peers_smolvlm.SPECIALS,
    )
    places = (tile // config.vision_config.patch_size // config.scale_factor) ** 2
    _plain(made, plain, graphs, prompt(Tokens(graphs / TOKENIZER), "brief", 0, 0, places))


def _write(
    folder: Path,
    config: dict[str, Any],
    pictures: dict[str, Any],
    generation: dict[str, Any],
    specials: list[str],
) -> None:
    tables = {"config": config, "preprocessor_config": pictures, "generation_config": generation}
    for name, table in tables.items():
        (folder / f"{name}.json").write_text(json.dumps(table), encoding="utf-8")
    peers_published.byte_tokenizer(folder, specials)


def _plain(made: Any, folder: Path, graphs: Path, tokens: list[int]) -> None:
    """The same for transformers, and what it is asked."""
    made.save_pretrained(folder)
    name = "preprocessor_config.json"
    (folder / name).write_bytes((graphs / name).read_bytes())
    (folder / "tokens.json").write_text(json.dumps({"tokens": tokens}), encoding="utf-8")
