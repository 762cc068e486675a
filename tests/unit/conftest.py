"""Fixtures of the unit tests that take seconds to make."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import bundles

if TYPE_CHECKING:
    from pathlib import Path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side (`./check`), what shares a costly fixture stays on one worker.

    What takes longest begins first, lest the other workers wait for it at the end.
    """
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(
                "built" if _shares_built(item) else item.path.stem))
        items.sort(key=lambda item: not _shares_built(item))


def _shares_built(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "built" in item.fixturenames


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle of a random network with a few words. Not to be changed."""
    return bundles.export_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def broken_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle, to be spoilt."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`build` run once, unbroken: all that it is given, work/ and bundle/. Not to be changed."""
    folder = bundles.prepare_training(tmp_path_factory.mktemp("built"))
    command = bundles.training_command("build", folder, "work", "--out", folder / "bundle")
    done = subprocess.run(command, cwd=bundles.ROOT, env=bundles.training_environment(),
                          capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return folder
