"""The model card tells what a captioner was made of, and how honest its answers are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.captioning.answer import FORMS
from models.captioning.confidence import Calibration
from training.evaluation.evaluate import Result
from training.evaluation.honesty import Honesty, Row
from training.release.calibration import Fit
from training.release.card import Everyday, Facts, write

SCORES = {"BLEU-1": 67.0, "BLEU-4": 24.8, "ROUGE-L": 49.2, "CIDEr": 63.7}
RESULT = Result(
    SCORES, {"a.jpg": "a dog runs", "b.jpg": "a boat"}, {}, {"a.jpg": 120.0, "b.jpg": 10.0}
)
FIT = Fit(
    Calibration(),
    ("a.jpg", "b.jpg"),
    np.asarray([0.9, 0.2]),
    np.asarray([True, False]),
    np.asarray([120.0, 10.0]),
    0.81,
    (0.81, 0.79),
)
LIMITS = Calibration(sure=0.8, medium=0.5)
FACTS = Facts("third", 0, 1, 9_500_000, 3000, 7000, 5000, 0.044, 6.0, 2, 2, 64.0, 5)
HONESTY = Honesty(
    (
        Row("all", 100.0, 91.2, 5.4, 4.1),
        Row("plain", 60.0, 93.0, 3.6, 2.5),
        Row("unknown", 5.0, 0.0, 0.0, float("nan")),
    ),
    70.3,
    76.5,
    600,
)
EVERYDAY = dataclasses.replace(
    FACTS,
    recipe="everyday",
    encoder="efficientnet_lite3",
    everyday=Everyday(120_000, 633, SCORES | {"CIDEr": 90.1}, HONESTY, (0.81, 0.79)),
)
OOD = {"noise": (0, 0, 0, 50), "text": (1, 2, 3, 44)}


def card(facts: Facts) -> str:
    return write(facts, RESULT, FIT, LIMITS, OOD, {"spoken plainly": 12.0})


def section(text: str, title: str) -> str:
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def test_the_answers_to_everyday_pictures_are_in_a_section_of_their_own() -> None:
    found = section(card(EVERYDAY), "Everyday pictures")
    assert "633 photographs of COCO" in found
    assert "| CIDEr | 90.1 |" in found
    assert "| all | 100 % | 91 % | 5.4 % | 4.1 % |" in found
    assert "| plain | 60 % | 93 % | 3.6 % | 2.5 % |" in found
    assert "python -m training honesty BUNDLE --data COCO" in found
    assert "80 kinds: 70.3" in found
    assert "76 % of the things" in found or "77 % of the things" in found
    assert "0.810 on Flickr8k's" in " ".join(found.split())
    assert "0.790 on these" in " ".join(found.split())


def test_what_everyday_captioners_are_made_of() -> None:
    text = " ".join(card(EVERYDAY).split())
    for said in (
        "everyday captioner",
        "an EfficientNet-Lite3 encoder, a head for 80 kinds",
        "120000 captions without pictures",
        "CC BY 4.0",
        "NanoDet",
        "--everyday COCO",
        "training/recipes/everyday.toml",
        "Small things",
    ):
        assert said in text
    assert "Pictures without captions" not in text


def test_a_captioner_that_knows_no_things_says_nothing_of_them() -> None:
    text = card(FACTS)
    for said in (
        "Flickr8k captioner",
        "a MobileNet-EdgeTPU encoder and",
        "Pictures without",
        "--unlabelled PICTURES",
        "food, rooms",
    ):
        assert said in " ".join(text.split())
    for unsaid in ("Everyday", "80 kinds", "CHAIRi", "NanoDet", "None"):
        assert unsaid not in text


@pytest.mark.parametrize("facts", [FACTS, EVERYDAY])
def test_the_card_speaks_of_the_forms_in_which_answers_come(facts: Facts) -> None:
    found = section(card(facts), "Confidence")
    assert "| 0.8 | plainly | 50 % | 120 | 100 % |" in found
    assert '| 0.5 | "Could be" | 0 % | nan | nan % |' in found
    assert "| 0.0 | not at all | 50 % | 10 | 0 % |" in found
    header, row = (line for line in found.splitlines() if line.startswith(("| kind |", "| text |")))
    assert header.count("|") == row.count("|") == len(FORMS) + 2
    assert row == "| text | 1 | 2 | 3 | 44 |"
    assert "| spoken plainly | 12 % |" in found
    assert "Not sure" not in card(facts)


def test_any_encoder_can_have_a_card() -> None:
    text = " ".join(card(dataclasses.replace(FACTS, encoder="resnet50")).split())
    assert "a resnet50 encoder" in text
    assert "the encoder began as resnet50." in text
