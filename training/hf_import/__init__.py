"""Captioners that others trained with Hugging Face's transformers, as bundles.

It may import `models` alone.
"""
