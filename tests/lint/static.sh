#!/bin/sh
# static.sh - what gcc -fanalyzer, clang-tidy and cppcheck say about src/
#
# usage: static.sh BUILD_DIRECTORY, from anywhere; `make lint` runs it.  All
# three must be silent.  A tool that is not installed is told and left out.
# .clang-tidy says which of its checks are off and why; here are the others'.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$1"
jobs=$(nproc 2>/dev/null || echo 2)
flags="-DHAVE_CONFIG_H -D_REENTRANT -include ./build.h -I. -I$top
    -I$top/src -I./src -std=gnu11"
# The kernels of an instruction set are compiled for it.
set_flags="-DNN_HAVE_X86 -DNN_SET=avx2 -DNN_SET_AVX2 -mavx2 -mfma"
failed=0

sources() {
    find "$top/src" -name '*.c' ! -path '*/nn/kernel/set.c' | sort
}

# judge TOOL FILE: what it printed is its verdict.
judge() {
    if [ -s "$2" ]; then
        cat "$2"
        failed=1
    fi
    echo "$1: $([ -s "$2" ] && echo 'see above' || echo clean)," \
        "$(($(date +%s) - began)) s"
    began=$(date +%s)
}

out=$(mktemp)
trap 'rm -f "$out"' EXIT
began=$(date +%s)

# Null checks are off: that no result is NULL where a function returned ERR_OK
# is beyond what it can see, and half of this program.
# Of a vector it takes the number of lanes for that of bits to shift.
# shellcheck disable=SC2086 # lists of words
sources | xargs -P "$jobs" -I{} ${CC:-gcc} $flags -O1 -fanalyzer \
    -Wno-analyzer-null-dereference -Wno-analyzer-null-argument \
    -Wno-analyzer-shift-count-overflow \
    -c -o /dev/null {} >"$out" 2>&1 || :
judge 'gcc -fanalyzer' "$out"

if command -v clang-tidy >/dev/null; then
    # shellcheck disable=SC2086
    {
        sources | xargs -P "$jobs" -I{} clang-tidy --quiet {} -- $flags || :
        clang-tidy --quiet "$top/src/nn/kernel/set.c" -- $flags $set_flags || :
    } >"$out" 2>/dev/null
    judge clang-tidy "$out"
else
    echo 'clang-tidy: not installed'
fi

# arrayIndexThenCheck  takes "nothing yet, or less than" for a late check
# invalidPointerCast   a member's bytes, found by its offset in a table
# bufferAccessOutOfBounds, uninitvar in kernels: it knows no vector types
if command -v cppcheck >/dev/null; then
    cppcheck -j "$jobs" --quiet --std=c11 \
        --enable=warning,portability,performance --inline-suppr \
        --suppress=missingIncludeSystem --suppress=arrayIndexThenCheck \
        --suppress=invalidPointerCast \
        --suppress='bufferAccessOutOfBounds:*/nn/kernel/*' \
        --suppress='uninitvar:*/nn/kernel/*' \
        --include="$(pkg-config --variable=includedir jansson)/jansson.h" \
        -DHAVE_CONFIG_H --include=build.h -I. -I"$top/src" -I./src \
        "$top/src" >"$out" 2>&1 || :
    judge cppcheck "$out"
else
    echo 'cppcheck: not installed'
fi
exit $failed
