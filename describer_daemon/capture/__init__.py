"""Looking: the screen, the clipboard, and what has the focus.

A back-end (`screen_*`, `clipboard_*`) is one module, listed in `candidates`, and knows no other
back-end. It may import what stands beside it, the shared parts (`x11`, `processes`), and core.
"""
