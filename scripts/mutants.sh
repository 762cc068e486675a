#!/usr/bin/env bash
# Do the tests notice when the code is wrong? Change it in many small ways, and see which are not.
#   scripts/mutants.sh MODULE [NAME ...]   phrasing, settings, settings_file, control, pipeline or
#                                          captioner; all its mutants, or those whose names match
#   scripts/mutants.sh MODULE --sample N   N of them, drawn at random but always the same
#   scripts/mutants.sh MODULE --again      those that the last run left alive
#   scripts/mutants.sh MODULE --left       the same, shown as differences
# It works on a copy in build/mutants/MODULE, and goes on where it was broken off. Needs ./check's
# environment. What survived, and why: docs/mutants.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/setup.sh

python=${DESCRIBER_PYTHON:-$PWD/.venv-check/bin/python}
case ${1:-} in
    '' | -h | --help) sed -n '2,9s/^# //p' "$0"; exit 0 ;;
    phrasing | pipeline) file=core/$1 tests=(core/test_"$1") ;;
    settings) file=settings/settings tests=(settings/test_settings) ;;
    settings_file) file=settings/file tests=(settings/test_settings) ;;
    control) file=service/control tests=(service/test_control) ;;
    captioner) file=captioner/client tests=(captioner/test_{client,child}) ;;
    *) fail "$1 is none of the modules. Please see scripts/mutants.sh --help." ;;
esac
module=$1
shift
[ -x "$python" ] || fail "There is no .venv-check yet. Please run ./check first."

copy=build/mutants/$module
mkdir -p "$copy"
git ls-files -z describer_daemon models training benchmarks tests pyproject.toml LICENSE |
    xargs -0 cp --parents --update --target-directory "$copy"
shopt -s nullglob
selection=$(for each in "${tests[@]}"; do printf '"%s", ' tests/unit/"$each"{,_*}.py; done)
cd "$copy"
sed -i '/^\[tool.mutmut\]/,$d' pyproject.toml
# A line of the log, the name of a thread and a mark of the stop-watch are nobody's promise.
# One process at a time, and long limits: much of what is tested waits for threads and children.
cat >>pyproject.toml <<END
[tool.mutmut]
source_paths = ["describer_daemon"]
only_mutate = ["describer_daemon/$file.py"]
do_not_mutate_patterns = ['^\s*log\.', 'stages\.(reached|took)', '^\s*name=', 'name="[a-z-]+"']
also_copy = ["models", "training", "benchmarks", "LICENSE"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "bundle_kept",
                       "--hypothesis-seed=1"]
pytest_add_cli_args_test_selection = [$selection]
timeout_multiplier = 10.0
timeout_constant = 6.0
END
# the bundle that the tests make for themselves takes seconds, and is the same for every mutant
mkdir -p plugin
cat >plugin/bundle_kept.py <<END
import shutil
from pathlib import Path

from tests import bundles

KEPT, make = Path("$PWD/kept-bundle"), bundles.export_bundle


def export_bundle(folder, **options):
    if options:
        return make(folder, **options)
    if not KEPT.exists():
        make(KEPT)
    return Path(shutil.copytree(KEPT, folder, dirs_exist_ok=True))


bundles.export_bundle = export_bundle
END
export OMP_NUM_THREADS=1 PYTHONPATH=$PWD/plugin
mutmut() { "$python" -m mutmut "$@"; }
run() { exec "$python" -m mutmut run --max-children 1 "$@"; }
alive() { mutmut results | sed -n 's/^ *\(.*\): \(survived\|no tests\|suspicious\)$/\1/p'; }

case ${1:-} in
    --left) alive | while read -r name; do mutmut show "$name"; done ;;
    --again) mapfile -t names < <(alive); run "${names[@]}" ;;
    --sample)
        (run 'none of them*') >/dev/null 2>&1 || true  # makes them, then complains
        mapfile -t names < <(mutmut results --all true | sed -n 's/^ *\(.*\): .*/\1/p' |
            "$python" -c 'import random, sys; names = sorted(sys.stdin.read().split())
print(*random.Random(1).sample(names, min(int(sys.argv[1]), len(names))), sep="\n")' "${2:-150}")
        run "${names[@]}" ;;
    *) run "$@" ;;
esac
