"""Captioners beside the one that ships: the catalogue, what is installed, and how it is had.

`hub` and `fetching` are all of the describer that reaches out to the internet, and `describer
captioner add` alone imports them; `installed` is what describing asks for. The room may import
the shared parts (`mounts`, `service`) and core.
"""
