# Sourced by the tests of the command: the command, the shipped data and the tool come from ctest. Files go beside the build: they can be large.
set -euo pipefail
segpref=$1
data=$2
tool=$3
work=$(mktemp -d "$(dirname "$segpref")/cli_test.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

# expect CODE 'words in its output' command...
expect() {
  local code=$1 words=$2 actual=0; shift 2
  "$@" >"$work/output" 2>&1 || actual=$?
  [[ $actual -eq $code ]] || { cat "$work/output"; fail "exit code $actual, expected $code: $*"; }
  grep -qF -- "$words" "$work/output" || { cat "$work/output"; fail "'$words' is not in the output of: $*"; }
}
