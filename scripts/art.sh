#!/usr/bin/env bash
# Fetch what `python -m training medium` draws covers, paintings, maps and icons with: Debian
# packages, unpacked and not installed.
#   scripts/art.sh FOLDER    makes FOLDER/openclipart, FOLDER/games and FOLDER/icons (800 MB)
set -euo pipefail
case ${1:--h} in -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;; esac
mkdir -p "$1/debs" && cd "$1"

unpack() { # FOLDER PACKAGE PATTERN…: of a package what lies below paths like these
    mkdir -p "$1"
    (cd debs && apt-get -q download "$2")
    dpkg-deb --fsys-tarfile debs/"$2"_*.deb | tar -x -C "$1" --wildcards "${@:3}"
}

unpack openclipart openclipart-png '*.png'
unpack games renpy-thequestion '*/the_question/game/images/*'
unpack games kgeography-data '*/share/kgeography/*.png'
unpack icons oxygen-icon-theme '*/base/128x128/*.png'
for campaign in data httt utbs low trow tsg thot dm ei nr sota sof; do
    # not every campaign has all three of them
    unpack games "wesnoth-1.16-$campaign" '*/images/portraits/*' '*/images/story/*' \
        '*/images/maps/*' 2> /dev/null || echo "wesnoth-1.16-$campaign: not all of it"
done
