"""Fixtures: a real sound server whose sink is recorded, and `heard`."""
