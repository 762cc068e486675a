# Shared by ./run and ./check: find Python, install what is missing, make a virtual environment.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# find_python: sets PYTHON to an interpreter that is new enough
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$(command -v "$candidate")
            return
        fi
    done
    fail "The describer needs Python 3.11 or newer. Please install it, then try again."
}

# session_kind: prints "wayland" or "x11" for a display that answers; a variable alone is none
session_kind() {
    PYTHONPATH=. "$PYTHON" -c '
from describer_daemon import displays
print("wayland" if displays.on_wayland() else "x11" if displays.on_x11() else "")'
}

# need_packages COMMAND:PACKAGE ...: install the Debian packages whose command is missing.
# A COMMAND with a slash is a file, lib*.so.* a shared library; without root, name them and the one command instead.
need_packages() {
    local missing=() pair command package
    for pair in "$@"; do
        command=${pair%%:*} package=${pair#*:}
        case $command in
            */*) compgen -G "$command" >/dev/null || missing+=("$package") ;;
            lib*.so.*)
                "$PYTHON" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$command" \
                    2>/dev/null || missing+=("$package") ;;
            *) command -v "$command" >/dev/null || missing+=("$package") ;;
        esac
    done
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [ ${#missing[@]} -gt 0 ] || return 0
    local install="apt-get install -y --no-install-recommends ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        fail "These programs are missing: ${missing[*]} (Debian's names). Please install them."
    elif [ "$(id -u)" != 0 ]; then
        fail "These packages are missing: ${missing[*]}. Please run: sudo $install"
    fi
    say "Installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # what they complain of is kept in no file: this is root
    local complaints
    complaints=$({ apt-get update -qq && $install -qq; } 2>&1 >/dev/null) || {
        say "$complaints"
        fail "The packages could not be installed. Please run: $install"
    }
}

VERSION='import sys; print(sys.version, sys.base_prefix)'

# what mss, the screen grabber, loads
SCREEN_LIBRARIES=(libxcb.so.1:libxcb1 libxcb-randr.so.0:libxcb-randr0
    libxcb-render.so.0:libxcb-render0 libxcb-shm.so.0:libxcb-shm0
    libxcb-xfixes.so.0:libxcb-xfixes0)

# make_venv FOLDER EXTRAS [LOCK]: an environment with this project in it, renewed when it changed.
# The packages are those of LOCK, with their hashes; without one, what the ranges give today.
make_venv() {
    local folder=$1 extras=$2 lock=${3:-} stamp
    stamp="$(cat pyproject.toml ${lock:+"$lock"} | sha256sum) $PWD $extras"
    ready_venv "$folder" "$stamp" && return
    if [ -z "$lock" ]; then
        packages "$folder" --editable ".$extras"
    elif pip_install "$folder" --require-hashes --requirement "$lock"; then
        packages "$folder" --no-deps --editable .
    elif [ -n "${LOCKED:-}" ]; then
        fail "The packages of $lock could not be installed (see above)."
    else
        say "The packages of $lock cannot be had here (see above); I take those that" \
            "pyproject.toml allows. What is tested is then not quite what others test."
        packages "$folder" --editable ".$extras"
    fi
    finish_venv "$folder" "$stamp"
}

# make_tools: an environment of its own for what resolves and audits the packages
make_tools() {
    local stamp
    stamp="$(sha256sum <requirements/tools.txt)"
    ready_venv .venv-tools "$stamp" && return
    packages .venv-tools --require-hashes --requirement requirements/tools.txt
    finish_venv .venv-tools "$stamp"
}

# ready_venv FOLDER STAMP: whether it is as STAMP says; if not, it is there to be installed into
ready_venv() {
    local folder=$1 python
    python=$("$PYTHON" -c "$VERSION")
    [ "$(cat "$folder/.stamp" 2>/dev/null)" = "$2 $python" ] && return
    say "Preparing $folder (once; this takes a minute or more)"
    # an interpreter that is gone, or another than before, spoils the whole environment
    [ "$("$folder/bin/python" -c "$VERSION" 2>/dev/null)" = "$python" ] || rm -rf "$folder"
    "$PYTHON" -m venv "$folder" || fail "The virtual environment $folder could not be made."
    return 1
}

finish_venv() { printf '%s\n' "$2 $("$PYTHON" -c "$VERSION")" >"$1/.stamp"; }

pip_install() { "$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"; }

packages() { pip_install "$@" || fail "The Python packages could not be installed."; }
