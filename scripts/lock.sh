#!/usr/bin/env bash
# Renew the locks in requirements/: every package that ./check installs, with its hashes.
#   scripts/lock.sh                  take up what is new within the ranges of pyproject.toml
#   scripts/lock.sh --check          change nothing; fail if the ranges and the locks disagree
#   scripts/lock.sh PACKAGE ...      renew these alone, as after an advisory
# See docs/adr/0025-locks.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/setup.sh

# resolve SOURCE LOCK OPTION ...: uv leaves out the hosts that it asked, unless it is told to name them
resolve() {
    local source=$1 lock=$2
    shift 2
    .venv-tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header "$@" "$source" --output-file "$lock" >&2 ||
        fail "$source could not be resolved."
}

case ${1:-} in -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;; esac

find_python
make_tools
options=(--upgrade)
checking=
case ${1:-} in
    '') ;;
    --check) options=() checking=1 ;;
    -*) fail "$1 is not known here. Please see scripts/lock.sh --help." ;;
    *) options=(); for package in "$@"; do options+=(--upgrade-package "$package"); done ;;
esac

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
cp requirements/*.txt "$fresh"  # what is locked already stays, unless it is to be renewed
resolve pyproject.toml "$fresh/check.txt" --extra dev "${options[@]}"
resolve requirements/tools.in "$fresh/tools.txt" "${options[@]}"
for name in check tools; do
    if cmp -s "$fresh/$name.txt" "requirements/$name.txt"; then
        say "requirements/$name.txt is up to date."
    elif [ -n "$checking" ]; then
        fail "requirements/$name.txt does not fit pyproject.toml. Please run scripts/lock.sh."
    else
        cp "$fresh/$name.txt" "requirements/$name.txt"
        say "requirements/$name.txt is renewed. Please run ./check, then commit it."
    fi
done
