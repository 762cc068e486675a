"""METEOR and SPICE: scores where all is there, a sentence where not, and no Java left behind."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.bundles import ROOT
from tests.unit import proc
from training.evaluation import java_scores
from training.evaluation.metrics import score_all

SAID = {"a": ["a dog runs"], "b": ["a man sits"]}
TRUE = {"a": ["a dog runs", "the dog is running"], "b": ["a man in red"]}
METEOR = """
    for line in sys.stdin:
        if line.startswith("SCORE"):
            assert line in {"SCORE ||| a dog runs ||| the dog is running ||| a dog runs\\n",
                            "SCORE ||| a man in red ||| a man sits\\n"}
            print("1.0 2.0", flush=True)
        elif line == "EVAL ||| 1.0 2.0 ||| 1.0 2.0\\n":
            print("0.75\\n0.25\\n0.5", flush=True)
"""
SPICE = """
    where = sys.argv[sys.argv.index("-jar") + 2]
    rows = json.load(open(where, encoding="utf-8"))
    found = [{"image_id": row["image_id"],
              "scores": {"All": {"f": len(row["refs"]) / 4}}} for row in reversed(rows)]
    json.dump(found, open(sys.argv[sys.argv.index("-out") + 1], "w", encoding="utf-8"))
"""
HANG = "time.sleep(600)"


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is all that is found; `write` puts a java there."""
    folder = tmp_path / "programs"
    folder.mkdir()
    setpriv = shutil.which("setpriv")
    if setpriv:
        (folder / "setpriv").symlink_to(setpriv)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SPICE's folder as it is once its parser was fetched."""
    spice = importlib.import_module("pycocoevalcap.spice")
    folder = tmp_path / "spice"
    for part in java_scores.SPICE_PARTS:
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).touch()
    monkeypatch.setattr(spice, "__file__", str(folder / "__init__.py"))
    return folder


def write(folder: Path, **programs: str) -> None:
    """Make a java that does `meteor` or `spice`; what is not given ends with an error."""
    parts = {
        name: textwrap.indent(textwrap.dedent(programs.get(name, "sys.exit('Oops')")), "    ")
        for name in ("meteor", "spice")
    }
    path = folder / "java"
    path.write_text(
        f"""\
#!{sys.executable}
import json, os, sys, time
with open({str(folder / "pid")!r}, "a") as pids:
    print(os.getpid(), file=pids)
if any("meteor" in each for each in sys.argv):
{parts["meteor"]}
else:
{parts["spice"]}
""",
        encoding="utf-8",
    )
    path.chmod(0o755)


def pids(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "pid").read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []


def alive(folder: Path) -> list[int]:
    return [pid for pid in pids(folder) if proc.state(pid) not in {"", "Z"}]


def gone(folder: Path) -> bool:
    assert pids(folder)  # it had started
    return not alive(folder)


def test_both_scores(java: Path, parser: Path) -> None:
    write(java, meteor=METEOR, spice=SPICE)
    scores = java_scores.score(SAID, TRUE)
    assert scores.left_out == []
    assert scores.corpus == {"METEOR": 50, "SPICE": (50 + 25) / 2}
    assert scores.each == {"METEOR": {"a": 75, "b": 25}, "SPICE": {"a": 50, "b": 25}}
    assert gone(java)


def test_without_java_a_sentence_says_so(java: Path) -> None:
    scores = java_scores.score(SAID, TRUE)
    assert scores.corpus == scores.each == {}
    assert scores.left_out == [
        f"{name} is left out: it needs Java, and there is no java here."
        for name in ("METEOR", "SPICE")
    ]


def test_a_missing_part_is_named_and_never_fetched(
    java: Path, parser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = importlib.import_module("pycocoevalcap.spice.get_stanford_models")
    monkeypatch.setattr(fetched, "urlretrieve", lambda *_, **__: pytest.fail("a download"))
    (parser / java_scores.SPICE_PARTS[2]).unlink()
    write(java, meteor=METEOR)
    scores = java_scores.score(SAID, TRUE)
    assert scores.corpus == {"METEOR": 50}
    (sentence,) = scores.left_out
    assert sentence.startswith("SPICE is left out: stanford-corenlp-3.6.0-models.jar is not there")
    assert "python -m pycocoevalcap.spice.get_stanford_models" in sentence


def test_java_that_fails_is_quoted(java: Path, parser: Path) -> None:
    write(java)
    scores = java_scores.score(SAID, TRUE)
    assert scores.corpus == {}
    assert scores.left_out == [
        f"{name} is left out: Java failed (Oops)." for name in ("METEOR", "SPICE")
    ]
    assert gone(java)


def test_nonsense_from_java_is_no_score(java: Path, parser: Path) -> None:
    write(
        java,
        meteor="for line in sys.stdin: print('many', flush=True)",
        spice="open(sys.argv[sys.argv.index('-out') + 1], 'w').write('[]')",
    )
    scores = java_scores.score(SAID, TRUE)
    assert scores.corpus == {}
    assert len(scores.left_out) == 2
    assert gone(java)


def test_a_hanging_java_is_ended(java: Path, parser: Path) -> None:
    write(java, meteor=HANG, spice=HANG)
    began = time.monotonic()
    scores = java_scores.score(SAID, TRUE, seconds=1.5)
    assert time.monotonic() - began < proc.LONG
    assert scores.left_out == [
        f"{name} is left out: it took longer than 1.5 seconds." for name in ("METEOR", "SPICE")
    ]
    assert not alive(java)


@pytest.mark.parametrize("name", ["meteor", "spice"])
def test_java_ends_with_a_command_that_is_killed(java: Path, parser: Path, name: str) -> None:
    # METEOR notices that its input has ended; SPICE reads none
    write(java, **{name: "sys.stdin.read(); time.sleep(1)" if name == "meteor" else HANG})
    code = f"""
import importlib
importlib.import_module("pycocoevalcap.spice").__file__ = {str(parser / "__init__.py")!r}
from training.evaluation import java_scores
java_scores._{name}({SAID}, {TRUE}, 600)
"""
    command = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ))
    proc.until(lambda: bool(pids(java)) or command.poll() is not None)
    command.kill()
    command.wait()
    proc.until(lambda: gone(java))


@pytest.mark.timeout(1200)
def test_the_real_thing_scores_or_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java_scores, "SPICE_PARTS", ("no such part",))  # a minute, where it is
    same = {"a": "a brown dog runs over the green grass"}
    scores = score_all(same, {"a": [same["a"], "there is a dog"]})
    assert {"BLEU-4", "ROUGE-L", "CIDEr"} < set(scores.corpus)
    if shutil.which("java"):
        assert scores.corpus["METEOR"] == pytest.approx(100, abs=0.5)
        assert scores.each["METEOR"] == pytest.approx({"a": 100}, abs=0.5)
    else:
        assert "METEOR" not in scores.corpus
    assert [sentence.split()[0] for sentence in scores.left_out] == [
        name for name in ("METEOR", "SPICE") if name not in scores.corpus
    ]
