#!/usr/bin/env bash
# Bring the catalogues of sentences (describer_daemon/locale) up to date with the code.
#   scripts/catalogues.sh            extract, merge into every catalogue, compile
#   scripts/catalogues.sh compile    compile alone, after a catalogue was edited
#   scripts/catalogues.sh add LANG   begin a catalogue for a further language
# See docs/languages.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv-check/bin:$PATH"

locale=describer_daemon/locale
template=$locale/describer.pot

extract() {
    # sorted, and without dates and line numbers: what did not change makes no difference
    # models/ says what is wrong with a bundle by BundleError, which the daemon translates
    pybabel -q extract --no-default-keywords -k _ -k N_ -k ngettext:1,2 -k pgettext:1c,2 \
        -k BundleError:1 \
        --add-comments=Translators: --sort-by-file --add-location=file --no-wrap \
        --project=describer --copyright-holder="the describer's authors" -o "$template" describer_daemon models
    sed -i '/^"POT-Creation-Date:/d' "$template"
}

case ${1:-} in
    -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
    '')
        extract
        # no guesses: a sentence that is nearly the same may mean the contrary
        pybabel -q update -D describer -i "$template" -d $locale --no-fuzzy-matching --ignore-obsolete --no-wrap ;;
    compile) ;;
    add)
        extract
        pybabel -q init -D describer -i "$template" -d $locale -l "$2" --no-wrap ;;
    *) echo "$1 is not known here. Please see scripts/catalogues.sh --help." >&2; exit 2 ;;
esac
pybabel -q compile -D describer -d $locale --statistics
