"""What makes the describer a program of its person's desktop: menu, file manager, login.

Steps that can be done, undone and repeated (`steps`), most of them a file (`files`). Knows nothing
of keys, screens or voices: what else is to be set up brings its own `Step`, and `cli/setup.py`
has the list.
"""
