#!/usr/bin/env bash
# Installs what is missing and builds segpref.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh
[[ -e build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release -- --quiet
