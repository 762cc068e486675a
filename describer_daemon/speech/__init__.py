"""Saying: voices, players, utterances that can be stopped at once, and short sounds.

A back-end (`orca`, `dispatcher`, `espeak_ng`, `pyttsx3`) is one module, listed in `candidates`,
and knows no other back-end. It may import what stands beside it, the shared parts (`processes`),
and core.
"""
