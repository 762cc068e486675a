"""Screens for the tests: photographs among text, as a web page or a program shows them."""

from __future__ import annotations

import textwrap

from PIL import Image, ImageDraw, ImageFont

from describer_daemon.capture import geometry
from describer_daemon.core.ports import Rectangle
from tests.bundles import photograph

SIZE = (1000, 700)
PLACES = (Rectangle(60, 90, 360, 270), Rectangle(560, 330, 300, 225))
WORDS = (
    "When the harbour office opened in the spring, nobody had counted the boats for "
    "eleven years. The new clerk took a pencil and walked along the quay. "
) * 2


def page(*names: str) -> Image.Image:
    """Text, and at most two photographs of `bundles.photograph` at `PLACES`."""
    image = Image.new("RGB", SIZE, (250, 250, 248))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, SIZE[0], 44), fill=(52, 73, 94))
    draw.text((20, 10), "The Harbour Gazette", "white", ImageFont.load_default(22))
    font = ImageFont.load_default(15)
    for left, top in ((450, 90), (60, 400)):
        draw.multiline_text((left, top), textwrap.fill(WORDS, 58), (40, 40, 40), font, spacing=6)
    for name, place in zip(names, PLACES, strict=False):
        shown = photograph(name).convert("RGB").resize((place.width, place.height))
        image.paste(shown, (place.left, place.top))
    return image


def alike(box: Rectangle | None, place: Rectangle) -> bool:
    """Whether a box that was found is where the picture is, but for a small margin."""
    if box is None:
        return False
    both = geometry.shared(box, place)
    return both > 0.75 * (box.width * box.height + place.width * place.height - both)
