"""The pipeline: one answer to each request, whatever the parts around it do."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from describer_daemon.core import i18n, phrasing
from describer_daemon.core.looking import ABOUT_THE_LAST
from describer_daemon.core.ports import DescriberError, Detection, Outcome, Rectangle, Request, Verb
from tests.unit.core.room import LONG, Room, Speaker, until

PICTURES = (Verb.SCREEN, Verb.CLIPBOARD)
THREE = tuple(Detection(Rectangle(100 * n, 0, 90 - n, 90), 0.9, "photograph") for n in range(3))


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.close()


@pytest.mark.parametrize("verb", PICTURES)
def test_a_picture_is_described_and_spoken_once(room: Room, verb: Verb) -> None:
    assert room.answer(verb) == Outcome("Picture 1.")
    assert room.speaker.said == ["Picture 1."]
    assert room.earcons.heard == ["taken", "words"]
    assert (room.screen.grabbed, room.clipboard.grabbed) == (
        (1, 0) if verb is Verb.SCREEN else (0, 1)
    )
    assert room.pipeline.last == "Picture 1."


@pytest.mark.parametrize("verb", PICTURES)
def test_the_same_key_again_goes_to_the_next_picture(room: Room, verb: Verb) -> None:
    room.captioner.pictures = THREE
    assert [room.answer(verb).sentence for _ in range(5)] == [
        f"Picture {number} of 3: Picture {made}." for made, number in enumerate((1, 2, 3, 1, 2), 1)
    ]
    source = room.screen if verb is Verb.SCREEN else room.clipboard
    assert source.grabbed == 5  # what has changed meanwhile is seen


def test_the_same_key_again_while_the_sentence_is_spoken(room: Room) -> None:
    room.close()
    brief = Room(cycle_timeout=0.0)
    try:
        brief.captioner.pictures = THREE
        brief.speaker.held = []
        first, second = brief.answer(Verb.SCREEN), brief.answer(Verb.SCREEN)
        assert (first.sentence[:12], second.sentence[:12]) == ("Picture 1 of", "Picture 2 of")
        for done in brief.speaker.held:
            done(None)
        until(lambda: not brief.pipeline.speaking)
        assert brief.answer(Verb.SCREEN).sentence.startswith("Picture 1 of")
    finally:
        brief.close()


def test_after_some_quiet_the_same_key_starts_anew(room: Room) -> None:
    room.close()
    brief = Room(cycle_timeout=0.05)
    try:
        brief.captioner.pictures = THREE
        for _ in range(2):
            assert brief.answer(Verb.SCREEN).sentence.startswith("Picture 1 of")
            until(lambda: not brief.pipeline.speaking)
            time.sleep(0.2)  # several times as long as the timeout
    finally:
        brief.close()


@pytest.mark.parametrize("other", ABOUT_THE_LAST)
def test_to_hear_more_of_a_picture_is_no_reason_to_start_anew(room: Room, other: Verb) -> None:
    room.captioner.pictures = THREE
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture 1 of")
    room.answer(other)
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture 2 of")


@pytest.mark.parametrize(
    "other", [verb for verb in Verb if verb not in (Verb.SCREEN, *ABOUT_THE_LAST)]
)
def test_any_other_key_between_starts_anew(room: Room, other: Verb) -> None:
    room.captioner.pictures = THREE
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture 1 of")
    room.answer(other)
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture 1 of")


def test_a_picture_that_nobody_heard_of_is_not_passed_over(room: Room) -> None:
    room.captioner.pictures = THREE
    room.answer(Verb.SCREEN)
    room.captioner.may_go.clear()
    overtaken = room.ask(Verb.SCREEN)
    until(lambda: room.screen.grabbed == 2)
    again = room.ask(Verb.SCREEN)
    until(lambda: bool(overtaken))
    room.captioner.may_go.set()
    until(lambda: bool(again))
    assert overtaken == [Outcome("", stale=True)]
    assert again[0].sentence.startswith("Picture 2 of")


def test_a_failure_between_two_pictures_loses_no_place(room: Room) -> None:
    room.captioner.pictures = THREE
    room.answer(Verb.SCREEN)
    room.captioner.error = DescriberError("It broke off.")
    assert room.answer(Verb.SCREEN).failed
    room.captioner.error = None
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture 2 of")


def test_pictures_that_came_and_went_are_counted_as_they_are(room: Room) -> None:
    room.captioner.pictures = THREE
    room.answer(Verb.SCREEN)
    room.answer(Verb.SCREEN)
    room.captioner.pictures = THREE[1:]  # the first was scrolled away
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture 2 of 2: ")
    room.captioner.pictures = ()
    assert not room.answer(Verb.SCREEN).sentence.startswith("Picture 1 of")
    room.captioner.pictures = THREE
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture 1 of 3: ")


def test_a_request_needs_no_reply(room: Room) -> None:
    room.pipeline.put(Request(Verb.SCREEN, "key"))
    until(lambda: room.speaker.said == ["Picture 1."])


@pytest.mark.parametrize("verb", list(Verb))
def test_a_newer_request_makes_the_older_stale(room: Room, verb: Verb) -> None:
    room.captioner.may_go.clear()
    older = room.ask(Verb.SCREEN)
    assert room.captioner.working.wait(LONG)
    newer = room.ask(verb)
    until(lambda: bool(older))
    room.captioner.may_go.set()
    until(lambda: bool(newer))
    assert room.answer(Verb.STOP) == Outcome("")  # so nothing else is under way
    assert older == [Outcome("", stale=True)]
    assert len(newer) == 1
    assert not newer[0].stale
    assert "Picture 1." not in room.speaker.said
    assert room.pipeline.stale == 1


def test_text_is_read_from_the_screen(room: Room) -> None:
    assert room.answer(Verb.TEXT) == Outcome("text 1.")
    assert (room.screen.grabbed, room.clipboard.grabbed) == (1, 0)
    assert room.earcons.heard == ["taken", "words"]
    assert room.answer(Verb.REPEAT) == Outcome("text 1.")
    assert not room.captioner.cancelled.is_set()


def test_only_text_that_was_read_may_be_in_any_language(room: Room) -> None:
    for verb, language in [
        (Verb.REPEAT, "en"),  # there is nothing yet
        (Verb.SCREEN, "en"),
        (Verb.REPEAT, "en"),
        (Verb.TEXT, ""),
        (Verb.REPEAT, ""),
        (Verb.COPY, "en"),
        (Verb.CLIPBOARD, "en"),
        (Verb.REPEAT, "en"),
    ]:
        room.answer(verb)
        assert room.speaker.languages[-1] == language, room.speaker.said
    assert len(room.speaker.said) == 8


def test_each_sentence_is_spoken_in_the_language_that_it_is_in(
    catalogues: Path, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    i18n.use("de")
    describe = room.captioner.describe
    for verb, language in [
        (Verb.SCREEN, "de"),
        (Verb.COPY, "de"),
        (Verb.TEXT, ""),
        (Verb.CLIPBOARD, "en"),  # what could not be told in German
        (Verb.REPEAT, "en"),
        (Verb.COPY, "de"),
        (Verb.MORE, "en"),  # the names in it are English
    ]:
        if verb is Verb.CLIPBOARD:
            monkeypatch.setattr(
                room.captioner,
                "describe",
                lambda *given: replace(describe(*given), language="en"),
            )
        room.answer(verb)
        assert room.speaker.languages[-1] == language, room.speaker.said
    assert "Kopiert." in room.speaker.said


@pytest.mark.parametrize("verb", list(Verb))
def test_a_reading_that_is_overtaken_is_called_off(room: Room, verb: Verb) -> None:
    room.captioner.may_go.clear()
    older = room.ask(Verb.TEXT)
    assert room.captioner.working.wait(LONG)
    newer = room.ask(verb)
    assert room.captioner.cancelled.wait(LONG)
    room.captioner.error = DescriberError("The reading was called off.")
    room.captioner.may_go.set()
    until(lambda: bool(newer))
    assert older == [Outcome("", stale=True)]
    assert not any("called off" in said for said in room.speaker.said[:-1])


def test_a_caption_that_is_overtaken_costs_no_process(room: Room) -> None:
    room.captioner.may_go.clear()
    older = room.ask(Verb.SCREEN)
    assert room.captioner.working.wait(LONG)
    assert room.answer(Verb.STOP) == Outcome("")
    assert older == [Outcome("", stale=True)]
    assert not room.captioner.cancelled.is_set()


def test_what_was_overtaken_before_it_began_costs_nothing(room: Room) -> None:
    room.screen.may_go.clear()
    first = room.ask(Verb.SCREEN)
    assert room.screen.grabbing.wait(LONG)
    others = [room.ask(Verb.SCREEN) for _ in range(20)]
    last = room.ask(Verb.CLIPBOARD)
    until(lambda: all(others))
    room.screen.may_go.set()
    until(lambda: bool(last))
    assert all(outcomes == [Outcome("", stale=True)] for outcomes in (first, *others))
    assert room.screen.grabbed == 1
    assert room.captioner.made == 1  # the first was overtaken before it was captioned
    assert room.speaker.said == [last[0].sentence]


@pytest.mark.parametrize("where", ["grab", "caption"])
def test_stop_is_obeyed_at_once_while_looking(room: Room, where: str) -> None:
    part = room.screen if where == "grab" else room.captioner
    part.may_go.clear()
    picture = room.ask(Verb.SCREEN)
    assert (room.screen.grabbing if where == "grab" else room.captioner.working).wait(LONG)
    stops = room.speaker.stops
    assert room.answer(Verb.STOP) == Outcome("")  # although the part has not let go
    assert room.speaker.stops > stops
    assert picture == [Outcome("", stale=True)]
    part.may_go.set()
    assert room.answer(Verb.CLIPBOARD).sentence.startswith("Picture")
    assert len(room.speaker.said) == 1


def test_every_request_silences_the_speech_before_it(room: Room) -> None:
    for count, verb in enumerate(Verb, 1):
        room.answer(verb)
        assert room.speaker.stops == count


def test_repeat_and_copy_before_any_caption(room: Room) -> None:
    assert room.answer(Verb.REPEAT) == Outcome(phrasing.NOTHING_YET)
    assert room.answer(Verb.COPY) == Outcome(phrasing.NOTHING_YET)
    assert room.speaker.said == [phrasing.NOTHING_YET] * 2
    assert room.copied == []


def test_repeat_and_copy_after_a_caption(room: Room) -> None:
    room.answer(Verb.SCREEN)
    assert room.answer(Verb.REPEAT) == Outcome("Picture 1.")
    assert room.answer(Verb.COPY) == Outcome(phrasing.COPIED)
    assert room.answer(Verb.REPEAT) == Outcome("Picture 1.")
    assert room.copied == ["Picture 1."]
    assert room.captioner.made == 1


def test_a_failure_does_not_replace_the_last_caption(room: Room) -> None:
    room.answer(Verb.SCREEN)
    room.screen.error = DescriberError("The screen is gone.")
    assert room.answer(Verb.SCREEN).failed
    assert room.answer(Verb.REPEAT) == Outcome("Picture 1.")


@pytest.mark.parametrize("part", ["screen", "captioner"])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DescriberError("It is broken. Mend it.", detail="why"), "It is broken. Mend it."),
        (KeyError("a defect"), phrasing.INTERNAL),
        (MemoryError(), phrasing.INTERNAL),
    ],
)
def test_errors_while_looking_are_spoken_and_the_loop_lives(
    room: Room, part: str, error: Exception, sentence: str
) -> None:
    broken = room.screen if part == "screen" else room.captioner
    broken.error = error
    assert room.answer(Verb.SCREEN) == Outcome(sentence, failed=True)
    assert room.speaker.said == [sentence]
    assert room.earcons.heard == ["taken", "failed", "words"]
    assert room.pipeline.failures == 1
    broken.error = None
    assert room.answer(Verb.SCREEN) == Outcome("Picture 1.")


def test_a_verb_without_a_source_is_a_failure_like_others(room: Room) -> None:
    room.pipeline.sources = {}
    assert room.answer(Verb.CLIPBOARD) == Outcome(phrasing.INTERNAL, failed=True)
    room.pipeline.sources = {Verb.CLIPBOARD: room.clipboard}
    assert room.answer(Verb.CLIPBOARD) == Outcome("Picture 1.")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DescriberError("I could not copy."), "I could not copy."),
        (OSError("a defect"), phrasing.INTERNAL),
    ],
)
def test_a_copy_that_fails_is_answered_once(room: Room, error: Exception, sentence: str) -> None:
    room.answer(Verb.SCREEN)
    room.copy_error = error
    outcomes = room.ask(Verb.COPY)
    until(lambda: bool(outcomes))
    assert room.answer(Verb.STOP) == Outcome("")
    assert outcomes == [Outcome(sentence, failed=True)]
    assert room.speaker.said == ["Picture 1.", sentence]


@pytest.mark.parametrize(
    ("verb", "waiting", "answer"),
    [
        (Verb.SCREEN, phrasing.STILL_LOOKING, "Picture 1."),
        (Verb.TEXT, phrasing.STILL_READING, "text 1."),
    ],
)
def test_still_looking_is_said_once(room: Room, verb: Verb, waiting: str, answer: str) -> None:
    room.close()
    slow = Room(still_looking_after=0.05)
    try:
        slow.captioner.may_go.clear()
        outcomes = slow.ask(verb)
        until(lambda: bool(slow.speaker.said))
        time.sleep(0.3)  # many times the patience: it must not come again
        assert slow.speaker.said == [waiting]
        slow.captioner.may_go.set()
        until(lambda: bool(outcomes))
        assert outcomes == [Outcome(answer)]
        time.sleep(0.2)  # nor after the answer
        assert slow.speaker.said == [waiting, answer]
    finally:
        slow.close()


def test_still_looking_is_said_by_a_voice_that_raises(room: Room) -> None:
    room.close()
    slow = Room(still_looking_after=0.05)
    try:
        slow.captioner.may_go.clear()
        slow.speaker.raises = OSError("no sound device")
        outcomes = slow.ask(Verb.SCREEN)
        until(lambda: bool(slow.unheard))
        slow.speaker.raises = None
        slow.captioner.may_go.set()
        until(lambda: bool(outcomes))
        assert outcomes == [Outcome("Picture 1.")]
    finally:
        slow.close()


def test_a_quick_caption_has_no_still_looking(room: Room) -> None:
    for _ in range(5):
        room.answer(Verb.SCREEN)
    assert phrasing.STILL_LOOKING not in room.speaker.said


@pytest.mark.parametrize(
    "error", [DescriberError("There is no sound device.", detail="ENODEV"), OSError("a defect")]
)
@pytest.mark.parametrize("verb", list(Verb))
def test_a_voice_that_raises_leaves_a_trace(room: Room, error: Exception, verb: Verb) -> None:
    room.speaker.raises = error
    outcome = room.answer(verb)
    assert not outcome.failed  # the caption itself was made
    room.answer(Verb.STOP)
    assert len(room.unheard) == (0 if verb is Verb.STOP else 1)
    if room.unheard and isinstance(error, DescriberError):
        assert room.unheard == [error]
    room.speaker.raises = None
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture")
    assert len(room.speaker.said) == 1


def test_a_voice_that_fails_later_leaves_a_trace(room: Room) -> None:
    room.speaker.fails = DescriberError("The player broke off.")
    room.answer(Verb.SCREEN)
    until(lambda: bool(room.unheard))
    room.speaker.fails = None
    room.answer(Verb.REPEAT)
    assert [error.spoken for error in room.unheard] == ["The player broke off."]
    assert room.pipeline.failures == 1


def test_a_trace_that_cannot_be_left_does_not_go_round_in_a_circle(room: Room) -> None:
    room.unheard_error = OSError("no notification service")
    room.speaker.fails = DescriberError("The player broke off.")
    room.answer(Verb.SCREEN)
    for _ in range(5):
        room.answer(Verb.STOP)
    assert len(room.unheard) == 1
    assert room.speaker.said == ["Picture 1."]


def test_a_voice_that_cannot_stop_is_no_reason_not_to_describe(room: Room) -> None:
    room.speaker.stop_raises = OSError("a defect")
    assert room.answer(Verb.SCREEN) == Outcome("Picture 1.")


def test_an_earcon_that_fails_is_no_reason_not_to_describe(room: Room) -> None:
    room.earcons.error = OSError("no sound device")
    assert room.answer(Verb.SCREEN) == Outcome("Picture 1.")
    room.screen.error = DescriberError("The screen is gone.")
    assert room.answer(Verb.SCREEN) == Outcome("The screen is gone.", failed=True)


def test_a_reply_that_raises_harms_nothing(room: Room) -> None:
    def gone(_: Outcome) -> None:
        raise BrokenPipeError

    for verb in Verb:
        room.pipeline.put(Request(verb, "socket", gone))
    assert room.answer(Verb.SCREEN).sentence.startswith("Picture")


def test_it_is_known_whether_something_is_being_said(room: Room) -> None:
    assert not room.pipeline.speaking
    room.speaker.held = []
    room.answer(Verb.SCREEN)
    room.answer(Verb.REPEAT)
    first, second = room.speaker.held
    first(None)  # the second ended it
    room.answer(Verb.STOP)
    assert room.pipeline.speaking
    second(DescriberError("The player broke off."))
    until(lambda: not room.pipeline.speaking)
    room.speaker.raises = OSError("no sound device")
    room.answer(Verb.REPEAT)
    until(lambda: len(room.unheard) == 2)
    assert not room.pipeline.speaking


def test_others_may_say_something(room: Room) -> None:
    room.pipeline.say("The settings have a mistake.")
    until(lambda: room.speaker.said == ["The settings have a mistake."])
    assert room.answer(Verb.REPEAT) == Outcome(phrasing.NOTHING_YET)


def test_announcements_wait_for_each_other_and_for_the_answer(room: Room) -> None:
    """One after the other is heard to its end: none may cost another one or an answer."""
    room.speaker.held = []
    room.pipeline.say("One.")
    room.pipeline.say("Two.")
    until(lambda: room.speaker.said == ["One."])
    room.captioner.may_go.clear()
    outcomes = room.ask(Verb.SCREEN)
    assert room.captioner.working.wait(LONG)
    room.speaker.held[0](None)  # the key silenced it
    room.pipeline.say("Three.")
    room.captioner.may_go.set()
    until(lambda: bool(outcomes))
    assert room.speaker.said == ["One.", "Picture 1."]
    for number, text in ((1, "Two."), (2, "Three.")):
        room.speaker.held[number](None)
        until(lambda said=text: room.speaker.said[-1] == said)
    assert room.speaker.said == ["One.", "Picture 1.", "Two.", "Three."]


def test_stop_silences_what_nobody_asked_for_too(room: Room) -> None:
    room.speaker.held = []
    for text in ("One.", "Two."):
        room.pipeline.say(text)
    until(lambda: room.speaker.said == ["One."])
    room.answer(Verb.STOP)
    room.speaker.held[0](None)
    assert room.answer(Verb.REPEAT).sentence == phrasing.NOTHING_YET
    assert room.speaker.said == ["One.", phrasing.NOTHING_YET]


def test_a_new_voice_serves_from_the_next_sentence_on(room: Room) -> None:
    room.answer(Verb.SCREEN)
    other = Speaker()
    room.pipeline.speaker = other
    room.answer(Verb.REPEAT)
    assert (room.speaker.said, other.said) == (["Picture 1."], ["Picture 1."])


def test_stop_ends_both_threads_and_answers_what_was_asked(room: Room) -> None:
    room.captioner.may_go.clear()
    asked = [room.ask(Verb.SCREEN)]
    assert room.captioner.working.wait(LONG)
    asked += [room.ask(verb) for verb in Verb]
    began = time.monotonic()
    room.pipeline.stop(0.2)  # the captioner still holds the looking thread
    assert time.monotonic() - began < LONG / 2
    until(lambda: all(asked))
    assert asked[0] == [Outcome("", stale=True)]
    assert all(len(outcomes) == 1 for outcomes in asked)
    assert room.ask(Verb.SCREEN) == [Outcome("", stale=True)]  # after the end, at once
    room.captioner.may_go.set()
    until(lambda: not any(thread.is_alive() for thread in room.pipeline._threads))
    assert not any(said.startswith("Picture") for said in room.speaker.said)
    room.pipeline.stop()  # twice is harmless


def test_a_burst_of_mixed_requests_from_many_threads(room: Room) -> None:
    room.answer(Verb.SCREEN)
    before = threading.active_count()
    everything: list[list[Outcome]] = []
    verbs: list[Verb] = []
    lock = threading.Lock()

    def ask(seed: int) -> None:
        choice = random.Random(seed)
        for _ in range(50):
            verb = choice.choice(list(Verb))
            with lock:
                verbs.append(verb)
                if choice.random() < 0.3:
                    room.pipeline.put(Request(verb, "key"))
                else:
                    everything.append(room.ask(verb))
            time.sleep(choice.random() / 500)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    until(lambda: all(everything))
    last = room.answer(Verb.SCREEN)
    room.answer(Verb.STOP)
    assert all(len(outcomes) == 1 for outcomes in everything)
    told = Counter(outcomes[0].sentence for outcomes in everything if not outcomes[0].stale)
    del told[""]
    assert not told - Counter(room.speaker.said)
    assert all(outcomes[0].sentence == "" for outcomes in everything if outcomes[0].stale)
    assert room.speaker.said[-1] == last.sentence
    pipeline = room.pipeline
    assert len(verbs) == 500
    assert len(room.speaker.said) == pipeline.answered  # so nothing was said for stale ones
    assert pipeline.answered + pipeline.stale + verbs.count(Verb.STOP) == 2 + len(verbs)
    assert pipeline.stale > 0
    assert pipeline.failures == 0
    assert threading.active_count() <= before
    assert room.pipeline._events.empty()
    assert room.pipeline._jobs.empty()
