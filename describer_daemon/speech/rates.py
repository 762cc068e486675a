"""Speed as SSIP has it, -100 to 100, and in words a minute."""

from __future__ import annotations

# as the usual espeak-ng module has it; other modules differ a little
_LEAST, _NORMAL, _MOST = 80, 170, 449  # words a minute at -100, 0 and 100


def ssip_rate(words_a_minute: int) -> int:
    """SSIP's rate in -100..100."""
    span = _NORMAL - _LEAST if words_a_minute < _NORMAL else _MOST - _NORMAL
    return min(max(round(100 * (words_a_minute - _NORMAL) / span), -100), 100)


def words_a_minute(ssip_rate: int) -> int:
    """What SSIP's rate in -100..100 stands for."""
    rate = min(max(ssip_rate, -100), 100)
    return _NORMAL + round(rate * (_NORMAL - _LEAST if rate < 0 else _MOST - _NORMAL) / 100)
