"""Translators of captions: their sentences, their training, their bundles and scores."""
