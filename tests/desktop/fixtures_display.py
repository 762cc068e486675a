"""Fixtures: a real X server, window manager, windows, keys and clipboard owners."""
