#!/usr/bin/env bash
# Do the tests notice when the code is wrong? Change it in many small ways, and see which are not.
#   scripts/mutants.sh MODULE [NAME ...]   phrasing, settings, settings_file, control, pipeline or
#                                          captioner; all its mutants, or those whose names match
#   scripts/mutants.sh MODULE --left       what the last run of it left alive, as differences
# It works on a copy in build/mutants/MODULE, and goes on where it was broken off. Needs ./check's
# environment. What survived, and why: docs/mutants.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/setup.sh

python=${DESCRIBER_PYTHON:-$PWD/.venv-check/bin/python}
case ${1:-} in
    '' | -h | --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
    phrasing | settings | control | pipeline | captioner) module=$1 tests=test_$1 ;;
    settings_file) module=$1 tests=test_settings ;;
    *) fail "$1 is none of the modules. Please see scripts/mutants.sh --help." ;;
esac
shift
[ -x "$python" ] || fail "There is no .venv-check yet. Please run ./check first."

copy=build/mutants/$module
mkdir -p "$copy"
git ls-files -z describer_daemon models training benchmarks tests pyproject.toml LICENSE |
    xargs -0 cp --parents --update --target-directory "$copy"
cd "$copy"
sed -i '/^\[tool.mutmut\]/,$d' pyproject.toml
# a line of the log, the name of a thread and a mark of the stop-watch are nobody's promise;
# one process at a time, and long limits: much of what is tested waits for threads and children
cat >>pyproject.toml <<END
[tool.mutmut]
source_paths = ["describer_daemon"]
only_mutate = ["describer_daemon/$module.py"]
do_not_mutate_patterns = ['^\s*log\.', 'stages\.(reached|took)', '^\s*name=', 'name="[a-z-]+"']
also_copy = ["models", "training", "benchmarks", "LICENSE"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=1"]
pytest_add_cli_args_test_selection = ["tests/unit/$tests.py"]
timeout_multiplier = 10.0
timeout_constant = 6.0
END
export OMP_NUM_THREADS=1 PYTHONPATH=
if [ "${1:-}" = --left ]; then
    "$python" -m mutmut results | sed -n 's/^ *\(.*\): \(survived\|no tests\|suspicious\)$/\1/p' |
        while read -r name; do "$python" -m mutmut show "$name"; done
else
    exec "$python" -m mutmut run --max-children 1 "$@"
fi
