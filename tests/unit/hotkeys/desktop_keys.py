"""What desktops and a screen reader take by default, read out of their own default files.

Those of Debian 12, and where Debian's keep their keys in a binary, of the source named. A key is
written as `Hotkey` writes it, save that names of keys are the file's own.
"""

TAKEN = {
    # libxfce4ui-common: xfce4-keyboard-shortcuts.xml
    "Xfce 4.18": """
        alt+delete alt+f1 alt+f10 alt+f11 alt+f12 alt+f2 alt+f3 alt+f4 alt+f6 alt+f7 alt+f8
        alt+f9 alt+insert alt+print alt+shift+page_down alt+shift+page_up alt+shift+tab
        alt+space alt+super+s alt+tab ctrl+alt+d ctrl+alt+delete ctrl+alt+down ctrl+alt+end
        ctrl+alt+escape ctrl+alt+f ctrl+alt+home ctrl+alt+kp_1 ctrl+alt+kp_2 ctrl+alt+kp_3
        ctrl+alt+kp_4 ctrl+alt+kp_5 ctrl+alt+kp_6 ctrl+alt+kp_7 ctrl+alt+kp_8 ctrl+alt+kp_9
        ctrl+alt+l ctrl+alt+left ctrl+alt+right ctrl+alt+shift+left ctrl+alt+shift+right
        ctrl+alt+shift+up ctrl+alt+t ctrl+alt+up ctrl+escape ctrl+f1 ctrl+f10 ctrl+f11 ctrl+f12
        ctrl+f2 ctrl+f3 ctrl+f4 ctrl+f5 ctrl+f6 ctrl+f7 ctrl+f8 ctrl+f9 ctrl+shift+escape
        shift+print super+e super+kp_down super+kp_end super+kp_home super+kp_left super+kp_next
        super+kp_page_up super+kp_right super+kp_up super+p super+r super+tab
    """,
    # marco-common: org.mate.marco.gschema.xml; mate-settings-daemon-common: its media-keys
    "MATE 1.26": """
        alt+escape alt+f1 alt+f10 alt+f2 alt+f4 alt+f5 alt+f6 alt+f7 alt+f8 alt+f9 alt+grave
        alt+print alt+space alt+tab alt+xf86audiolowervolume alt+xf86audiomute
        alt+xf86audioraisevolume ctrl+alt+d ctrl+alt+delete ctrl+alt+down ctrl+alt+escape
        ctrl+alt+l ctrl+alt+left ctrl+alt+right ctrl+alt+shift+down ctrl+alt+shift+left
        ctrl+alt+shift+right ctrl+alt+shift+up ctrl+alt+tab ctrl+alt+up
    """,
    # openbox-lxde-session: openbox/LXDE/rc.xml
    "LXDE 0.99": """
        alt+escape alt+f1 alt+f11 alt+f2 alt+f4 alt+shift+down alt+shift+left alt+shift+right
        alt+shift+tab alt+shift+up alt+space alt+tab ctrl+alt+d ctrl+alt+delete ctrl+alt+down
        ctrl+alt+left ctrl+alt+right ctrl+alt+tab ctrl+alt+up ctrl+escape print super+d super+e
        super+f super+f1 super+f2 super+f3 super+f4 super+r
    """,
    # lxqt-globalkeys: globalkeyshortcuts.conf
    "LXQt 1.2": """
        ctrl+alt+e ctrl+alt+i ctrl+alt+l ctrl+alt+t ctrl+shift+f6 ctrl+shift+f7 print
    """,
    # cinnamon-desktop-data: org.cinnamon.desktop.keybindings*.gschema.xml
    "Cinnamon 5.6": """
        alt+above_tab alt+f1 alt+f10 alt+f2 alt+f4 alt+f5 alt+f7 alt+f8 alt+print
        alt+shift+above_tab alt+shift+tab alt+space alt+super+equal alt+super+minus alt+super+s
        alt+tab alt+xf86audiolowervolume alt+xf86audiomute alt+xf86audioraisevolume
        ctrl+alt+delete ctrl+alt+down ctrl+alt+end ctrl+alt+escape ctrl+alt+l ctrl+alt+left
        ctrl+alt+print ctrl+alt+right ctrl+alt+shift+down ctrl+alt+shift+left ctrl+alt+shift+r
        ctrl+alt+shift+right ctrl+alt+shift+tab ctrl+alt+shift+up ctrl+alt+t ctrl+alt+tab
        ctrl+alt+up ctrl+print ctrl+shift+print shift+print shift+super+down shift+super+left
        shift+super+right shift+super+up super+d super+down super+e super+l super+left super+o
        super+p super+right super+s super+up
    """,
    # gsettings-desktop-schemas: org.gnome.desktop.wm.keybindings; mutter-common, gnome-shell-common
    # and gnome-settings-daemon-common: their gschema.xml
    "GNOME 43": """
        alt+above_tab alt+escape alt+f10 alt+f2 alt+f4 alt+f5 alt+f6 alt+f7 alt+f8
        alt+print alt+shift+above_tab alt+shift+escape alt+shift+f6 alt+shift+super+left
        alt+shift+super+right alt+shift+tab alt+space alt+super+8 alt+super+down alt+super+equal
        alt+super+left alt+super+minus alt+super+right alt+super+s alt+super+up alt+tab
        alt+xf86audiolowervolume alt+xf86audiomute alt+xf86audioraisevolume ctrl+alt+delete
        ctrl+alt+down ctrl+alt+escape ctrl+alt+f1 ctrl+alt+f10 ctrl+alt+f11 ctrl+alt+f12
        ctrl+alt+f2 ctrl+alt+f3 ctrl+alt+f4 ctrl+alt+f5 ctrl+alt+f6 ctrl+alt+f7 ctrl+alt+f8
        ctrl+alt+f9 ctrl+alt+left ctrl+alt+right ctrl+alt+shift+down ctrl+alt+shift+escape
        ctrl+alt+shift+left ctrl+alt+shift+r ctrl+alt+shift+right ctrl+alt+shift+tab
        ctrl+alt+shift+up ctrl+alt+tab ctrl+alt+up ctrl+alt+xf86audiolowervolume
        ctrl+alt+xf86audioraisevolume ctrl+shift+xf86audiolowervolume
        ctrl+shift+xf86audioraisevolume ctrl+super+xf86touchpadtoggle ctrl+xf86audiolowervolume
        ctrl+xf86audionext ctrl+xf86audioplay ctrl+xf86audioprev ctrl+xf86audioraisevolume
        shift+print shift+super+above_tab shift+super+down shift+super+end shift+super+home
        shift+super+left shift+super+page_down shift+super+page_up shift+super+right
        shift+super+space shift+super+tab shift+super+up shift+xf86audiolowervolume
        shift+xf86audioraisevolume shift+xf86keyboard super+1 super+2 super+3 super+4 super+5
        super+6 super+7 super+8 super+9 super+a super+above_tab super+down super+end
        super+escape super+f1 super+f10 super+h super+home super+l super+left super+m super+n
        super+o super+p super+page_down super+page_up super+right super+s super+space super+tab
        super+up super+v
    """,
    # KDE/kwin: src/kwinbindings.cpp and the invert effect; plasma-workspace: krunner, klipper, the
    # layout switcher; plasma-desktop-data: emojier; KDE/spectacle of Plasma 6: SpectacleCore.cpp
    "KDE 5.27 and 6": """
        alt+f2 alt+f3 alt+f4 alt+shift+f12 alt+shift+super+space alt+space alt+super+down
        alt+super+k alt+super+l alt+super+left alt+super+p alt+super+r alt+super+right
        alt+super+s alt+super+up ctrl+alt+a ctrl+alt+escape ctrl+alt+shift+super+space
        ctrl+shift+super+down ctrl+shift+super+left ctrl+shift+super+right ctrl+shift+super+up
        ctrl+super+i ctrl+super+print ctrl+super+r ctrl+super+u ctrl+super+x print shift+print
        shift+super+left shift+super+print shift+super+r shift+super+right shift+super+s
        super+. super+d super+down super+left super+pagedown super+pageup super+print super+r
        super+right super+up
    """,
    # orca 43: SHIFT_ALT_MODIFIER_MASK in structural_navigation.py and the scripts of toolkits; what
    # needs Orca's own modifier besides is left out
    "Orca 43": """
        alt+shift+a alt+shift+b alt+shift+c alt+shift+e alt+shift+f alt+shift+g alt+shift+h
        alt+shift+i alt+shift+k alt+shift+l alt+shift+m alt+shift+o alt+shift+p alt+shift+q
        alt+shift+r alt+shift+t alt+shift+u alt+shift+v alt+shift+x alt+down alt+end alt+home
        alt+left alt+right alt+tab alt+up
    """,
}
