"""What a captioner's process sends when it was taken over is refused, whatever it is."""

from __future__ import annotations

import io
import struct
from random import Random

import pytest

from benchmarks.fuzz import mangling, texts
from describer_daemon.captioner import protocol


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_brackets_inside_each_other(opening: str) -> None:
    text = opening.encode() * 100_000
    with pytest.raises(ValueError, match="too many brackets"):
        protocol.read(io.BytesIO(struct.pack("<II", len(text), 0) + text))


def test_a_thousand_hostile_messages() -> None:
    stream = io.BytesIO()
    protocol.write(stream, {"words": ["a", "dog"], "confidence": 0.5}, b"a picture" * 10)
    read = refused = 0
    for number in range(1000):
        random = Random(number)
        data = mangling.mangled(random, stream.getvalue())[1]
        if random.random() < 0.1:
            text = texts.letters(random).encode("utf-8", "replace")
            data = struct.pack("<II", len(text), 0) + text
        try:
            message = protocol.read(io.BytesIO(data))
        except ValueError:
            refused += 1
        else:
            assert message is None or isinstance(message[0], dict)
            read += 1
    assert read
    assert refused
