"""From a recipe to trained weights: material, batches, the loss, one process or many.

It may import data and `models`, and knows nothing of how a bundle is scored or released.
"""
