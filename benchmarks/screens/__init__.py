"""Screens as people have them, rendered by real programs, with the places of their pictures."""
