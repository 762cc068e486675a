"""Inputs made to do harm, tried on the real parts: each must end in a caption or a sentence."""
