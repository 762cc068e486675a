"""From a caption and its certainty to the sentence that is spoken."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec

from describer_daemon.core import i18n
from describer_daemon.core.i18n import N_, _, pgettext
from describer_daemon.core.ports import Caption, OcrResult, TextLine, Verb

STILL_LOOKING = N_("Still looking.")
STILL_READING = N_("Still reading.")
NO_TEXT = N_("I see no text.")
CURTAIN = N_("The screen is black. A screen curtain may be on.")
NOTHING_YET = N_("I have not described anything yet.")
COPIED = N_("Copied.")
INTERNAL = N_("Something went wrong inside the describer. The log tells more.")

_NO_CAPTION = {
    "black": N_("I see no picture: it is all black."),
    "plain": N_("I see no picture: it is all one colour."),
    "none": N_("I see no picture."),
    "text": N_("I see no picture, only text."),
    "drawing": N_("A chart or drawing; I am only good with photographs."),
}
_GRAPHICS = {
    "chart": N_("A chart."),
    "map": N_("A map."),
    "sign": N_("A logo or an icon."),
}
# by brightness, without and with colours
_UNKNOWN = {
    "": (
        N_("A picture that I cannot make out."),
        # Translators: {colours} is "blue" or "blue and green"
        N_("A picture that I cannot make out, mostly {colours}."),
    ),
    "dark": (
        N_("A dark picture that I cannot make out."),
        # Translators: {colours} is "blue" or "blue and green"
        N_("A dark picture that I cannot make out, mostly {colours}."),
    ),
    "light": (
        N_("A light picture that I cannot make out."),
        # Translators: {colours} is "blue" or "blue and green"
        N_("A light picture that I cannot make out, mostly {colours}."),
    ),
}
# Translators: {sentence} is a whole one, {words} what is written in the picture, in any language
_SAYS = N_("{sentence} It says: {words}")
# Translators: {sentence} is a whole one, {words} what is written in the picture, in any language
_BEGINS = N_("{sentence} Its text begins: {words}\u2026")
_BREATH_WORDS, _BREATH_LETTERS = 12, 80
_PAUSES = ".:;,\u2026"
_HYPHENS = ("-", "\u2010", "\u00ad")
_SENTENCE_ENDS = tuple(".!?:;,\u2026\u3002\uff01\uff1f")  # a synthesiser pauses there by itself
_CLOSING_MARKS = "\"')]}\u2019\u201d\u00bb"

P = ParamSpec("P")


def _in_its_language(
    phrase: Callable[Concatenate[Caption, P], str],
) -> Callable[Concatenate[Caption, P], str]:
    """All of a sentence is in the language in which the names of things in it are."""

    @functools.wraps(phrase)
    def phrased(caption: Caption, /, *args: P.args, **kwargs: P.kwargs) -> str:
        with i18n.spoken_in(caption.language):
            return phrase(caption, *args, **kwargs)

    return phrased


@_in_its_language
def sentence(caption: Caption, verb: Verb | None = None) -> str:
    """Content first, and nothing that is not believed; `verb` None stands for a file.

    Only where there are several pictures, which one it is comes before that.
    """
    if caption.finding == "black" and verb is Verb.SCREEN:
        return _(CURTAIN)
    nothing = _NO_CAPTION.get(caption.finding)
    if caption.finding == "drawing" and caption.words:
        said = _artwork(caption)
    elif caption.finding == "drawing" and caption.graphic:
        said = _graphic(caption)
    else:
        said = _(nothing) if nothing else _answer(caption)
    if caption.number and len(caption.pictures) > 1:
        # Translators: {sentence} is a whole one, such as "A dog on a lawn."
        said = _("Picture {number} of {count}: {sentence}").format(
            number=caption.number, count=len(caption.pictures), sentence=said
        )
    if caption.labels or caption.written is None:
        return said
    return _with_words(said, caption.written)


@_in_its_language
def alt_text(caption: Caption) -> str:
    """What stands for the picture where it cannot be seen; "" where nothing is believed.

    As in `sentence`, but no sentence of ours: who reads it may not know that we wrote it.
    """
    if caption.finding or caption.form == "unknown":
        return ""
    if caption.form == "things":
        # Translators: {things} is "two people and a dog", as they are called when they stand alone
        return capital(_("{things}.").format(things=enumerated(caption.listed or caption.seen)))
    return _answer(caption)


def _answer(caption: Caption) -> str:
    """One row for each form in which an answer comes: what is believed less is said less of.

    ========  ===========================================================
    plain     A dog is running on the grass.
    hedged    Could be: a dog is running on the grass.
    things    I see two people and a dog.
    unknown   A picture that I cannot make out, mostly blue and green.
    ========  ===========================================================
    """
    match caption.form:
        case "plain":
            # Translators: {caption} is "a dog is running on the grass"
            text = _("{caption}.").format(caption=caption.translated or caption.text)
        case "hedged":
            # Translators: {caption} is "a dog is running on the grass"
            text = _("Could be: {caption}.").format(caption=caption.translated or caption.text)
        case "things":
            # Translators: {things} is "two people and a dog", in the form that is needed here
            text = _("I see {things}.").format(things=enumerated(caption.seen))
        case _:
            without, coloured = _UNKNOWN[caption.brightness]
            text = _(coloured if caption.colours else without).format(
                colours=enumerated(colours(caption.colours))
            )
    return capital(text)


def _artwork(caption: Caption) -> str:
    """What is said of a cover, a painting or a cartoon: what was believed of it, or its colours."""
    if caption.form in ("plain", "hedged"):
        # Translators: {caption} is "a dog is running on the grass"
        return _("A drawing: {caption}.").format(caption=caption.translated or caption.text)
    if caption.form == "things":
        # Translators: {things} is "two people and a dog", in the form that "I see" needs
        return _("A drawing: I see {things}.").format(things=enumerated(caption.seen))
    # Translators: {colours} is "blue" or "blue and green"
    return _("A drawing, mostly {colours}.").format(colours=enumerated(colours(caption.colours)))


def _graphic(caption: Caption) -> str:
    """What is said of a chart, with what is written at it, of a map, of a sign."""
    if not caption.labels:
        return _(_GRAPHICS[caption.graphic])
    title, *axes = caption.labels
    labels = " ".join(_ended(text) for text in (title, in_a_row(axes)) if text)
    # Translators: {labels} is what is written at a chart, in any language: its title, its axes
    return _("A chart: {labels}").format(labels=labels)


def _with_words(said: str, written: OcrResult) -> str:
    """The sentence, and of what is written as much as can be said in one breath."""
    if not has_words(written):
        return said
    words = text_aloud(written).split()
    if len(words) <= _BREATH_WORDS and len(" ".join(words)) <= _BREATH_LETTERS:
        return _(_SAYS).format(sentence=said, words=" ".join(words))
    breath = words[:_BREATH_WORDS]
    while len(" ".join(breath)) > _BREATH_LETTERS and len(breath) > 1:
        breath.pop()
    if len(breath[0]) > _BREATH_LETTERS:  # no word at all
        return said
    return _(_BEGINS).format(sentence=said, words=" ".join(breath).rstrip(_PAUSES))


def text_aloud(result: OcrResult, verb: Verb | None = None) -> str:
    """The text as it is spoken: each paragraph ends with a pause; `verb` None is a file."""
    if result.finding == "black":
        return _(CURTAIN) if verb is Verb.TEXT else _("I see no text: it is all black.")
    if result.finding == "plain":
        return _("I see no text: it is all one colour.")
    texts = (_joined_lines(paragraph) for paragraph in result.paragraphs)
    return " ".join(filter(_is_words, texts)) or _(NO_TEXT)


def language(result: Caption | OcrResult | None) -> str:
    """The language of what is said of it, "" for text that was read: that may be in any."""
    if isinstance(result, Caption):
        return result.language
    return "" if isinstance(result, OcrResult) and has_words(result) else i18n.language()


def _is_words(text: str) -> bool:
    return any(map(str.isalnum, text))  # a lone sign is a bullet or an icon


def _joined_lines(paragraph: Sequence[TextLine]) -> str:
    """The lines as one, words that were divided at their ends put together again."""
    text = ""
    for line in paragraph:
        hyphenated = text[-1:] in _HYPHENS and text[-2:-1].isalpha() and line.text[:1].islower()
        text = (text[:-1] if hyphenated else f"{text} ") + line.text
    return _ended(text.strip())


def _ended(text: str) -> str:
    is_ended = text.rstrip(_CLOSING_MARKS)[-1:] in _SENTENCE_ENDS
    return text if is_ended else f"{text}."


def has_words(result: OcrResult) -> bool:
    """Whether anything was read that is more than a lone sign."""
    return any(_is_words(line.text) for line in result.lines)


def first_lines(result: OcrResult, most: int) -> OcrResult:
    """The paragraphs up to so many lines."""
    kept: list[tuple[TextLine, ...]] = []
    for paragraph in result.paragraphs:
        if most > 0:
            kept.append(paragraph[:most])
        most -= len(paragraph)
    return OcrResult(tuple(kept), result.finding)


def enumerated(names: Sequence[str]) -> str:
    """ "a, b and c": the one place that joins names."""
    # Translators: joins the last name to the others: "a dog, two cats and a bird"
    return _listed(names, pgettext("list", "{first} and {last}"))


def alternatives(names: Sequence[str]) -> str:
    """ "a, b or c"."""
    # Translators: joins the last name to the others: "ctrl, alt or super"
    return _listed(names, pgettext("list", "{first} or {last}"))


def in_a_row(names: Sequence[str]) -> str:
    """ "a, b, c": without a word before the last one."""
    # Translators: joins two of several names: "a dog, two cats"
    pattern = pgettext("list", "{first}, {second}")
    return functools.reduce(
        lambda first, second: pattern.format(first=first, second=second), names or [""]
    )


def _listed(names: Sequence[str], pattern: str) -> str:
    if len(names) < 2:
        return in_a_row(names)
    return pattern.format(first=in_a_row(names[:-1]), last=names[-1])


def colours(names: Sequence[str]) -> tuple[str, ...]:
    """The eleven colours, "blue", as they are said after "mostly"."""
    # Translators: colours, as they are said in "A picture that I cannot make out, mostly blue and
    # white." and in "Dark, mostly blue.": take a form that is right for any thing or things
    words = {
        "black": pgettext("colour", "black"),
        "blue": pgettext("colour", "blue"),
        "brown": pgettext("colour", "brown"),
        "green": pgettext("colour", "green"),
        "grey": pgettext("colour", "grey"),
        "orange": pgettext("colour", "orange"),
        "pink": pgettext("colour", "pink"),
        "purple": pgettext("colour", "purple"),
        "red": pgettext("colour", "red"),
        "white": pgettext("colour", "white"),
        "yellow": pgettext("colour", "yellow"),
    }
    return tuple(words.get(name, name) for name in names)


def capital(text: str) -> str:
    """The text with a capital as its first letter, as a sentence has it."""
    return text[:1].upper() + text[1:]
