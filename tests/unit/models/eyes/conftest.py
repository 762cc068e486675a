"""Tiny captioners in the published layouts, made once a run, and pictures for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests import eyes_florence, eyes_gpt2, eyes_smolvlm
from tests.shared import made_once

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny vit-gpt2, and in hf/ the same for transformers. Not to be changed."""
    return made_once(tmp_path_factory, "vit_gpt2", eyes_gpt2.write)


@pytest.fixture(scope="session")
def florence_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Florence-2, and in hf/ the same for transformers. Not to be changed."""
    return made_once(tmp_path_factory, "florence2", eyes_florence.write)


@pytest.fixture(scope="session")
def smolvlm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SmolVLM, and in hf/ the same for transformers. Not to be changed."""
    return made_once(tmp_path_factory, "smolvlm", eyes_smolvlm.write)


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Four of noise, of other sizes and shapes."""
    random = np.random.default_rng(5)
    sizes = ((50, 70), (64, 40), (90, 91), (30, 30))
    return [Image.fromarray(random.integers(0, 256, (*size, 3)).astype(np.uint8)) for size in sizes]
