"""Tiny captioners of random weights in the layouts in which larger ones are published.

The graphs are made as `benchmarks.peers_published` makes them at the published sizes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WORDS = ("a", "the", "dog", "cat", "man", "red", "sits", "runs", "on", "with", "grass", "street")
PIXELS = 32


def tokenizer(folder: Path, specials: list[str]) -> int:
    """Write a byte-level tokenizer.json with these special tokens first; → its size."""
    import tokenizers

    made: Any = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=specials,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([f"{word} {word}" for word in WORDS] * 3, trainer)
    made.save(str(folder / "tokenizer.json"))
    return int(made.get_vocab_size())


def write(folder: Path, name: str, table: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(table), encoding="utf-8")
