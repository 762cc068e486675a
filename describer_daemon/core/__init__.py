"""The words that all rooms share, when to look, and what to say.

It knows no operating system, no model and no back-end: only Protocols of them (`ports`), and how to
choose among names that it is given (`backends`). It imports nothing of this project but itself.
"""
