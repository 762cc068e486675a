"""What the models tell of a picture, in the daemon's words: things in its pixels, its colours."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from describer_daemon.captioner import results
from describer_daemon.captioner.image_decoding import outlined
from describer_daemon.core import phrasing, ports
from describer_daemon.core.ports import Rectangle, Tag
from models.captioner import Caption
from models.captioning.answer import Answer, Form
from models.captioning.languages import in_english
from models.captioning.tags import Tag as ModelTag
from models.captioning.things import Thing

Place = tuple[float, float, float, float]
ALL = (0.0, 0.0, 1.0, 1.0)
CROP = Rectangle(100, 50, 200, 80)


def thing(probability: float = 0.9, place: Place = ALL, *, kind: int = 16) -> Thing:
    return Thing(kind, "dog", "two dogs", probability, 2, place)


def caption(form: Form = "plain", *things: Thing, seen: tuple[str, ...] = ()) -> Caption:
    places = np.random.default_rng(5).dirichlet(np.ones(4), len(things)).astype(np.float32)
    return Caption(
        ("a", "dog"),
        (-0.5, -1.0, -0.1),
        np.full((2, 2, 2), 0.25, np.float32),
        0.7,
        (ModelTag("a tripod", 0.6),),
        {},
        things,
        places.reshape(-1, 2, 2) if things else None,
        answer=Answer(form, seen),
    )


def answered(made: Caption, image: Image.Image, box: Rectangle) -> ports.Caption:
    return results.answered(made, in_english(made.answer), image, box)


def drawn(*colours: str, size: tuple[int, int] = (80, 60)) -> Image.Image:
    """Stripes of these colours."""
    image = Image.new("RGB", (len(colours), 1))
    for column, colour in enumerate(colours):
        image.paste(colour, (column, 0, column + 1, 1))
    return image.resize(size, Image.Resampling.NEAREST)


@pytest.mark.parametrize(
    ("place", "box", "expected"),
    [
        (ALL, CROP, CROP),
        ((0.25, 0.5, 0.75, 1.0), CROP, Rectangle(150, 90, 100, 40)),
        ((0.0, 0.0, 0.5, 0.25), CROP, Rectangle(100, 50, 100, 20)),
        ((0.5, 0.5, 1.0, 1.0), Rectangle(0, 0, 4000, 3000), Rectangle(2000, 1500, 2000, 1500)),
        ((0.5, 0.5, 0.5001, 0.5001), Rectangle(7, 8, 10, 10), Rectangle(12, 13, 1, 1)),
    ],
)
def test_a_thing_is_where_it_is_in_the_whole_picture(
    place: Place, box: Rectangle, expected: Rectangle
) -> None:
    told = answered(caption("plain", thing(place=place)), drawn("blue"), box)
    assert [each.box for each in told.things] == [expected]


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 5000), st.integers(8, 4000), st.floats(0, 0.9), st.floats(0.1, 1))
def test_a_thing_in_a_crop_is_inside_that_crop(
    corner: int, side: int, begin: float, share: float
) -> None:
    place = (begin, begin, min(1.0, begin + share), min(1.0, begin + share))
    box = Rectangle(corner, corner // 2, side, side)
    (told,) = answered(caption("plain", thing(place=place)), drawn("red"), box).things
    assert corner <= told.box.left < told.box.left + told.box.width <= corner + side
    assert told.box.top - corner // 2 == told.box.left - corner
    assert told.box.height == told.box.width >= 1


def test_things_that_are_hardly_there_are_not_told_of() -> None:
    made = caption(
        "things", thing(0.8), thing(0.3, kind=3), thing(0.29, kind=4), seen=("two dogs",)
    )
    told = answered(made, drawn("blue"), CROP)
    assert [(each.kind, each.name, each.probability, each.count) for each in told.things] == [
        ("dog", "two dogs", 0.8, 2),
        ("dog", "two dogs", 0.3, 2),
    ]
    assert (told.seen, told.tags) == (("two dogs",), (Tag("a tripod", 0.6),))
    assert (told.words, told.confidence) == (("a", "dog"), 0.7)


@pytest.mark.parametrize(
    ("image", "colours", "brightness", "sentence"),
    [
        (drawn("#3060e0"), ("blue",), "", "A picture that I cannot make out, mostly blue."),
        (
            drawn("#3060e0", "#3060e0", "#30a040"),
            ("blue", "green"),
            "",
            "A picture that I cannot make out, mostly blue and green.",
        ),
        (
            drawn("black", "black", "black", "#202080"),
            ("black", "blue"),
            "dark",
            "A dark picture that I cannot make out, mostly black and blue.",
        ),
        (
            drawn("white", "white", "white", "white", "yellow"),
            ("white", "yellow"),
            "light",
            "A light picture that I cannot make out, mostly white and yellow.",
        ),
    ],
)
def test_of_a_picture_that_cannot_be_made_out_the_colours_are_told(
    image: Image.Image, colours: tuple[str, ...], brightness: str, sentence: str
) -> None:
    told = answered(caption("unknown"), image, CROP)
    assert (told.form, told.colours, told.brightness) == ("unknown", colours, brightness)
    assert phrasing.sentence(told) == sentence


@pytest.mark.parametrize("form", ["plain", "hedged", "things"])
def test_where_there_is_more_to_say_colours_are_not_told(form: Form) -> None:
    told = answered(caption(form, thing(), seen=("two dogs",)), drawn("black"), CROP)
    assert (told.form, told.colours, told.brightness) == (form, (), "")


def test_a_heat_map_shows_where_things_were_looked_for() -> None:
    image = drawn("red", "blue")
    without, having = caption("plain"), caption("plain", thing(), thing(0.5), thing(0.1))
    sizes = []
    for made in (
        without,
        having,
        dataclasses.replace(having, things=having.things[:1], places=having.places),
    ):
        told = answered(made, image, CROP)
        with Image.open(io.BytesIO(results.heatmap_png(image, made, told))) as png:
            sizes.append(png.width * png.height)
    # two words; two words and two things; two words and one
    assert sizes[0] < sizes[2] < sizes[1]


def png(data: bytes) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def test_boxes_have_their_labels() -> None:
    image = drawn("red", size=(400, 300))
    box = Rectangle(60, 40, 200, 160)
    named, numbered = (png(outlined(image, [box], labels)) for labels in (["two dogs"], ()))
    red = np.asarray(image, np.int16)
    for picture in (named, numbered):
        assert picture.shape == red.shape
        changed = (picture != red).any(-1)
        assert changed[40:200, 60].all()
        assert changed[40, 60:260].all()
        assert not changed[120:190, 140:250].any()  # what is in the box is seen
        inside = changed[48:64, 66:200]
        assert inside.any()  # a label stands in the box
    assert (named != numbered).any()
    assert (named != red).any(-1)[42:60].sum() > (numbered != red).any(-1)[42:60].sum()
    assert (png(outlined(image, [box], ["1"])) == numbered).all()


@pytest.mark.parametrize(
    ("label", "alike"), [("zwei Stühle", "zwei Stuhle"), ("několik židlí", "nekolik zidli")]
)
def test_a_label_keeps_its_letters_if_not_their_marks(label: str, alike: str) -> None:
    image, box = drawn("red", size=(400, 300)), Rectangle(60, 40, 200, 160)
    assert (png(outlined(image, [box], [label])) == png(outlined(image, [box], [alike]))).all()


def test_each_box_has_a_label_or_none_has() -> None:
    with pytest.raises(ValueError, match="shorter"):
        outlined(drawn("red"), [CROP, CROP], ["a dog"])
