"""From trained weights to the bundle that ships: calibration, joining, the memory, the card.

It may import evaluation, trainer, data and `models`.
"""
