"""Fixtures for all tests: the real desktop's parts live beside the desktop tests."""

pytest_plugins = ["tests.desktop.fixtures_display", "tests.desktop.fixtures_sound",
                  "tests.desktop.fixtures_daemon", "tests.desktop.fixtures_faults"]
