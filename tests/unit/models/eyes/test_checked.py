"""What a captioner of others says is said only as far as ours, which looks too, believes it."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from models.captioner import Caption, Captioner
from models.captioning.answer import Answer
from models.captioning.caption_store import CaptionStore
from models.captioning.confidence import Calibration
from models.captioning.decoding import SearchConfig
from models.captioning.kinds import kinds, named, numbers
from models.captioning.preprocess import Preprocessing
from models.captioning.things import Thing
from models.captioning.vocabulary import Vocabulary
from models.eyes.captioner import Text
from models.eyes.checked import CheckedCaptioner, spoken
from models.eyes.limits import SIGNALS, Limits, fit, good, read_limits
from models.eyes.loading import load
from models.runtime.bundle import SHIPPED, BundleError, Config

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

FAMILIAR = Calibration(object_support=0.7, familiar={"near": 1.0})


def text(words: str) -> Text:
    each = tuple(words.split())
    told = (-0.5,) * (len(each) + 1)
    return Text(words, each, told, tuple(range(len(told))), told)


def ours(things: dict[str, float], near: float = 9.0) -> Caption:
    """What the captioner that ships says of a picture with these things."""
    seen = tuple(
        Thing(numbers()[name], name, f"a {name}", probability, 1, (0, 0, 1, 1))
        for name, probability in things.items()
    )
    even = np.full((2, 2, 2), 0.25, np.float32)
    return Caption(
        ("a", "dog"), (-1.0, -1.0, -1.0), even, 0.9, (), {"near": near}, seen, None,
        named(["dog"]), Answer("plain", ("a dog",), named(["dog"])),
    )  # fmt: skip


def checked(words: str, own: Caption, limits: Limits | None = None) -> Caption:
    return checking(limits).checked(spoken(text(words)), own)


def checking(limits: Limits | None = None) -> CheckedCaptioner:
    config = Config({}, Preprocessing(8), SearchConfig(), FAMILIAR, (2, 2))
    nobody: Any = None
    store = CaptionStore(CaptionStore.empty(2))
    captioner = Captioner(nobody, config, Vocabulary.from_words(["dog"]), store)
    made = CheckedCaptioner.__new__(CheckedCaptioner)  # without loading any network
    made.own, made._limits, made._last = captioner, limits or Limits(), None
    made._detail, made._judging = "brief", False
    return made


BOTH = {"dog": 0.95, "frisbee": 0.8, "cat": 0.1}


@pytest.mark.parametrize(
    ("words", "things", "near", "said"),
    [
        ("A dog catches a frisbee.", BOTH, 9.0, "a dog catches a frisbee"),
        ("a cat on the grass", BOTH, 9.0, ""),  # there is none
        ("a dog and a Cat, asleep", BOTH, 9.0, ""),
        ("a giraffe", BOTH, 9.0, ""),  # not even looked at
        ("a red door in a wall", BOTH, 9.0, "a red door in a wall"),  # nothing to be checked
        ("a dog", BOTH, -9.0, ""),  # unlike any known picture: no head is believed
        ("a bar chart of rainfall", BOTH, -9.0, "a bar chart of rainfall"),
        ("a cat", {}, 9.0, "a cat"),  # a captioner without a head for things
        ("", BOTH, 9.0, ""),
    ],
)
def test_what_ours_does_not_believe_is_not_said(
    words: str, things: dict[str, float], near: float, said: str
) -> None:
    own = ours(things, near)
    caption = checked(words, own)
    if not said:
        assert caption == dataclasses.replace(own, fallback=True)
        return
    assert " ".join(caption.words) == said
    assert (caption.answer.form, caption.fallback) == ("hedged", False)
    assert len(caption.log_probabilities) == len(caption.words) + 1
    assert caption.attention.shape == (len(caption.words), 2, 2)
    assert caption.answer.said == caption.claimed == named(said.split())
    assert caption.answer.seen == own.answer.seen  # of more of a picture ours tells


def test_only_measured_limits_make_it_plain() -> None:
    own = ours(BOTH)
    limits = Limits({"mean": 2.0}, 3.0, sure=0.8, medium=0.4)  # mean is -0.5: 0.88
    caption = checked("a dog", own, limits)
    assert (caption.answer.form, round(caption.confidence, 2)) == ("plain", 0.88)
    assert checked("a dog", own, dataclasses.replace(limits, sure=0.9)).answer.form == "hedged"
    assert checked("a dog", own, dataclasses.replace(limits, medium=0.9)).fallback
    assert checked("a cat", own, limits).fallback  # however sure it is


def test_what_was_said_is_judged_by_what_people_say() -> None:
    strict = Limits({"mean": 1.0}, -9.0, 0.8, 0.4)
    made = checking(strict)
    assert made.judged(["A dog."]) is None  # nothing was said yet
    made._last = spoken(text("A dog catches a frisbee.")), ours(BOTH)
    found = made.judged(["A dog jumps for a frisbee.", "two dogs"])
    assert found is not None
    signals, well = found
    assert set(SIGNALS) <= set(signals)
    assert (signals["mean"], signals["words"], well) == (-0.5, 5.0, True)
    assert made.judged(["A dog."]) is None  # each but once
    made._last = spoken(text("A dog catches a frisbee.")), ours(BOTH)
    assert made.checked(*made._last).fallback  # whatever the limits were that it had
    assert made.judged(["A cat.", "two dogs"]) == (signals, False)
    made._last = spoken(text("a giraffe")), ours(BOTH)
    assert made.judged(["a giraffe"]) is None  # ours answers in any case


@pytest.mark.parametrize("judging", [False, True])
def test_what_was_said_is_kept_for_whoever_will_judge_it(
    judging: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, nothing = checking(), None
    made._judging = judging
    foreign: Any = SimpleNamespace(caption=lambda *_: text("A dog catches a frisbee."))
    made.foreign = foreign
    monkeypatch.setattr(made.own, "describe", lambda _: ours(BOTH))
    for forget, kept in ((False, judging), (True, False)):
        made.describe(cast("Image.Image", nothing), SearchConfig())
        assert (made._last is not None) is judging
        if forget:
            made.forget()
        assert (made.judged(["A dog."]) is not None) is kept


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The image shows a dog. It runs.", "a dog. It runs"),
        ("In this image, we can see Two dogs .", "two dogs"),
        ("In the image, there is a dog.", "a dog"),
        ("Paris at night", "Paris at night"),
        ("This picture", "this picture"),
        ("The image shows", "The image shows"),
    ],
)
def test_a_text_is_made_part_of_a_sentence(written: str, said: str) -> None:
    made = spoken(text(written))
    assert " ".join(made.words) == said
    assert len(made.log_probabilities) == len(made.words) + 1


def _rows(count: int, *, honest: bool) -> list[tuple[dict[str, float], bool]]:
    """Captions whose mean tells whether they are good, or, on half of them, the contrary."""
    random = np.random.default_rng(1)
    rows = []
    for number in range(count):
        signals = dict.fromkeys(SIGNALS, 0.0) | {"mean": float(random.normal())}
        wrong = not honest and number % 2
        rows.append((signals, (signals["mean"] > 0) is not bool(wrong)))
    return rows


def test_limits_are_learnt_where_there_is_something_to_learn_and_kept(tmp_path: Path) -> None:
    limits = fit(_rows(120, honest=True))
    near, far = (dict.fromkeys(SIGNALS, 0.0) | {"mean": mean} for mean in (2.0, -2.0))
    assert limits.confidence(near) > limits.sure == 0.8
    assert limits.confidence(far) < limits.medium == 0.4
    limits.save(tmp_path, seconds=1.5)
    assert read_limits(tmp_path) == limits
    assert json.loads((tmp_path / "limits.json").read_text(encoding="utf-8"))["seconds"] == 1.5


@pytest.mark.parametrize(
    "rows",
    [[], _rows(40, honest=True), [(signals, True) for signals, _ in _rows(80, honest=True)]],
    ids=["none", "few", "all good"],
)
def test_of_too_little_nothing_is_learnt(rows: list[tuple[dict[str, float], bool]]) -> None:
    assert fit(rows) == Limits()


def test_nothing_is_learnt_that_could_not_be_read_again(tmp_path: Path) -> None:
    """Signals that are nearly all alike have weights beyond all bounds."""
    wide = _rows(120, honest=True)
    rows = [(signals | {"mean": 1e-6 * signals["mean"]}, good) for signals, good in wide]
    assert fit(rows) == Limits()
    fit(rows).save(tmp_path)
    assert read_limits(tmp_path) == Limits()


def test_what_tells_nothing_makes_nothing_plain() -> None:
    limits = fit(_rows(200, honest=False))
    signals = [signals for signals, _ in _rows(200, honest=False)]
    assert not any(limits.confidence(each) >= limits.sure for each in signals)


@pytest.mark.parametrize(
    "table",
    [
        {"format": 2, "weights": {}, "offset": 0, "sure": 1, "medium": 0},
        {"format": 1, "weights": {}, "offset": "x", "sure": 1, "medium": 0},
        {"format": 1, "weights": {"luck": 1}, "offset": 0, "sure": 1, "medium": 0},
        {"format": 1, "weights": {"mean": 1e9}, "offset": 0, "sure": 1, "medium": 0},
        {"format": 1, "weights": []},
    ],
    ids=str,
)
def test_damaged_limits_are_told_of(table: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "limits.json").write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(BundleError, match=r"limits\.json cannot be used"):
        read_limits(tmp_path)


def test_a_caption_is_good_that_names_what_people_name() -> None:
    people = [["a", "dog", "runs", "on", "grass"], ["a", "puppy", "with", "a", "frisbee"]]
    assert good(["a", "dog"], people)
    assert good(["a", "frisbee"], people)
    assert not good(["a", "dog", "and", "a", "cat"], people)
    assert not good(["a", "green", "lawn"], people)
    assert good(["an", "old", "barn"], [["a", "barn"]])
    assert not good(["a", "the"], [["a", "the", "barn"]])


def test_either_kind_is_loaded_by_its_folder(
    gpt2_folder: Path, pictures: list[Image.Image]
) -> None:
    assert isinstance(load(SHIPPED, threads=1), Captioner)
    captioner = load(gpt2_folder, threads=1)
    assert isinstance(captioner, CheckedCaptioner)
    assert captioner.config.search.beam_size == 3
    assert not captioner._judging
    one = dataclasses.replace(captioner.config.search, beam_size=1)
    for config in (None, one):
        caption = captioner.describe(pictures[0], config)
        assert len(caption.things) == len(kinds())
        assert caption.answer.form in ("hedged", "things", "unknown") or caption.fallback
    judging = load(gpt2_folder, threads=1, judging=True)
    assert isinstance(judging, CheckedCaptioner)
    assert judging._judging
    with pytest.raises(BundleError, match="onnx engine only"):
        load(gpt2_folder, "torch")


def test_a_folder_that_is_not_there_is_told_of_as_ever(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no captioner bundle at"):
        load(tmp_path / "none")
