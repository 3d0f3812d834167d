#!/bin/sh
# run.sh - the newcomer's story in a real browser (only where HEAVY_TESTS=1)
#
# make check calls it with BACKPROPD, srcdir and builddir set; by hand:
#   HEAVY_TESTS=1 BACKPROPD=$PWD/build/backpropd tests/browser/run.sh
# Pictures of every page are left in $builddir/browser/pictures.
# Exit status 77 says "skipped" to make.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${builddir:-$here/../../build}/browser

skip() {
    echo "skipped: $*"
    exit 77
}

[ "${HEAVY_TESTS:-0}" = 1 ] || skip "slow: HEAVY_TESTS=1 runs it"
[ -x "${CHROMIUM:=/usr/bin/chromium}" ] || skip "no chromium (Debian: chromium)"
export CHROMIUM

"$here"/install.sh "$work" || skip "no tools"
cp "$here"/*.mjs "$work"
cd "$work"
case $("$BACKPROPD" --version) in
*fsanitize=thread*) slow=15 ;;
*fsanitize*) slow=6 ;;
*) slow=1 ;;
esac
PATH=$PWD/bin:$PATH
export PATH
BP_SLOW=${BP_SLOW:-$slow} exec node story.mjs "$BACKPROPD" "$work/pictures"
