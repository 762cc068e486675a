"""Fixtures for all tests: the real desktop's parts live beside the desktop tests."""

import os
import signal
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.desktop.fixtures_display",
    "tests.desktop.fixtures_sound",
    "tests.desktop.fixtures_wayland",
    "tests.desktop.fixtures_portal",
    "tests.desktop.fixtures_orca",
    "tests.desktop.fixtures_shortcuts",
    "tests.desktop.fixtures_daemon",
    "tests.desktop.fixtures_faults",
    "tests.fixtures_language",
]

# Shells have what they start in the background ignore these, and so would all that tests start.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# What tests expect to be said is in English, whoever runs them; what sets LANG wins over nothing.
for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "DESCRIBER_LANGUAGE"):
    os.environ.pop(variable, None)
os.environ["LANG"] = "C.UTF-8"

# What takes longest begins first, lest the other workers wait for it at the end. Of those that
# need what `built` makes only one stands in front: a second would wait for it.
LONGEST = (
    "test_train",
    "test_architectures",
    "test_distributed",
    "test_convert",
    "test_publish",
    "test_joining",
    "test_engines",
    "test_client",
    "test_files",
    "test_faults",
    "test_main_job",
    "test_private",
    "test_finding",
)
# A test of a real desktop shares its worker only with those that share one of these.
SHARED = {"living", "captioner", "desktop"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--desktops", default="", help="whole desktops to test on, kde,gnome,… or all: see ./check"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whole desktops are large: nobody gets them unasked."""
    unasked = not config.getoption("desktops") and collection_path.name == "desktops"
    return (unasked and collection_path.is_dir()) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side (`./check`), what shares a costly fixture stays on one worker."""
    for item in items:
        names = set(item.fixturenames) if isinstance(item, pytest.Function) else set()
        if "built" in names and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(900))  # it may have to wait for it
        apart = item.path.parent.name == "desktop" and not names & SHARED
        if config.pluginmanager.hasplugin("xdist") and not apart:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))
