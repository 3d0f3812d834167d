#!/bin/sh
# install.sh DIRECTORY - what package-lock.json names, from npm, into DIRECTORY
#
# Exit status 77: npm is not there, or cannot fetch it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1

command -v npm >/dev/null || { echo "no npm (Debian: nodejs npm)"; exit 77; }
# The source directory may be read-only: npm gets one of its own, and two tests
# may want it at once.
mkdir -p "$work"
exec 9>"$work/.lock"
flock 9
cp "$here"/package.json "$here"/package-lock.json "$work"
cd "$work"
cmp -s package-lock.json node_modules/.ours && exit 0
npm ci --silent --no-audit --no-fund 9>&- ||
    { echo "npm cannot fetch what package-lock.json names"; exit 77; }
cp package-lock.json node_modules/.ours
