#!/usr/bin/env bash
# Installs the release build into a temporary folder, builds and runs a small project in C++ and one in C against it through find_package and
# through pkg-config, looks at the exported symbols, and builds the Debian package.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" -- --quiet
cmake --install build/release --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name libsegpref.so)")

cmake -S tests/consumer -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/consumer" >/dev/null
"$work/consumer/consumer"
"$work/consumer/consumer_c"
export PKG_CONFIG_PATH="$libdir/pkgconfig"
# shellcheck disable=SC2046
g++ -std=c++20 tests/consumer/main.cpp -o "$work/by_pkg_config" $(pkg-config --cflags --libs segpref)
LD_LIBRARY_PATH="$libdir" "$work/by_pkg_config"
# shellcheck disable=SC2046
gcc -std=c11 -Wall -Wextra -Werror tests/consumer/main.c -o "$work/by_pkg_config_c" $(pkg-config --cflags --libs segpref) -lm
LD_LIBRARY_PATH="$libdir" "$work/by_pkg_config_c"
"$work/prefix/bin/segpref" info >/dev/null
readelf -d "$libdir/libsegpref.so" | grep -q 'SONAME.*libsegpref.so.0' || { echo "no SONAME" >&2; exit 1; }
# Built with CUDA or not, the library needs neither driver nor toolkit where it runs.
if readelf -d "$libdir/libsegpref.so" | grep -E 'NEEDED.*(libcuda|libcudart|libnv)'; then echo "the library needs CUDA to be loaded" >&2; exit 1; fi

# The C names are exactly those of the committed list: one that disappears breaks programs, one that appears has to be meant.
nm -D --defined-only "$libdir/libsegpref.so" | sed 's/^[0-9a-f]* . //' | grep '^segpref_' | LC_ALL=C sort >"$work/c_names"
if ! diff tests/abi/exported_symbols.txt "$work/c_names"; then echo "exported C names differ from tests/abi/exported_symbols.txt" >&2; exit 1; fi

# Beside them only namespace segpref's public names leave the library: nothing of its rooms, of the standard library or of dependencies.
nm -D --defined-only -C "$libdir/libsegpref.so" | sed 's/^[0-9a-f]* . //' >"$work/symbols"
if grep -vE '^(segpref_|segpref::|(typeinfo|typeinfo name|vtable) for segpref::Error)' "$work/symbols"; then echo "symbols that are not segpref's" >&2; exit 1; fi
if grep -E 'segpref::(cpu|cuda|cuda_backend|device|reference|math|validation|app|c_abi)::' "$work/symbols"; then echo "internal symbols are exported" >&2; exit 1; fi
grep -q '^segpref::preference_loss' "$work/symbols" || { echo "preference_loss is not exported" >&2; exit 1; }

(cd "$work" && cpack --config "$root/build/release/CPackConfig.cmake" -B "$work/deb" >/dev/null)
dpkg-deb --contents "$work"/deb/*.deb >"$work/contents"
grep -q 'usr/lib/.*libsegpref.so.0.1.0' "$work/contents" || { echo "the package lacks the library" >&2; exit 1; }
dpkg-deb --field "$work"/deb/*.deb Depends >"$work/depends"
grep -q libzip "$work/depends" || { echo "the package names no dependencies" >&2; exit 1; }
echo "package: installed, found by find_package and pkg-config, $(wc -l <"$work/symbols") symbols ($(wc -l <"$work/c_names") of C), $(basename "$work"/deb/*.deb)"
