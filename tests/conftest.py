"""Fixtures for all tests: the real desktop's parts live beside the desktop tests."""

import signal

pytest_plugins = ["tests.desktop.fixtures_display", "tests.desktop.fixtures_sound",
                  "tests.desktop.fixtures_daemon", "tests.desktop.fixtures_faults"]

# Shells have what they start in the background ignore these, and so would all that tests start.
for number, usual in ((signal.SIGINT, signal.default_int_handler),
                      (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
