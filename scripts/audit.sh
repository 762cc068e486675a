#!/usr/bin/env bash
# Ask the public advisories about every package that the locks name, and list their licences.
#   scripts/audit.sh              both; the licences are those of .venv-check
#   scripts/audit.sh advisories   known weaknesses alone
#   scripts/audit.sh licences     licences alone; asks nobody
# Ends with 1 when a weakness is known, with 2 when the advisories could not be reached.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/setup.sh

# weaknesses LOCK: list those that are known; 0 none, 1 some, 2 nobody could be asked
weaknesses() {
    local found="$scratch/found" status
    rm -f "$found"
    .venv-tools/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
        --timeout 30 --requirement "$1" --output "$found" 2>&1 | sed -n 's/^ERROR:[^:]*://p' >&2
    status=${PIPESTATUS[0]}
    if [ -s "$found" ]; then cat "$found"; elif [ "$status" != 0 ]; then status=2; fi
    return "$status"
}

advisories() {
    local lock status worst=0
    make_tools
    # whoever knows nothing against this old release would know nothing against others either
    printf 'pillow==9.0.0 --hash=sha256:%064d\n' 0 >"$scratch/weak.txt"
    status=0; weaknesses "$scratch/weak.txt" >/dev/null || status=$?
    if [ $status = 1 ]; then
        for lock in requirements/check.txt requirements/tools.txt; do
            say "Asking about the packages of $lock"
            status=0; weaknesses "$lock" || status=$?
            [ $status -le $worst ] || worst=$status
        done
    else
        worst=2
    fi
    case $worst in
        0) say "No weakness is known." ;;
        2) say "The advisories could not be reached, so it is not known whether a package is weak." \
               "Please try again with a connection to the internet." ;;
    esac
    return $worst
}

licences() {
    [ -x .venv-check/bin/python ] || fail "There is no .venv-check yet. Please run ./check first."
    .venv-check/bin/python scripts/licences.py
}

find_python
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
case ${1:-} in
    '') licences; advisories ;;
    advisories | licences) "$1" ;;
    -h | --help) sed -n '2,6s/^# //p' "$0" ;;
    *) fail "$1 is not known here. Please see scripts/audit.sh --help." ;;
esac
