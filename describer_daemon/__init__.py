"""Press a key, hear the picture: a tray daemon that captions what is on the screen."""

__version__ = "0.2.0"
