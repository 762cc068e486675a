"""What a person can choose: one commented TOML file, validated into frozen settings."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from describer_daemon.core.escaping import escaped
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import Hotkey, Region, Verb, VoiceSettings
from describer_daemon.hotkeys.usual import usual_keys
from describer_daemon.service.folders import at_home, config_folder, make_private
from describer_daemon.settings.file import (
    SettingsError,
    SettingsFile,
    as_toml,
    commented,
    entries,
    setting,
    table,
)
from describer_daemon.settings.rules import (
    hotkey,
    language_code,
    line_of_text,
    name_or_path,
    one_of,
    origins,
    region,
    size,
    whole,
    yes_no,
)

_LARGEST_FILE = 64 * 1024
# Translators: a line of the settings file's heading, and the two that follow
_HEADING = (
    N_("The settings of the describer."),
    N_("Save this file, and the running describer takes the change up at once."),
    N_("A line that is missing has its default value. Lines that begin with # are comments."),
)
# Translators: {setting} is "speech.rate", {allowed} "a whole number from 80 to 450"
_USUAL_VALUE = N_("{setting} = {value}; {allowed}")
# Translators: {usual} is the value that it has unless the file says otherwise
_CHANGED_VALUE = N_("{setting} = {value} (usually {usual}); {allowed}")
_USUAL = {verb: str(key) for verb, key in usual_keys().items()}


@dataclass(frozen=True, slots=True)
class Bindings:
    """[keys]; None is a key that is switched off. See `Settings.keys`."""

    screen: Hotkey | None = setting(
        _USUAL[Verb.SCREEN], hotkey(), N_("Describe the picture on the screen")
    )
    clipboard: Hotkey | None = setting(
        _USUAL[Verb.CLIPBOARD], hotkey(), N_("Describe the picture on the clipboard")
    )
    text: Hotkey | None = setting(_USUAL[Verb.TEXT], hotkey(), N_("Read the text on the screen"))
    repeat: Hotkey | None = setting(_USUAL[Verb.REPEAT], hotkey(), N_("Say the last caption again"))
    copy: Hotkey | None = setting(_USUAL[Verb.COPY], hotkey(), N_("Copy the last caption"))
    stop: Hotkey | None = setting(_USUAL[Verb.STOP], hotkey(), N_("Stop speaking"))
    more: Hotkey | None = setting(
        _USUAL[Verb.MORE], hotkey(), N_("Tell more of the picture that was described last")
    )
    next_thing: Hotkey | None = setting("", hotkey(), N_("Go to the next thing in that picture"))
    previous_thing: Hotkey | None = setting("", hotkey(), N_("Go back to the thing before"))
    where: Hotkey | None = setting("", hotkey(), N_("Say exactly where that thing is"))
    previous: Hotkey | None = setting(
        "", hotkey(), N_("Say the description before, of those that are remembered")
    )
    next: Hotkey | None = setting("", hotkey(), N_("Say the description after"))
    forget: Hotkey | None = setting(
        "", hotkey(), N_("Forget all descriptions and remember no more")
    )


@dataclass(frozen=True, slots=True)
class Speech:
    """[speech]; `rate` in words a minute, `volume` in 0..100."""

    # a test compares these with the names in `speech.candidates`, which this room may not know
    backend: str = setting(
        "auto",
        one_of("auto", "orca", "speech-dispatcher", "espeak-ng", "pyttsx3"),
        N_("Who speaks; orca has its own voice, speed and loudness"),
    )
    voice: str = setting(
        "",
        line_of_text(N_('a name that `describer voices` lists, or "" for the usual one')),
        N_("Voice"),
    )
    rate: int = setting(180, whole(80, 450), N_("Speed in words a minute"))
    volume: int = setting(100, whole(0, 100), N_("Loudness in percent"))
    language: str = setting("", language_code(), N_("Language of all that is said and shown"))


@dataclass(frozen=True, slots=True)
class Capture:
    """[capture]; `pointer_box` is (width, height) in pixels."""

    region: Region = setting(
        "window", region("window", "pointer", "screen"), N_("What to look at on the screen")
    )
    pointer_box: tuple[int, int] = setting(
        [800, 600], size(), N_('The box around the pointer, for region = "pointer"')
    )
    find: bool = setting(
        True, yes_no(), N_("Find the picture in there; false describes all of it as one picture")
    )


@dataclass(frozen=True, slots=True)
class ClipboardSettings:
    """[clipboard]."""

    watch: bool = setting(
        False, yes_no(), N_("Describe a picture as soon as it is copied, when nothing else is said")
    )


@dataclass(frozen=True, slots=True)
class CaptionerSettings:
    """[captioner]; `bundle` None is the one that ships, one that is not absolute a name."""

    start: Literal["first use", "at start"] = setting(
        "first use", one_of("first use", "at start"), N_("When to load the model")
    )
    timeout_seconds: int = setting(
        20, whole(1, 300), N_("Longest time for one caption, in seconds")
    )
    text_timeout_seconds: int = setting(
        90, whole(1, 300), N_("Longest time to read the text of one picture, in seconds")
    )
    unload_after_minutes: int = setting(
        10, whole(0, 1440), N_("Give the memory back after so many idle minutes, 0 for never")
    )
    beam: int = setting(
        0, whole(0, 10), N_("Captions weighed against each other, 0 for what suits the model best")
    )
    words: bool = setting(
        False, yes_no(), N_("End a description with the first words of its text; this takes longer")
    )
    bundle: Path | None = setting(
        "",
        name_or_path(
            N_(
                "a name that `describer captioner list` shows, a full path, "
                'or "" for the one that ships'
            )
        ),
        N_("Who describes"),
    )


@dataclass(frozen=True, slots=True)
class Sounds:
    """[sounds]."""

    earcon: bool = setting(True, yes_no(), N_("A short sound when a key is taken"))
    failure: bool = setting(True, yes_no(), N_("A short sound when something failed"))
    place: bool = setting(
        True, yes_no(), N_("A short sound from where a thing is: left or right, high or low")
    )


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """[history]."""

    keep: int = setting(0, whole(0, 1000), N_("How many descriptions to remember, 0 for none"))
    minutes: int = setting(
        60, whole(0, 525_600), N_("Forget each after so many minutes, 0 for never")
    )
    file: bool = setting(
        False, yes_no(), N_("Remember them on the disk as well, where they outlive the describer")
    )


@dataclass(frozen=True, slots=True)
class TraySettings:
    """[tray]."""

    show: bool = setting(True, yes_no(), N_("Show the icon"))


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """[serve]."""

    max_megabytes: int = setting(
        32, whole(1, 256), N_("Largest picture that is taken, in megabytes")
    )
    waiting: int = setting(4, whole(0, 64), N_("Pictures that may wait while one is described"))
    origins: tuple[str, ...] = setting(
        [], origins(), N_("Browser extensions that may ask; a page in a browser never should")
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """[log]."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", one_of("debug", "info", "warning", "error"), N_("How much is written to the log")
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the file says, table by table; `Settings()` has the defaults."""

    bindings: Bindings = table(
        Bindings,
        "keys",
        N_(
            'Keys that work everywhere; "" is no key. '
            "For a usual one that is taken, another serves."
        ),
    )
    speech: Speech = table(Speech, "speech", N_("How captions are spoken."))
    capture: Capture = table(Capture, "capture", N_("Where the picture is."))
    clipboard: ClipboardSettings = table(
        ClipboardSettings,
        "clipboard",
        N_("Pictures that are copied; never those marked as secrets."),
    )
    captioner: CaptionerSettings = table(CaptionerSettings, "captioner", N_("The part that sees."))
    sounds: Sounds = table(Sounds, "sounds", N_("Short sounds beside the speech."))
    history: HistorySettings = table(
        HistorySettings, "history", N_("What was described before: words only, never pictures.")
    )
    tray: TraySettings = table(TraySettings, "tray", N_("The icon in the tray."))
    serve: ServeSettings = table(
        ServeSettings, "serve", N_("Other programs' pictures, while `describer serve` runs.")
    )
    log: LogSettings = table(LogSettings, "log", N_("The log file."))

    @property
    def keys(self) -> Mapping[Verb, Hotkey]:
        """The keys that are switched on."""
        wanted = {verb: getattr(self.bindings, verb.setting) for verb in Verb}
        return {verb: key for verb, key in wanted.items() if key is not None}

    @property
    def voice(self) -> VoiceSettings:
        return VoiceSettings(self.speech.voice, self.speech.rate, self.speech.volume)

    @property
    def region(self) -> Region:
        return self.capture.region


def settings_path() -> Path:
    """Where the file is: DESCRIBER_CONFIG, or the place that the system has for it.

    Raises DescriberError where there is no such place, as for an account without a home.
    """
    named = os.environ.get("DESCRIBER_CONFIG")
    return at_home(named) if named else config_folder() / "settings.toml"


def load(path: Path) -> Settings:
    """Read the file; one that is missing has all defaults. Raises SettingsError."""
    text = _read_text(path)
    if text is None:
        return Settings()
    file = SettingsFile(text, path.name)
    settings = _making_room(file, file.read(Settings))
    _refuse_equal_keys(file, settings.keys)
    file.check()
    return settings


def write_default(path: Path) -> None:
    """Write the commented file with the defaults, at once and readable by its owner alone.

    What is there already is left alone, also a link to a place that is not there for now.
    Raises SettingsError when it cannot be written.
    """
    mine: list[Path] = []
    try:
        if os.path.lexists(path) or _is_away(path):
            return
        make_private(path.parent)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        mine.append(Path(temporary))
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(commented(Settings(), "\n".join(map(_, _HEADING))))
        # the name is taken first, for it may be somebody else's by now
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        mine.append(path)
        Path(temporary).replace(path)
        mine.clear()
    except FileExistsError:
        return
    except OSError as error:
        raise SettingsError(
            _("The settings file cannot be written. Please look at the folder {folder}.").format(
                folder=path.parent
            ),
            detail=str(error),
        ) from error
    finally:
        for one in mine:
            with suppress(OSError):
                one.unlink()


def _is_away(path: Path) -> bool:
    """Whether a link leads to it, or to a folder on its way, whose target is not there."""
    return any(one.is_symlink() and not one.exists() for one in (path, *path.parents))


def describe_settings(settings: Settings, path: Path) -> str:
    """Every setting in a line of its own, and where to change it: plain text."""
    usual = {(name, key): value for name, key, value, *__ in entries(Settings())}
    lines = [_("The settings file is {path}").format(path=escaped(str(path)))]
    for name, key, value, rule, __ in entries(settings):
        pattern = _USUAL_VALUE if value == usual[name, key] else _CHANGED_VALUE
        line = _(pattern).format(
            setting=f"{name}.{key}",
            value=as_toml(value),
            usual=as_toml(usual[name, key]),
            allowed=rule.allowed,
        )
        lines.append(line)
    return "\n".join(lines)


def _read_text(path: Path) -> str | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SettingsError(
                _("{name} is not a file. Please remove what is at {path}.").format(
                    name=path.name, path=path
                )
            )
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except FileNotFoundError as error:
        if not _is_away(path):
            return None
        raise SettingsError(
            _(
                "{name} is a link to a place that is not there. "
                "Until it is, I use the default settings."
            ).format(name=path.name),
            detail=str(error),
        ) from error
    except OSError as error:
        raise SettingsError(
            _("{name} cannot be read. Please check who may read it.").format(name=path.name),
            detail=str(error),
        ) from error
    if len(data) > _LARGEST_FILE:
        raise SettingsError(
            _("{name} is too large. It may have 64 kilobytes.").format(name=path.name)
        )
    try:
        return data.decode("utf-8-sig")  # editors on Windows put a byte order mark first
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise SettingsError(
            _("{name} line {number} is not UTF-8 text. Please save the file as UTF-8.").format(
                name=path.name, number=number
            ),
            detail=str(error),
        ) from error


def _making_room(file: SettingsFile, settings: Settings) -> Settings:
    """A file from before there was this key may have given it to another verb, which keeps it."""
    more = settings.bindings.more
    others = [key for verb, key in settings.keys.items() if verb is not Verb.MORE]
    if file.has("keys", Verb.MORE.setting) or more not in others:
        return settings
    return replace(settings, bindings=replace(settings.bindings, more=None))


def _refuse_equal_keys(file: SettingsFile, keys: Mapping[Verb, Hotkey]) -> None:
    owner: dict[Hotkey, Verb] = {}
    # Those left at their default come first, so that the blame falls on a line of the file.
    for verb in sorted(keys, key=lambda verb: file.has("keys", verb.setting)):
        first = owner.setdefault(keys[verb], verb)
        if first is not verb:
            # Translators: {setting} and {other} are "keys.screen" and "keys.copy"
            pattern = _("{setting} = {value} is not allowed; {other} has the same key already.")
            file.refuse("keys", verb.setting, pattern, other=f"keys.{first.setting}")
