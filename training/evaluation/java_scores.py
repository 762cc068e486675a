"""The two scores of the field that run on Java: METEOR and SPICE, from pycocoevalcap's jars.

Where Java or a part of theirs is missing they are left out, and a sentence says why: nothing is
ever downloaded unasked. A time limit ends them, and they end with the command.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Texts = Mapping[str, Sequence[str]]

METEOR_JAR = "meteor-1.5.jar"
SPICE_PARTS = (
    "spice-1.0.jar",
    "lib/stanford-corenlp-3.6.0.jar",
    "lib/stanford-corenlp-3.6.0-models.jar",
)
LIMIT = 900.0  # seconds a score may take: METEOR reads its tables for ten on a free machine


class LeftOutError(Exception):
    """A score that cannot be had here; the message is the reason."""


@dataclass(slots=True)
class JavaScores:
    """Scores in percent: `corpus` by name, `each` by name and picture; why others are missing."""

    corpus: dict[str, float] = field(default_factory=dict)
    each: dict[str, dict[str, float]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def score(candidates: Texts, truths: Texts, seconds: float = LIMIT) -> JavaScores:
    """Score one tokenised caption a picture against its references, both keyed by picture.

    METEOR: Denkowski and Lavie 2014, "Meteor Universal". SPICE: Anderson et al. 2016, "SPICE:
    Semantic Propositional Image Caption Evaluation". Each may take so many `seconds`.
    """
    scores = JavaScores()
    for name, measure in (("METEOR", _meteor), ("SPICE", _spice)):
        try:
            corpus, each = measure(candidates, truths, seconds)
        except LeftOutError as reason:
            scores.left_out.append(f"{name} is left out: {reason}.")
        else:
            scores.corpus[name], scores.each[name] = corpus, each
    return scores


def _meteor(candidates: Texts, truths: Texts, seconds: float) -> tuple[float, dict[str, float]]:
    meteor = importlib.import_module("pycocoevalcap.meteor.meteor")
    _need(Path(meteor.__file__ or "").parent, [METEOR_JAR], "install pycocoevalcap again")
    scorer = meteor.Meteor()
    process: subprocess.Popen[bytes] = scorer.meteor_p
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    watch = threading.Timer(seconds, give_up)
    watch.start()
    keys = sorted(candidates)
    try:
        corpus, each = scorer.compute_score(
            {key: truths[key] for key in keys}, {key: candidates[key] for key in keys}
        )
    except (OSError, ValueError) as error:  # its pipe is broken, or what came is no number
        process.kill()
        errors = process.stderr.read() if process.stderr and not late.is_set() else b""
        raise LeftOutError(_limit(seconds) if late.is_set() else _said(errors)) from error
    finally:
        watch.cancel()
        if scorer.lock.locked():
            scorer.lock.release()  # its destructor would wait for it for ever
        process.kill()
        with contextlib.suppress(BrokenPipeError), process:
            pass  # the pipes are closed and the end is awaited
    return 100 * corpus, {key: 100 * value for key, value in zip(keys, each, strict=True)}


def _spice(candidates: Texts, truths: Texts, seconds: float) -> tuple[float, dict[str, float]]:
    """Run the jar by ourselves: its Python side downloads 400 MB unasked, has no time limit,
    writes into site-packages, and switches on a cache that fails on any Java after 8.
    """
    folder = Path(importlib.import_module("pycocoevalcap.spice").__file__ or "").parent
    _need(
        folder,
        SPICE_PARTS,
        "`python -m pycocoevalcap.spice.get_stanford_models` fetches its "
        "parser from nlp.stanford.edu, about 400 MB",
    )
    keys = sorted(candidates)
    rows = [
        {"image_id": key, "test": candidates[key][0], "refs": list(truths[key])} for key in keys
    ]
    with tempfile.TemporaryDirectory() as room:
        source, target = Path(room, "captions.json"), Path(room, "scores.json")
        source.write_text(json.dumps(rows), encoding="utf-8")
        command = [
            "java",
            "-Xmx8G",
            "-jar",
            SPICE_PARTS[0],
            str(source),
            "-out",
            str(target),
            "-subset",
            "-silent",
        ]
        if shutil.which("setpriv"):  # it must not outlive us, however we end
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        errors = b""
        try:
            errors = subprocess.run(
                command, cwd=folder, capture_output=True, timeout=seconds, check=False
            ).stderr
            scores = {
                row["image_id"]: 100 * float(row["scores"]["All"]["f"])
                for row in json.loads(target.read_text(encoding="utf-8"))
            }
            each = {key: scores[key] for key in keys}
        except subprocess.TimeoutExpired as error:
            raise LeftOutError(_limit(seconds)) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LeftOutError(_said(errors)) from error
    return sum(each.values()) / len(each), each


def _need(folder: Path, parts: Sequence[str], cure: str) -> None:
    if shutil.which("java") is None:
        raise LeftOutError("it needs Java, and there is no java here")
    for part in parts:
        if not (folder / part).is_file():
            raise LeftOutError(f"{Path(part).name} is not there; {cure}")


def _limit(seconds: float) -> str:
    return f"it took longer than {seconds:g} seconds"


def _said(errors: bytes) -> str:
    """What Java complained of, in its first line."""
    lines = errors.decode(errors="replace").strip().splitlines()
    return f"Java failed ({lines[0].strip() if lines else 'without a word'})"
