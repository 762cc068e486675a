"""With the captioner that ships: artwork, a chart and a map are told as what they are."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from skimage import data

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.phrasing import sentence
from describer_daemon.core.ports import Aim, Caption, Encoded
from tests.unit.proc import LONG
from training.finder import covers, drawings, media


@pytest.fixture(scope="module")
def captioner() -> Iterator[ChildCaptioner]:
    made = ChildCaptioner(timeout=LONG, threads=1)
    yield made
    made.close()


def described(captioner: ChildCaptioner, image: Image.Image, aim: Aim | None = None) -> Caption:
    return captioner.describe(Encoded(_png(image), aim))


def chart() -> Image.Image:
    """Lines as matplotlib draws them, with a title and names at the axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    axes = figure.add_subplot()
    axes.plot([2018, 2019, 2020, 2021, 2022], [12, 18, 15, 27, 31])
    axes.plot([2018, 2019, 2020, 2021, 2022], [8, 9, 14, 13, 22])
    axes.set(title="Sales by region", xlabel="Year", ylabel="Temperature")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def test_a_chart_is_named_with_what_is_written_at_it(captioner: ChildCaptioner) -> None:
    told = sentence(described(captioner, chart()))
    if importlib.util.find_spec("rapidocr") is None:
        assert told == "A chart."
    else:
        assert told == "A chart: Sales by region. Year, Temperature."


def test_a_map_is_named(captioner: ChildCaptioner) -> None:
    streets = drawings.drawn_as(np.random.default_rng(3), (560, 400), drawings.MAPS)
    assert sentence(described(captioner, streets)) == "A map."


def test_a_cover_on_a_screen_is_a_drawing_and_a_photograph_none(captioner: ChildCaptioner) -> None:
    photograph = Image.fromarray(data.astronaut())
    page = Image.new("RGB", (900, 600), "white")
    cover = covers.book(
        np.random.default_rng(3),
        330,
        lambda random, size: media.cartoon(random, photograph.resize(size)),
    )
    page.paste(cover, (120, 110))
    page.paste(photograph.resize((320, 320)), (480, 110))
    found = described(captioner, page, Aim())
    other = captioner.describe(
        Encoded(_png(page), Aim()), [found.box] if found.box is not None else []
    )
    kinds = {each.box.left: each.finding for each in (found, other) if each.box is not None}
    assert sorted(kinds.items()) == [(120, "drawing"), (480, "")]
    cover_told = next(each for each in (found, other) if each.finding == "drawing")
    assert ": A drawing" in sentence(cover_told)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
