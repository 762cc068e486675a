"""Who may look at the screen and at the clipboard; `core.backends` chooses."""

# Order is preference. Strings, so that a back-end's libraries load only when it is reached.
SCREENS = (
    "describer_daemon.capture.screen_grim:GrimScreen",
    "describer_daemon.capture.screen_desktop:DesktopScreen",
    "describer_daemon.capture.screen_mss:MssScreen",
    "describer_daemon.capture.screen_x11:X11Screen",
)
CLIPBOARDS = (
    "describer_daemon.capture.clipboard_wayland:WaylandClipboard",
    "describer_daemon.capture.clipboard_x11:X11Clipboard",
    "describer_daemon.capture.clipboard_pillow:PillowClipboard",
)
