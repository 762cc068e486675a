"""Which of several pictures the same key asks for next."""

from __future__ import annotations

import time

from describer_daemon.core.ports import Caption, Rectangle, Verb


class PictureCycle:
    """The same key again, soon enough, asks for the next of several pictures.

    A cycle belongs to one verb. It ends when another verb is asked for, or when it has been
    quiet for `cycle_timeout` seconds since the last utterance ended. Used by one thread only.
    """

    def __init__(self, cycle_timeout: float) -> None:
        self.cycle_timeout = cycle_timeout
        self.cycle_verb: Verb | None = None
        self.already_described: tuple[Rectangle, ...] = ()  # boxes, in order
        self._active_utterances = 0  # begun, and not yet known to have ended
        self._quiet_since = 0.0  # time.monotonic() at which the last of them ended

    @property
    def speaking(self) -> bool:
        """Whether something is being said."""
        return self._active_utterances > 0

    def utterance_begun(self) -> None:
        self._active_utterances += 1

    def utterance_ended(self) -> None:
        self._active_utterances -= 1
        self._quiet_since = time.monotonic()

    def requested(self, verb: Verb, *, busy: bool) -> None:
        """Go on with the cycle or begin a new one; `busy`: the last request has no answer yet."""
        if verb is not self.cycle_verb or (not busy and self._cycle_expired()):
            self.cycle_verb, self.already_described = verb, ()

    def begin(self, verb: Verb) -> None:
        """Begin a new cycle, of a picture that nobody asked for: the verb goes on with it."""
        self.cycle_verb, self.already_described = verb, ()

    def described(self, caption: Caption) -> None:
        """Remember where the picture was; the first one begins a new round."""
        earlier = self.already_described if caption.number > 1 else ()
        self.already_described = (*earlier, caption.box) if caption.box is not None else ()

    def _cycle_expired(self) -> bool:
        return not self.speaking and time.monotonic() - self._quiet_since > self.cycle_timeout
