"""The composition root: the only file that knows everyone."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from describer_daemon import displays, missing, processes
from describer_daemon.aside import copy_text, notify, open_for_editing
from describer_daemon.captioner import memory
from describer_daemon.captioner.client import ClosedError
from describer_daemon.capture.candidates import CLIPBOARDS, SCREENS
from describer_daemon.capture.focus import FocusWatcher
from describer_daemon.catalogue.installed import SHIPPED
from describer_daemon.core import backends, i18n
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.pipeline import Pipeline
from describer_daemon.core.ports import DescriberError, ImageSource, Outcome, Request, Verb
from describer_daemon.fallback import SourceFallback, SpeakerFallback
from describer_daemon.history import History
from describer_daemon.listening import Listening
from describer_daemon.making import make_captioner, make_earcons, make_speaker, missing_speaker
from describer_daemon.picture_copy import copy_picture
from describer_daemon.service import elsewhere, transport
from describer_daemon.service import log as log_file
from describer_daemon.service.control import ControlServer
from describer_daemon.service.shutdown import ShutdownEvent
from describer_daemon.settings.settings import Settings
from describer_daemon.settings.watcher import SettingsWatcher
from describer_daemon.speech.orca_watch import OrcaWatch
from describer_daemon.tray import Tray
from describer_daemon.watching import Watching

log = logging.getLogger(__name__)

_CHECK_INTERVAL = 1.0  # seconds between checks of the hotkey listener, which dies silently
_REPLY_TIMEOUT = 110.0  # seconds; a little less than a client waits (`control.send`)


class Daemon:
    """Everything that runs between `describer run` and its end."""

    def __init__(
        self,
        settings: Settings,
        path: Path | None,
        shutdown: ShutdownEvent | None = None,
        *,
        loaded_at: tuple[int, ...] | None = None,
    ) -> None:
        """`settings` are what was in `path` when its stamp was `loaded_at` (None: now).

        `path` None is no settings file: a person without a home has none.

        `shutdown` may be set from outside, as `end` does, also before `run`.
        """
        i18n.use(settings.speech.language)
        self._settings, self._path = settings, path
        self._shutdown = shutdown or ShutdownEvent()
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._screen_reason = ""  # why there is no way to see the screen, as a sentence
        self._captioner = make_captioner(settings, self._report_once)
        self._earcons = make_earcons(settings)
        self._focus = FocusWatcher()
        self._speaker = SpeakerFallback(partial(make_speaker, settings))
        self._history = History(self.report_error)
        self._pipeline = Pipeline(
            self._sources(settings),
            self._captioner,
            self._speaker,
            copy_text,
            self._earcons,
            notify,
            memory=self._history,
            copy_picture=copy_picture,
        )
        self._listening = Listening(
            lambda verb: self._request(verb, "key"), self.report_error, self._pipeline.say
        )
        self._configure(settings)
        self._orca = OrcaWatch(lambda: self._speaker.reconsider())
        self._watching = Watching(self._pipeline.offer, self.report_error)
        self._control = ControlServer(self._answer)
        self._watcher = (
            SettingsWatcher(path, self._reload, self.report_error, since=loaded_at)
            if path
            else None
        )
        self._tray: Tray | None = None

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `end`, calling `ready` once the keys are listened for.

        Raises AlreadyRunningError when another daemon serves this person.
        """
        memory.leave_no_core()  # of this process either: it holds what was grabbed last
        memory.return_pictures()
        self._start_control()
        try:
            self._pipeline.start()
            self._listening.listen(self._settings.keys)
            if self._watcher is not None:
                self._watcher.start()
            self._focus.start()
            self._orca.start()
            with self._lock:  # the watcher may have begun already
                self._show_tray(self._settings)
                self._follow(self._settings)
                self._warm_up_if_wanted(self._settings)
            ready()
            log.info("ready")
            self._tell_what_is_missing()
            while not self._shutdown.wait(_CHECK_INTERVAL):
                self._check_keys()
                self._speaker.look_again()
        finally:
            self._close()

    def end(self) -> None:
        """Ask the daemon to end; safe from signal handlers and any thread."""
        self._shutdown.set()

    def report_error(self, error: DescriberError) -> None:
        """Log and speak an error that nobody asked for, such as a broken settings file."""
        log.error("%s (%s)", error.spoken, error.detail)
        self._pipeline.say(error.spoken)

    def _report_once(self, error: DescriberError) -> None:
        """`report_error`, for what is met with every picture, until the settings change."""
        if error.spoken not in self._told:
            self._told.add(error.spoken)
            self.report_error(error)

    def _close(self) -> None:
        started = time.monotonic()
        self._watching.stop()
        for part in (self._watcher, self._tray, self._listening, self._focus, self._orca):
            if part is not None:
                part.stop()
        self._pipeline.stop(timeout=0.2)  # the looking thread may be waiting for the captioner
        self._captioner.close()
        self._history.close()
        self._speaker.close()
        self._earcons.close()
        processes.end_all()
        self._pipeline.stop(timeout=0.5)  # now it waits for nothing any more
        # Last, for with it goes the lock: who is started next shall find the keys free.
        self._control.stop()
        log.info("ended in %.0f ms", 1000 * (time.monotonic() - started))

    def _tell_what_is_missing(self) -> None:
        """Say what cannot work on this desktop, with its cure; without a voice, show it."""
        if self._listening.lost:
            return  # that there is no display yet is told elsewhere
        voiceless = self._speaker.name == "none"
        told = "" if voiceless or not self._listening.is_possible else self._listening.problem
        for sentence in self.missing():
            if voiceless:
                notify(DescriberError(sentence))
            elif sentence != told:  # else whoever refused the keys was reported
                self.report_error(DescriberError(sentence))

    def missing(self) -> list[str]:
        """What does not work now, in sentences with their cures."""
        return missing.sentences(self._listening, self._screen_reason, self._speaker.name)

    def _request(self, verb: Verb, origin: Any) -> None:
        self._put(Request(verb, origin))

    def _put(self, request: Request) -> None:
        self._pipeline.put(request)
        elsewhere.silence()  # every request first silences what is being said

    def _answer(self, verb: str, wait: bool) -> Mapping[str, object]:
        """Answer one message of the control socket."""
        if verb == "status":
            return self.status()
        if verb == "quit":
            self.end()
            return {}
        if verb in ("history", "clear-history"):
            return self._history.answer(verb)
        if self._shutdown.is_set():
            raise DescriberError(_("The describer is ending."))
        outcomes: list[Outcome] = []
        answered = threading.Event()

        def reply(outcome: Outcome) -> None:
            outcomes.append(outcome)
            answered.set()

        self._put(Request(Verb(verb), "socket", reply if wait else None))
        if not wait:
            return {}
        if not answered.wait(_REPLY_TIMEOUT):
            raise DescriberError(_("The describer took too long to answer."))
        outcome = outcomes[0]
        return {"sentence": outcome.sentence, "failed": outcome.failed, "stale": outcome.stale}

    def held(self) -> Mapping[Verb, str]:
        """The keys that are really held, as people read them."""
        return self._listening.held()

    @property
    def listening(self) -> bool:
        """Whether there are keys that are listened for now."""
        return self._listening.is_alive()

    def status(self) -> Mapping[str, object]:
        """What `describer status` prints."""
        pipeline = self._pipeline
        return {
            "pid": os.getpid(),
            "listening": self.listening,
            "keys": {verb.value: key for verb, key in self._listening.held().items()},
            "hotkeys by": missing.keys_by(self._listening),
            "missing": " ".join(self.missing()),
            "screen by": getattr(pipeline.sources[Verb.SCREEN], "name", "none"),
            "focus by": self._focus.name,
            "clipboard by": getattr(pipeline.sources[Verb.CLIPBOARD], "name", "none"),
            "clipboard watched by": self._watching.name,
            "speech by": self._speaker.name,
            "language": i18n.language(),
            "captioner": str(self._settings.captioner.bundle or SHIPPED),
            "captioner's trouble": getattr(self._captioner, "trouble", ""),
            "captioner loaded": self._captioner.is_loaded(),
            "speaking": pipeline.speaking,
            "answered": pipeline.answered,
            "stale": pipeline.stale,
            "failures": pipeline.failures,
            "last": pipeline.last,
            "settings": str(self._path or "none"),
        }

    def _start_control(self) -> None:
        """Without a folder for its socket the describer is deaf to commands, not to keys."""
        try:
            self._control.start()
        except transport.AlreadyRunningError:
            raise
        except DescriberError as error:
            self.report_error(error)

    def _show_tray(self, settings: Settings) -> None:
        """Show the icon, or take it away, as the settings want it."""
        if not settings.tray.show:
            self._hide_tray()
            return
        # without a display `_check_keys` will: GTK never forgets one that was missing
        there = displays.answers() and not self._listening.lost and not self._shutdown.is_set()
        if there and self._tray is None:
            self._tray = Tray(lambda verb: self._request(verb, "tray"), self.end, self._edit)
            self._tray.start()

    def _hide_tray(self) -> None:
        tray, self._tray = self._tray, None
        if tray is not None:
            tray.stop()

    def _edit(self) -> None:
        if self._path is not None:
            open_for_editing(self._path)
        else:
            self.report_error(DescriberError(_("There is no settings file. Please set HOME.")))

    def _warm_up_if_wanted(self, settings: Settings) -> None:
        if settings.captioner.start == "at start":
            threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def _warm_up(self) -> None:
        try:
            self._captioner.warm_up()
        except ClosedError:  # new settings, or our end, came first
            log.info("the captioner was ended while it was loading")
        except DescriberError as error:
            self.report_error(error)

    def _reload(self, settings: Settings) -> None:
        """Apply newly saved settings; what is not available is reported, the rest is used."""
        with self._lock:
            previous = self._settings
            self._told.clear()
            before = i18n.language()
            translated = i18n.use(settings.speech.language) != before
            if translated:
                self._hide_tray()  # it is shown again with other words
            self._pipeline.sources = self._sources(settings)
            if settings.sounds != previous.sounds:
                self._earcons.close()
                self._earcons = self._pipeline.earcons = make_earcons(settings)
            if translated or (settings.captioner, settings.capture.find) != (
                previous.captioner,
                previous.capture.find,
            ):
                old, self._captioner = self._captioner, make_captioner(settings, self._report_once)
                self._pipeline.captioner = self._captioner
                old.close()
                self._warm_up_if_wanted(settings)
            if settings.speech.backend != previous.speech.backend:
                old_speaker = self._speaker
                self._speaker = SpeakerFallback(partial(make_speaker, settings))
                self._pipeline.speaker = self._speaker
                old_speaker.close()
            if settings.speech != previous.speech:
                self._configure(settings)
            if settings.keys != previous.keys:
                self._listening.listen(settings.keys)
            self._show_tray(settings)
            self._follow(settings)
            self._settings = settings  # from here on `status` shows them: they are in use
        log_file.set_level(settings.log.level)
        log.info("settings reloaded")

    def _follow(self, settings: Settings) -> None:
        self._watching.follow(settings.clipboard.watch)
        self._history.follow(**asdict(settings.history))

    def _sources(self, settings: Settings) -> dict[Verb, ImageSource]:
        def find_screen(than: str = "", without: str = "") -> ImageSource:
            try:
                backend = backends.require(
                    SCREENS, N_("see the screen"), than=than, without=without
                )
            except DescriberError as error:
                if not than:
                    self._screen_reason = missing.no_screen(error).spoken
                raise missing.no_screen(error) from error
            self._screen_reason = ""
            source: ImageSource = backend(
                settings.region,
                settings.capture.pointer_box,
                self._focus.box,
                self._report_once,
                self._focus.in_window,
            )
            return source

        def find_clipboard(than: str = "", without: str = "") -> ImageSource:
            source: ImageSource = backends.require(
                CLIPBOARDS, N_("read the clipboard"), than=than, without=without
            )()
            return source

        screen, clipboard = SourceFallback(find_screen), SourceFallback(find_clipboard)
        return {Verb.SCREEN: screen, Verb.CLIPBOARD: clipboard, Verb.TEXT: screen}

    def _configure(self, settings: Settings) -> None:
        """Give the speaker its voice; what cannot be had is reported, and another serves."""
        if (missing := missing_speaker(settings, self._speaker.name)) is not None:
            self.report_error(missing)
        try:
            self._speaker.configure(settings.voice)
        except DescriberError as error:
            self.report_error(error)
        if not settings.speech.voice and i18n.language() != i18n.ENGLISH:
            threading.Thread(target=self._check_voice, name="voice", daemon=True).start()

    def _check_voice(self) -> None:
        """Tell if nobody speaks the person's language; to ask may take a second."""
        speaker, language = self._speaker, i18n.language()
        try:
            spoken = speaker.speaks(language)
        except DescriberError as error:
            log.info("%s (%s)", error.spoken, error.detail)
            return
        if not spoken:
            self._report_once(DescriberError(missing.no_voice_of(language, speaker.name)))

    def _check_keys(self) -> None:
        with self._lock:
            if not self._listening.check():
                return
            try:
                self._control.adopt_display()
            except DescriberError as error:
                self.report_error(error)
            self._pipeline.sources = self._sources(self._settings)
            self._hide_tray()  # it went with the display
            self._show_tray(self._settings)
        self._tell_what_is_missing()
