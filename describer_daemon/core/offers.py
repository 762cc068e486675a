"""What is told of pictures that nobody asked for: each once."""

from __future__ import annotations

from describer_daemon.core.events import JobDone
from describer_daemon.core.ports import Caption


class LastOffered:
    """The last picture that was offered and told of. Used by one thread only."""

    def __init__(self) -> None:
        self._digest = b""
        self._result: Caption | None = None

    def is_new(self, done: JobDone) -> bool:
        """Whether there is something to be said of a picture that was offered."""
        result = done.result
        if not isinstance(result, Caption) or done.digest == self._digest:
            return False
        # a clipboard manager may encode it anew: then its caption is the same to the last digit
        if result.words and result == self._result:
            return False
        self._digest, self._result = done.digest, result
        return True
