"""Who may listen for keys; `core.backends` chooses."""

# Order is preference. Strings, so that a back-end's libraries load only when it is reached.
HOTKEYS = (
    "describer_daemon.hotkeys.x11:X11Hotkeys",
    "describer_daemon.hotkeys.portal:PortalHotkeys",
    "describer_daemon.hotkeys.pynput:PynputHotkeys",
)
