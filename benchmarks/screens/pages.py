"""All page templates by name, and the page made from one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.screens import pages_reading as reading
from benchmarks.screens import pages_shop as shop
from benchmarks.screens import pages_social as social
from benchmarks.screens import pages_work as work
from benchmarks.screens.album import Album
from benchmarks.screens.kit import Kit
from benchmarks.screens.looks import pick
from benchmarks.screens.words import Words

Template = Callable[[Kit], str]

PICTURED: dict[str, Template] = {
    "news": reading.news, "article": reading.article, "encyclopedia": reading.encyclopedia,
    "hero": reading.hero, "mail": reading.mail, "forum": reading.forum, "results": reading.results,
    "document": reading.document, "recipe": reading.recipe, "feed": social.feed,
    "chat": social.chat, "gallery": social.gallery, "bricks": social.bricks,
    "profile": social.profile, "video": social.video, "lightbox": social.lightbox,
    "story": social.story, "microblog": social.microblog, "meeting": social.meeting,
    "shop": shop.shop, "product": shop.product, "hotels": shop.hotels, "films": shop.films,
    "music": shop.music, "slides": work.slides, "slide editor": work.slide_editor,
    "file manager": work.file_manager,
}  # fmt: skip

WITHOUT: dict[str, Template] = {
    "news": reading.news, "article": reading.article, "encyclopedia": reading.encyclopedia,
    "hero": reading.hero, "mail": reading.mail, "forum": reading.forum, "results": reading.results,
    "manual": reading.manual, "document": reading.document, "feed": social.feed,
    "chat": social.chat, "microblog": social.microblog, "meeting": social.meeting,
    "stickers": social.stickers, "shop": shop.shop, "music": shop.music, "checkout": shop.checkout,
    "code editor": work.code_editor, "spreadsheet": work.spreadsheet, "settings": work.settings,
    "form": work.form, "calendar": work.calendar, "dashboard": work.dashboard, "map": work.mapped,
    "illustration": work.illustrated, "slides": work.slides, "slide editor": work.slide_editor,
    "board": work.board, "table": work.table, "review": work.review,
    "file manager": work.file_manager, "colours": work.colours, "empty page": work.empty,
}  # fmt: skip


def page(family: str, rng: Random, album: Album, *, pictured: bool) -> str:
    """The HTML of one page; everything in it is decided by `rng`."""
    look = pick(rng)
    kit = Kit(rng, look, Words(rng), album.deal(rng), pictured)
    body = (PICTURED if pictured else WITHOUT)[family](kit)
    return (f"<!doctype html><html><head><meta charset=utf-8><title>{kit.words.title()}</title>"
            f"<style>{look.css()}</style></head><body>{body}</body></html>")
