#!/usr/bin/env bash
# Installs a static segpref into a temporary folder and builds and runs the small project of tests/consumer against it, through find_package and
# through pkg-config --static. The objects are those of the release build, whose folder is borrowed and given back as a shared build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
give_back() { rm -rf "$work"; cmake --preset release -DBUILD_SHARED_LIBS=ON >/dev/null; }
trap give_back EXIT

cmake --preset release -DBUILD_SHARED_LIBS=OFF >/dev/null
cmake --build --preset release -j "$(nproc)" -- --quiet
cmake --install build/release --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name libsegpref.a)")
[[ -z $(find "$work/prefix" -name 'libsegpref.so*') ]] || { echo "a static install brought a shared library" >&2; exit 1; }

cmake -S tests/consumer -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/consumer" >/dev/null
"$work/consumer/consumer"
if ldd "$work/consumer/consumer" | grep -q libsegpref; then echo "the consumer uses a shared segpref" >&2; exit 1; fi

export PKG_CONFIG_PATH="$libdir/pkgconfig"
# shellcheck disable=SC2046
g++ -std=c++20 tests/consumer/main.cpp -o "$work/by_pkg_config" $(pkg-config --cflags --libs --static segpref)
"$work/by_pkg_config"
"$work/prefix/bin/segpref" info >/dev/null
echo "static package: installed, found by find_package and pkg-config --static, $(stat -c %s "$libdir/libsegpref.a") bytes"
