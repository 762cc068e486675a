"""A private desktop: a screen, a keyboard and a sound server that nobody else sees or hears.

For the demonstration and the tests. It may import the names of keys, how speech is stored, the
shared parts (`x11`, `processes`), and core.
"""
