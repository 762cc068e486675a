"""Engines run a bundle's two halves, encode and step, on some machinery."""
