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
command -v npm >/dev/null || skip "no npm (Debian: nodejs npm)"
export CHROMIUM

# The source directory may be read-only: npm gets one of its own.
mkdir -p "$work"
cp "$here"/*.mjs "$here"/package.json "$here"/package-lock.json "$work"
cd "$work"
if ! cmp -s package-lock.json node_modules/.ours; then
    npm ci --silent --no-audit --no-fund ||
        skip "npm cannot fetch what package-lock.json names"
    cp package-lock.json node_modules/.ours
fi
case $("$BACKPROPD" --version) in
*fsanitize=thread*) slow=15 ;;
*fsanitize*) slow=6 ;;
*) slow=1 ;;
esac
BP_SLOW=${BP_SLOW:-$slow} exec node story.mjs "$BACKPROPD" "$work/pictures"
