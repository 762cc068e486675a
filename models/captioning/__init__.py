"""From a picture's array and its encoding to words: numpy and Pillow alone.

Preprocessing, the vocabulary, the search for words, the caption store, confidence, tags and
heat maps. It imports nothing of this project but itself.
"""
