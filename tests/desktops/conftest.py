"""Whole desktops: one at a time, each for all of its tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from describer_daemon.virtual.sound import VirtualSound
from tests.desktops import table
from tests.desktops.desktops import DESKTOPS, Desktop


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "desktop" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("desktops").split(",")
        unknown = [one for one in wanted if one not in DESKTOPS and one != "all"]
        if unknown:
            raise pytest.UsageError(f"known desktops: {', '.join(DESKTOPS)}; not {unknown}")
        names = [one for one in DESKTOPS if one in wanted or "all" in wanted]
        metafunc.parametrize("desktop", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def desktop(request: pytest.FixtureRequest) -> Iterator[Desktop]:
    """A whole desktop, and the describer on it as a person has it after `describer setup`."""
    with VirtualSound() as sound, DESKTOPS[request.param](sound) as one:
        yield one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call" or report.outcome != "passed":
        table.take(item, report.outcome)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := table.lines():
        terminalreporter.section("real desktops")
        for line in lines:
            terminalreporter.write_line(line)
