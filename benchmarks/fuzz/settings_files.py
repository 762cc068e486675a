"""Settings files: types, ranges, characters, sizes and nesting that nobody asked for.

Each is written to a file and read as the daemon reads its own; what is accepted is printed as
`describer settings` does, and read once more from what it prints.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from random import Random
from typing import Self

from benchmarks.fuzz import mangling, texts
from benchmarks.fuzz.trial import Ending, Sample, weighted
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings import settings
from describer_daemon.settings.file import commented, entries

_WAYS = {"values": 45, "mangled": 25, "keys": 15, "large": 10, "binary": 5}
_VALUES = (
    "true",
    "-1",
    "0",
    "1",
    "1.5",
    "nan",
    "-inf",
    "1e400",
    "9" * 30,
    "9" * 5000,
    "0b1",
    "0x7fffffffffffffff",
    "1979-05-27T07:32:00Z",
    "07:32:00",
    "[]",
    "{}",
    '""',
    "''",
    '"auto"',
    '"window"',
    '"ctrl+alt+d"',
    '"ctrl+ctrl+d"',
    '"alt+"',
    '"+"',
    '"print"',
    "[1, 2]",
    "[0, 0, 0, 0]",
    "[1, 2, 3, 99999999999999999999]",
    '[[1], ["a"]]',
    '"/dev/zero"',
    '"~nobody/x"',
    '"relative"',
    "{a = {b = {}}}",
    '"""\n\n"""',
    "'''\n'''",
)


class SettingsFiles:
    """See `trial.Kind`."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._path = Path()

    def __enter__(self) -> Self:
        folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="settings-"))
        self._path = Path(folder, "settings.toml")
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def make(self, random: Random) -> Sample:
        how = weighted(random, _WAYS)
        usual = commented(settings.Settings(), "The settings.")
        if how == "values":
            return Sample(how, _written(random, usual))
        if how == "mangled":
            return Sample(how, mangling.mangled(random, usual.encode())[1])
        if how == "keys":
            keys = (_key(random) + " = " + random.choice(_VALUES) for _ in range(20))
            heads = (f"[{_key(random)}]", f"[[{_key(random)}]]", "[speech]", "")
            return Sample(how, _bytes(f"{random.choice(heads)}\n" + "\n".join(keys)))
        if how == "large":
            return Sample(how, _bytes(_large(random)))
        return Sample(how, random.randbytes(random.choice((0, 1, 300, 65_536, 65_537))))

    def attempt(self, sample: Sample, thorough: bool) -> Ending:
        self._path.write_bytes(sample.data)
        try:
            read = settings.load(self._path)
        except DescriberError as error:
            return Ending(error.spoken, accepted=False)
        settings.describe_settings(read, self._path)
        self._path.write_text(commented(read, "The settings."), encoding="utf-8")
        again = settings.load(self._path)
        return Ending("", accepted=True, broke="" if again == read else "it is read otherwise")


def _written(random: Random, usual: str) -> bytes:
    """The usual file with a few other values."""
    lines = usual.splitlines()
    places = [number for number, line in enumerate(lines) if " = " in line]
    for number in random.sample(places, random.choice((1, 1, 2, 5))):
        lines[number] = f"{lines[number].split(' = ')[0]} = {_value(random)}"
    return _bytes("\n".join(lines))


def _value(random: Random) -> str:
    text = random.choice((texts.word(random), texts.letters(random)))
    return random.choice(
        (
            random.choice(_VALUES),
            random.choice(_VALUES),
            f'"{text}"',
            text,
            texts.nested(random, "[", "]"),
            texts.nested(random, "{a=", "}"),
            '"' + "a" * random.choice((200, 201, 60_000)) + '"',
        )
    )


def _key(random: Random) -> str:
    known = [key for _, key, _, _, _ in entries(settings.Settings())]
    return random.choice(
        (
            random.choice(known),
            f'"{texts.word(random)}"',
            texts.letters(random),
            "keys.screen",
            "a." * random.choice((3, 1000)) + "a",
            "speech",
        )
    )


def _large(random: Random) -> str:
    """Nearly as long as a file may be, made so that every line costs something."""
    one = random.choice(
        (
            "a{0} = 1",
            "[a{0}]",
            "a = {0}",
            "[[a]] # {0}",
            "a.b{0} = []",
            "#" * 30,
            '"rate{0}" = "rate"',
            "[keys]",
            "x{0} = [1,",
            "[speech.a{0}]",
        )
    )
    count = random.choice((100, 2000, 6000))
    first = random.choice(("", "[speech]\n", "rate = 1\n", "a = 1\n", "[keys]\nscreen = 7\n"))
    lines = (one.format(number) for number in range(count))
    return (first + "\n".join(lines))[: random.choice((66_000, 65_000))]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
