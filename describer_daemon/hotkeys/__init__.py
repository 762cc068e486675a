"""Keys: what they are called, and each way to listen for them.

A back-end is one module, listed in `candidates`, and knows no other back-end. It may import the
shared parts (`x11`), and core.
"""
