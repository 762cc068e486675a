"""From a caption and its certainty to the sentence that is spoken."""

from __future__ import annotations

from collections.abc import Sequence

from describer_daemon.core import i18n
from describer_daemon.core.ports import Caption, OcrResult, TextLine, Verb

STILL_LOOKING = "Still looking."
STILL_READING = "Still reading."
NO_TEXT = "I see no text."
CURTAIN = "The screen is black. A screen curtain may be on."
NOTHING_YET = "I have not described anything yet."
COPIED = "Copied."
INTERNAL = "Something went wrong inside the describer. The log tells more."

_HEDGE = "Could be: "
_NO_CAPTION = {
    "black": "I see no picture: it is all black.",
    "plain": "I see no picture: it is all one colour.",
    "none": "I see no picture.",
    "text": "I see no picture, only text.",
    "drawing": "A chart or drawing; I am only good with photographs.",
}
_SAYS = "{sentence} It says: {words}"
_BEGINS = "{sentence} Its text begins: {words}\u2026"
_BREATH_WORDS, _BREATH_LETTERS = 12, 80
_PAUSES = ".:;,\u2026"
_HYPHENS = ("-", "\u2010", "\u00ad")
_SENTENCE_ENDS = tuple(".!?:;,\u2026\u3002\uff01\uff1f")  # a synthesiser pauses there by itself
_CLOSING_MARKS = "\"')]}\u2019\u201d\u00bb"


def sentence(caption: Caption, verb: Verb | None = None) -> str:
    """Content first, and nothing that is not believed; `verb` None stands for a file.

    Only where there are several pictures, which one it is comes before that.
    """
    if caption.finding == "black" and verb is Verb.SCREEN:
        return CURTAIN
    several = caption.number and len(caption.pictures) > 1
    which = f"Picture {caption.number} of {len(caption.pictures)}: " if several else ""
    said = which + (_NO_CAPTION.get(caption.finding) or _answer(caption))
    return _with_words(said, caption.written) if caption.written else said


def alt_text(caption: Caption) -> str:
    """What stands for the picture where it cannot be seen; "" where nothing is believed.

    As in `sentence`, but no sentence of ours: who reads it may not know that we wrote it.
    """
    if caption.finding or caption.form == "unknown":
        return ""
    if caption.form == "things":
        text = enumerated(caption.seen)
        return text[:1].upper() + text[1:] + "."
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
            text = caption.text
        case "hedged":
            text = _HEDGE + caption.text
        case "things":
            text = f"I see {enumerated(caption.seen)}"
        case _:
            text = _unknown(caption)
    return text[:1].upper() + text[1:] + "."


def _unknown(caption: Caption) -> str:
    adjective = f"{caption.brightness} " if caption.brightness else ""
    text = f"a {adjective}picture that I cannot make out"
    return f"{text}, mostly {enumerated(caption.colours)}" if caption.colours else text


def _with_words(said: str, written: OcrResult) -> str:
    """The sentence, and of what is written as much as can be said in one breath."""
    if not has_words(written):
        return said
    words = text_aloud(written).split()
    if len(words) <= _BREATH_WORDS and len(" ".join(words)) <= _BREATH_LETTERS:
        return _SAYS.format(sentence=said, words=" ".join(words))
    breath = words[:_BREATH_WORDS]
    while len(" ".join(breath)) > _BREATH_LETTERS and len(breath) > 1:
        breath.pop()
    if len(breath[0]) > _BREATH_LETTERS:  # no word at all
        return said
    return _BEGINS.format(sentence=said, words=" ".join(breath).rstrip(_PAUSES))


def text_aloud(result: OcrResult, verb: Verb | None = None) -> str:
    """The text as it is spoken: each paragraph ends with a pause; `verb` None is a file."""
    if result.finding == "black":
        return CURTAIN if verb is Verb.TEXT else "I see no text: it is all black."
    if result.finding == "plain":
        return "I see no text: it is all one colour."
    texts = (_joined_lines(paragraph) for paragraph in result.paragraphs)
    return " ".join(filter(_is_words, texts)) or NO_TEXT


def language(result: Caption | OcrResult | None) -> str:
    """The language of what is said of it, "" for text that was read: that may be in any."""
    return "" if isinstance(result, OcrResult) and has_words(result) else i18n.language()


def _is_words(text: str) -> bool:
    return any(map(str.isalnum, text))  # a lone sign is a bullet or an icon


def _joined_lines(paragraph: Sequence[TextLine]) -> str:
    """The lines as one, words that were divided at their ends put together again."""
    text = ""
    for line in paragraph:
        hyphenated = text[-1:] in _HYPHENS and text[-2:-1].isalpha() and line.text[:1].islower()
        text = (text[:-1] if hyphenated else f"{text} ") + line.text
    text = text.strip()
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
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
