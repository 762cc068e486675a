"""The kinds of input, by name, and how many of each are tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.fuzz.bundles import Bundles
from benchmarks.fuzz.clipboards import Clipboards
from benchmarks.fuzz.messages import Messages
from benchmarks.fuzz.pictures import Pictures
from benchmarks.fuzz.served import Requests
from benchmarks.fuzz.settings_files import SettingsFiles
from benchmarks.fuzz.trial import Kind

KINDS: Mapping[str, Callable[[], Kind]] = {
    "pictures": Pictures,
    "clipboard": Clipboards,
    "settings": SettingsFiles,
    "bundles": Bundles,
    "messages": Messages,
    "requests": Requests,
}
COUNTS: Mapping[str, int] = {
    "pictures": 20_000,
    "clipboard": 5000,
    "settings": 5000,
    "bundles": 5000,
    "messages": 50_000,
    "requests": 10_000,
}
