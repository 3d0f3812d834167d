#!/bin/sh
# fuzz.sh - each target for a while, beginning with its corpus
#
# usage: fuzz.sh DIRECTORY [SECONDS]
#
# DIRECTORY is where clang built the targets (./bootstrap check builds them
# there; by hand: CC=clang ../configure --enable-fuzz --enable-asan
# --enable-ubsan, then make fuzz).  As many run at once as there are processors.
# What breaks one stays there as crash-*: mend it, and keep it in the corpus.
set -u
directory=$(cd "$1" && pwd) seconds=${2:-60}
corpora=$(cd "$(dirname "$0")/corpus" && pwd)

# fuzz_one TARGET: its last words, and whether it held.
fuzz_one() {
    found=$directory/tests/fuzz/found-$1
    log=$directory/tests/fuzz/fuzz_$1.log
    mkdir -p "$found"
    if "$directory/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=20 \
        -max_len=4096 -rss_limit_mb=2048 \
        -artifact_prefix="$directory/tests/fuzz/crash-$1-" \
        "$found" "$corpora/$1" >"$log" 2>&1; then
        echo "PASS fuzz_$1: $(tail -n 1 "$log")"
    else
        tail -n 40 "$log"
        echo "FAIL fuzz_$1: see $log"
    fi
}

at_once=$(nproc 2>/dev/null || echo 1) running=0
{
    for corpus in "$corpora"/*; do
        fuzz_one "$(basename "$corpus")" &
        running=$((running + 1))
        if [ "$running" -ge "$at_once" ]; then
            wait
            running=0
        fi
    done
    wait
} | tee "$directory/tests/fuzz/told.log"
! grep -q ^FAIL "$directory/tests/fuzz/told.log"
