"""Where on a screen the pictures are: screen grab → boxes of photographs and drawings."""

from models.finder.finder import SHIPPED, Finder, Found, Screen, load

__all__ = ["SHIPPED", "Finder", "Found", "Screen", "load"]
