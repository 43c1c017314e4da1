#!/usr/bin/env bash
# Installs what segpref needs from the distribution's packages; says what it does; does nothing when all is there.
#   tools/setup.sh             what building the library, the command and the tests needs
#   tools/setup.sh --full      also what the full test suite needs (clang 19 with libFuzzer)
set -euo pipefail

packages=(g++ cmake ninja-build pkg-config libhwy-dev libdlpack-dev libzip-dev nlohmann-json3-dev libcli11-dev libfmt-dev
          libgtest-dev libbenchmark-dev)
if [[ ${1:-} == --full ]]; then packages+=(clang-19 libclang-rt-19-dev dpkg-dev); fi

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is not a Debian or Ubuntu machine. Install the equivalents of: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "setup: not root and no sudo; ask an administrator to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
