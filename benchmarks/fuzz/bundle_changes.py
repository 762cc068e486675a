"""How a bundle may be changed: its tables, words, memory, graphs, and what lies in the folder."""

from __future__ import annotations

import base64
import functools
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.fuzz import mangling, texts
from benchmarks.fuzz.trial import weighted
from models.captioning.vocabulary import SPECIALS
from models.runtime import bundle

_WAYS = {"config": 35, "vocabulary": 15, "consensus": 20, "graph": 20, "folder": 10}
_NUMBERS: Sequence[object] = (
    0,
    1,
    -1,
    2,
    7,
    224,
    10**6,
    2**31,
    2**63,
    10**30,
    0.0,
    -0.5,
    1e-9,
    1e308,
    float("nan"),
    float("inf"),
    True,
    None,
    "1",
    [],
    {},
)


def changed(random: Random, folder: Path) -> tuple[str, dict[str, Any]]:
    """→ in words, and {"parts": name → data in base 64 or what lies there, "signed": bool}."""
    how = weighted(random, _WAYS)
    if how == "folder":
        name = random.choice((*bundle.PARTS, bundle.CONFIG, "more.bin", "lib.so", "pickle.pkl"))
        what = random.choice(("missing", "pipe", "folder", "endless", ""))
        return f"{name}: {what or 'empty'}", {"parts": {name: what}, "signed": False}
    name = {
        "config": bundle.CONFIG,
        "vocabulary": bundle.VOCABULARY,
        "consensus": bundle.CONSENSUS,
    }.get(how) or random.choice((bundle.ENCODER, bundle.DECODER))
    sound = _read(folder / name)
    mangles = random.random() < (0.6 if how == "graph" else 0.25)
    if mangles:
        way, data = mangling.mangled(random, sound)
    else:
        way = "rewritten"
        data = {
            "config": _config,
            "vocabulary": _vocabulary,
            "consensus": _consensus,
            "graph": _graph,
        }[how](random, sound)
    signed = random.random() < 0.85
    parts = {name: base64.b64encode(data).decode()}
    return f"{name} {way}{', signed' if signed else ''}", {"parts": parts, "signed": signed}


@functools.cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


def _config(random: Random, sound: bytes) -> bytes:
    """config.json with other values, keys or types somewhere."""
    table = json.loads(sound)
    for _ in range(random.choice((1, 1, 2, 4))):
        place: Any = table
        while True:
            key = (
                random.choice(list(place))
                if isinstance(place, dict)
                else random.randrange(len(place))
            )
            if isinstance(place[key], dict | list) and place[key] and random.random() < 0.9:
                place = place[key]
                continue
            break
        value = random.choice((*_NUMBERS, texts.word(random), ["a"] * 5, {"a": {}}))
        if isinstance(place, dict) and random.random() < 0.2:
            place[texts.word(random)] = place.pop(key)
        else:
            place[key] = value
    text = json.dumps(table)
    if random.random() < 0.1:
        text = text.replace("224", random.choice((texts.nested(random, "[", "]"), "9" * 5000)))
    return text.encode("utf-8", "replace")


def _vocabulary(random: Random, sound: bytes) -> bytes:
    """Words that are not, are too many, too long or the same; a list that is none."""
    words = json.loads(sound)
    place = random.randrange(len(SPECIALS), 60)
    made: object = random.choice(
        (
            words[:-1],
            [*words, "more"],
            words[::-1],
            {"join": "bytes", "pieces": words},
            {"join": "wordpiece", "pieces": words},
            {"join": texts.word(random), "pieces": words},
            [*words[:place], 7, *words[place + 1 :]],
            words[: len(SPECIALS)],
            [],
            {},
            7,
            None,
            [*words[:place], texts.word(random), *words[place + 1 :]],
            [*SPECIALS, *(f"{texts.word(random)} {number}" for number in range(len(words) - 4))],
            [*words[:4], "a" * 10_000_000, *words[5:]],
            [*words[:4], "a\nb\x1b[0m", *words[5:]],
        )
    )
    text = json.dumps(made)
    if random.random() < 0.1:
        text = texts.nested(random, "[", "]")
    return text.encode("utf-8", "replace")


def _consensus(random: Random, sound: bytes) -> bytes:
    """Arrays of other shapes, types and values, pickles, or a name that promises terabytes."""
    with np.load(io.BytesIO(sound)) as file:
        arrays: dict[str, Any] = dict(file)
    name = random.choice(sorted(arrays))
    old = arrays[name]
    made = random.choice(
        (
            old[:-1],
            old.astype(object),
            old.astype(np.float64) * np.nan,
            old.astype("U9"),
            np.full_like(old, 65_535 if old.dtype.kind == "u" else np.inf),
            old.ravel(),
            old * 0,
            old.astype(np.complex64),
            np.zeros((0, *old.shape[1:]), old.dtype),
            old.T,
            np.zeros(1),
            np.array(7),
            old[::-1],
            np.zeros((50, 10_000_000), np.uint8),
        )
    )
    stream = io.BytesIO()
    if random.random() < 0.2:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
            for each, array in arrays.items():
                file.writestr(
                    f"{each}.npy", _promising(random) if each == name else _written(array)
                )
        return stream.getvalue()
    if made is None or random.random() < 0.2:
        del arrays[name]
    else:
        arrays[name] = made
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _written(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _promising(random: Random) -> bytes:
    """An array's header that does not fit what follows."""
    shape = random.choice(
        (
            "(10**12,)",
            "(1000000000000,)",
            "(-1,)",
            "(2, 3",
            "'a'",
            "(4294967296, 4294967296)",
            "(300000000,)",
        )
    )
    kind = random.choice(("<f4", "|O", "<U99999999", "evil", "<f2"))
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(1000)


def _graph(random: Random, sound: bytes) -> bytes:
    """A graph that reaches for other files, or whose names and sizes are others'.

    The strings keep their lengths, so the graph stays readable.
    """
    weights = bundle.WEIGHTS.encode()
    other = random.choice(
        ("../" * 20 + "etc/passwd", "/etc/passwd", "/dev/zero", bundle.CONFIG, ".", "MODEL_CARD.md")
    ).encode()
    return random.choice(
        (
            sound.replace(weights, other.ljust(len(weights), b"/")[: len(weights)]),
            sound.replace(b"pixels", b"pixel\n"),
            sound.replace(b"tokens", b"TOKENS"),
            sound.replace(b"Conv", b"Evil"),
            sound.replace(b"offset", b"length"),
            b"",
            sound.replace(b"MatMul", b"MatMuI"),
            sound + sound,
            sound[: len(sound) // 2],
        )
    )
