#!/bin/sh
# run.sh - config/kubernetes and docker/compose.yaml by their schemas (only
# where HEAVY_TESTS=1: npm fetches the schemas)
#
# make check calls it with srcdir and builddir set; by hand:
#   HEAVY_TESTS=1 tests/manifests/run.sh
# Exit status 77 says "skipped" to make.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
work=${builddir:-$top/build}/manifests

skip() {
    echo "skipped: $*"
    exit 77
}

[ "${HEAVY_TESTS:-0}" = 1 ] || skip "slow: HEAVY_TESTS=1 runs it"
command -v npm >/dev/null || skip "no npm (Debian: nodejs npm)"

# The source directory may be read-only: npm gets one of its own.
mkdir -p "$work"
cp "$here"/check.mjs "$here"/package.json "$here"/package-lock.json "$work"
cd "$work"
if ! cmp -s package-lock.json node_modules/.ours; then
    npm ci --silent --no-audit --no-fund ||
        skip "npm cannot fetch what package-lock.json names"
    cp package-lock.json node_modules/.ours
fi
node check.mjs "$top/config" "$top/docker/compose.yaml"

# What would pass anything proves nothing: a wrong type, members of no schema.
rm -rf wrong
mkdir -p wrong/kubernetes
for file in "$top"/config/kubernetes/*.yaml; do
    sed -e 's/readOnlyRootFilesystem/readOnlyRootFileSystem/' \
        -e 's/replicas: 1/replicas: "1"/' -e 's/interval:/intervall:/' \
        "$file" >"wrong/kubernetes/${file##*/}"
done
sed 's/read_only:/readonly:/' "$top/docker/compose.yaml" >wrong/compose.yaml
if node check.mjs wrong wrong/compose.yaml >wrong/told; then
    echo "mistakes were not found"
    exit 1
fi
for word in 'replicas must be integer' readOnlyRootFileSystem intervall \
    '"readonly"'; do
    grep -q "$word" wrong/told || {
        echo "not found: $word"
        cat wrong/told
        exit 1
    }
done
