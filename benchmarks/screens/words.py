"""Words without meaning in the shape of real text, in several scripts."""

from __future__ import annotations

from random import Random

_ENGLISH_TEXT = """
the of and to in a is that for it as was with be by on not he his but at are this have
from or had an they which one you were her all she there would their we him been has when who will
more no if out so said what up its about into than them can only other new some could time these two
may then do first any my now such like our over man me even most made after also did many before
must through years where much your way well down should because each just those people how too
little state good very make world still own see men work long here get both between life being under
never day same another know while last might us great old year off come since go against came right
used take three house water river garden market council bridge winter harbour letter station
mountain museum village kitchen engine weather morning evening history question answer window
teacher report season island forest coffee paper village window theatre travel recipe machine signal
balance account payment invoice meeting project deadline version release update feature customer
delivery storage network password security backup folder document chapter summary
"""
_CYRILLIC = ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэф", "ое", "а")
_GREEK = ("αοιετσνηυρπκμλδγωθχφβξζψ", "οι", "α")
_GERMAN_TEXT = """
der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch
es an werden aus er dass sie nach wird bei einer um am sind noch wie einem über einen so zum war
haben nur oder aber vor zur bis mehr durch man sein wurde wenn können schon Bundesland Straße
Entwicklung Gesellschaft Übersicht Einstellungen Nachrichten Rechnung Wochenende Bürgermeister
Verkehrsverbindung Wetterbericht Öffnungszeiten Größe Jahr Stadt
"""
_FIRST_TEXT = "Ada Ben Cleo Dov Elif Finn Gita Hugo Ines Jun Kofi Lena Milo Nora Omar Pia Quin"
_LAST_TEXT = "Abbot Brandt Castell Dorsey Ekwall Farrow Grieg Holt Ibsen Jansen Keller Lindt"
_ENGLISH, _GERMAN = _ENGLISH_TEXT.split(), _GERMAN_TEXT.split()
_FIRST, _LAST = _FIRST_TEXT.split(), _LAST_TEXT.split()


class Words:
    """Text that one random source decides."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._list = rng.choices(
            [_ENGLISH, _GERMAN, _made_up(rng, *_CYRILLIC), _made_up(rng, *_GREEK)],
            [80, 10, 6, 4])[0]

    def some(self, least: int, most: int) -> str:
        return " ".join(self._rng.choices(self._list, k=self._rng.randint(least, most)))

    def title(self, least: int = 2, most: int = 8) -> str:
        text = self.some(least, most)
        return text.title() if self._rng.random() < 0.3 else text[:1].upper() + text[1:]

    def sentence(self) -> str:
        text = self.some(6, 18)
        return f"{text[:1].upper()}{text[1:]}{self._rng.choice('.....?!')}"

    def paragraph(self, least: int = 2, most: int = 6) -> str:
        return " ".join(self.sentence() for _ in range(self._rng.randint(least, most)))

    def paragraphs(self, count: int) -> str:
        return "".join(f"<p>{self.paragraph()}</p>" for _ in range(count))

    def name(self) -> str:
        return f"{self._rng.choice(_FIRST)} {self._rng.choice(_LAST)}"

    def money(self) -> str:
        return f"{self._rng.choice('€$£')}{self._rng.randint(2, 900)}.{self._rng.randint(0, 99):02}"

    def date(self) -> str:
        day, month = self._rng.randint(1, 28), self._rng.randint(1, 12)
        return f"{day}.{month}.{self._rng.randint(2015, 2026)}"

    def clock(self) -> str:
        return f"{self._rng.randint(0, 23)}:{self._rng.randint(0, 59):02}"

    def identifier(self) -> str:
        return "_".join(self._rng.choices(_ENGLISH, k=self._rng.randint(1, 3)))


def _made_up(rng: Random, letters: str, *frequent: str) -> list[str]:
    pool = letters + letters[:12] * 2 + "".join(frequent) * 2
    return ["".join(rng.choices(pool, k=rng.randint(2, 10))) for _ in range(150)]
