"""Fixtures of the unit tests that take seconds to make."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import bundles
from tests.shared import made_once

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle of a random network with a few words. Not to be changed."""
    return made_once(tmp_path_factory, "tiny_bundle", bundles.export_bundle)


@pytest.fixture(scope="session")
def grounded_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_bundle`, with a head for things and a decoder that knows of them."""
    return made_once(
        tmp_path_factory,
        "grounded_bundle",
        lambda folder: bundles.export_bundle(folder, architecture=bundles.GROUNDED),
    )


@pytest.fixture
def broken_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle, to be spoilt."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`build` run once, unbroken: all that it is given, work/ and bundle/. Not to be changed."""
    return made_once(tmp_path_factory, "built", _build)


def _build(folder: Path) -> None:
    bundles.prepare_training(folder)
    command = bundles.training_command("build", folder, "work", "--out", folder / "bundle")
    done = subprocess.run(
        command,
        cwd=bundles.ROOT,
        env=bundles.training_environment(),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
