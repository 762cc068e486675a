#!/usr/bin/env bash
# Which lines and branches of the parts that must never fail do the tests reach?
#   scripts/coverage.sh             by their own unit tests, which use the real process and socket
#   scripts/coverage.sh --desktop   by the main job's desktop tests, too
# Ends with 1 when less than 95 % of the lines or of the branches of one of them is reached. The
# lines that are left are in build/coverage/index.html. Needs ./check's environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/setup.sh

LEAST=95
MODULES=(core/{pipeline,phrasing} settings/{settings,file} service/control captioner/{client,child})
shopt -s nullglob
tests=(tests/unit/{core/test_{pipeline,phrasing},settings/test_settings,service/test_control}{,_*}.py
    tests/unit/captioner/test_{client{,_*},child,reading}.py)
python=${DESCRIBER_PYTHON:-.venv-check/bin/python}

case ${1:-} in
    '') ;;
    --desktop) tests+=(tests/desktop/test_main_job.py) ;;
    -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
    *) fail "$1 is not known here. Please see scripts/coverage.sh --help." ;;
esac
[ -x "$python" ] || fail "There is no .venv-check yet. Please run ./check first."
coverage() { "$python" -m coverage "$@"; }

rm -rf build/coverage
mkdir -p build/coverage
OMP_NUM_THREADS=1 coverage run -m pytest "${tests[@]}"
coverage combine --quiet
files=$(printf 'describer_daemon/%s.py,' "${MODULES[@]}")
coverage html --quiet --directory build/coverage --include "$files"
coverage json --quiet -o build/coverage/report.json --include "$files"
"$python" - "$LEAST" build/coverage/report.json <<'END'
import json
import sys
from pathlib import Path

least, report = float(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
low = []
print(f"{'':38}lines  branches  lines that are left")
for name, file in sorted(report["files"].items()):
    lines, branches = (
        100.0 * file["summary"][f"covered_{part}"] / max(1, file["summary"][f"num_{whole}"])
        for part, whole in (("lines", "statements"), ("branches", "branches")))
    left = ", ".join(map(str, file["missing_lines"]))
    left += "".join(f", {start} to {end}" for start, end in file["missing_branches"])
    print(f"{name:36}{lines:7.1f}{branches:10.1f}  {left.removeprefix(', ')}")
    if min(lines, branches) < least:
        low.append(name)
if low:
    sys.exit(f"Less than {least:g} % of these is reached: {', '.join(low)}.")
END
