"""The text in a picture: lines that OCR finds, and the order in which people read them.

It may import the session and its threads from runtime.
"""
