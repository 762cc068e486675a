# Of ./check --desktops: whole desktops, and what Debian calls them.
# shellcheck shell=bash

DESKTOPS=(kde gnome xfce mate lxde orca)

# desktop_packages NAME: sets PACKAGES to the COMMAND:PACKAGE pairs of a desktop, as need_packages takes them
desktop_packages() {
    case $1 in
        kde) PACKAGES=(kwin_wayland:kwin-wayland kglobalaccel5:libkf5globalaccel-bin
            spectacle:kde-spectacle "/usr/lib/*/libexec/xdg-desktop-portal-kde:xdg-desktop-portal-kde"
            "/usr/lib/*/qt5/plugins/platforms/libqwayland-generic.so:qtwayland5") ;;
        gnome) PACKAGES=(gnome-shell:gnome-shell /usr/libexec/gsd-media-keys:gnome-settings-daemon
            gnome-screenshot:gnome-screenshot
            /usr/libexec/xdg-desktop-portal-gnome:xdg-desktop-portal-gnome
            pipewire:pipewire wireplumber:wireplumber gjs:gjs) ;;
        xfce) PACKAGES=(xfce4-session:xfce4-session xfwm4:xfwm4 xfsettingsd:xfce4-settings) ;;
        mate) PACKAGES=(mate-session:mate-session-manager marco:marco
            /usr/bin/mate-settings-daemon:mate-settings-daemon) ;;
        lxde) PACKAGES=(startlxde:openbox-lxde-session lxsession:lxsession) ;;
        orca) PACKAGES=(orca:orca) ;;
        *) fail "$1 is no desktop that I know: ${DESKTOPS[*]}." ;;
    esac
}

# test_desktops NAME...: the tests of these, or of all, in the environment of ./check
test_desktops() {
    local names=("${@:-${DESKTOPS[@]}}") as_person=()
    # no desktop wants to be root's; in a namespace of its own root is somebody, and keeps its files
    [ "$(id -u)" != 0 ] || as_person=(unshare --user --map-user=65534 --map-group=65534)
    OMP_NUM_THREADS=1 "${as_person[@]}" python -m pytest tests/desktops -p no:cacheprovider \
        --desktops="$(IFS=,; echo "${names[*]}")"
}
