"""The kinds of input, by name, and how many of each are tried."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.hostile.bundles import Bundles
from benchmarks.hostile.clipboards import Clipboards
from benchmarks.hostile.messages import Messages
from benchmarks.hostile.pictures import Pictures
from benchmarks.hostile.settings_files import SettingsFiles
from benchmarks.hostile.trial import Kind

KINDS: Mapping[str, Callable[[], Kind]] = {
    "pictures": Pictures, "clipboard": Clipboards, "settings": SettingsFiles,
    "bundles": Bundles, "messages": Messages,
}
COUNTS: Mapping[str, int] = {"pictures": 20_000, "clipboard": 5000, "settings": 5000,
                             "bundles": 5000, "messages": 50_000}
