"""Press a key, hear the picture: a tray daemon that captions what is on the screen."""

__version__ = "0.2.0"
# What desktops and portals know the program by; its .desktop file has this name.
APP_ID = "org.describer.Describer"
