"""Where on a screen the pictures are: screen grab → boxes of photographs and drawings."""
