"""By what training pictures are neighbours: the encoder's features, or its classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.captioning.caption_store import CaptionStore
from models.captioning.vocabulary import END, START
from models.networks.registry import make_encoder
from tests.variants import TinyEncoder
from training.release import neighbours

CHANNELS, CLASSES, PICTURES = 12, 5, 60


def test_classes_are_what_the_classifier_makes_of_features() -> None:
    torch.manual_seed(1)
    encoder = make_encoder({"encoder": "efficientnet_lite3"}).eval()
    classes = neighbours.classes_of(encoder)
    assert classes.shape == (encoder.channels, encoder.classes)
    grid = torch.rand(3, encoder.channels, 2, 2)
    with torch.inference_mode():
        logits = encoder.classify(grid).numpy()
    means = grid.mean((2, 3)).numpy()
    np.testing.assert_allclose((means - means[0]) @ classes, logits - logits[0], atol=1e-4)
    with pytest.raises(ValueError, match="no classifier"):
        neighbours.classes_of(TinyEncoder())


def test_what_the_classifier_does_not_look_at_counts_among_features_alone() -> None:
    random = np.random.default_rng(2)
    features = random.normal(size=(PICTURES, CHANNELS)).astype(np.float32)
    unseen = slice(CHANNELS // 2, None)
    features[:, unseen] *= 4
    classes = random.normal(size=(CHANNELS, CLASSES)).astype(np.float32)
    classes[unseen] = 0
    tokens = torch.tensor([[[START, 4, 5, END]]] * PICTURES)
    by_features = CaptionStore(neighbours.build(features, tokens))
    by_classes = CaptionStore(neighbours.build(features, tokens, classes))
    asked = features[0].copy()
    asked[unseen] = features[7, unseen]
    nearest, cosines = by_classes.nearest(asked, 1)
    assert nearest.tolist() == [0]
    assert cosines[0] == pytest.approx(1, abs=0.02)
    assert by_features.nearest(asked, 1)[0].tolist() == [7]


def test_what_all_classes_have_in_common_tells_nothing() -> None:
    random = np.random.default_rng(3)
    features = random.normal(size=(PICTURES, CHANNELS)).astype(np.float32)
    classes = random.normal(size=(CHANNELS, CLASSES)).astype(np.float32)
    tokens = torch.tensor([[[START, 4, 5, END]]] * PICTURES)
    common = 50 * random.normal(size=(CHANNELS, 1)).astype(np.float32)
    one, same = (
        CaptionStore(neighbours.build(features, tokens, each))
        for each in (classes, classes + common)
    )
    for asked in features[:10] + 0.3:
        nearest, cosines = one.nearest(asked, 5)
        others, alike = same.nearest(asked, 5)
        assert nearest.tolist() == others.tolist()
        np.testing.assert_allclose(cosines, alike, atol=0.02)
