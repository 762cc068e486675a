"""The real desktop's tests run side by side: each worker has all of it to itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop.fixtures_display import alone_at_home


@pytest.fixture(scope="session", autouse=True)
def worker_home() -> Iterator[None]:
    """A home of this worker, for what starts before or without a test's own `sandbox`."""
    with (
        tempfile.TemporaryDirectory(prefix="dsw-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        alone_at_home(patch, Path(folder))
        yield
