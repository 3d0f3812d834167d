#!/bin/sh
# run.sh - the HTTP tests against the daemon that was just built
#
# make check calls it with BACKPROPD, srcdir and HEAVY_TESTS set; by hand:
#   BACKPROPD=build/backpropd tests/http/run.sh [pytest's arguments]
# Exit status 77 says "skipped" to make.
here=$(cd "$(dirname "$0")" && pwd)

# Debian's own: another python3 on PATH may lack pytest.
python=/usr/bin/python3
if ! "$python" -c 'import pytest' 2>/dev/null; then
    echo "skipped: $python has no pytest (Debian: python3-pytest)"
    exit 77
fi

# The daemons of the tests run in folders of their own.
case ${BACKPROPD:-} in
'' | /*) ;;
*) BACKPROPD=$PWD/$BACKPROPD && export BACKPROPD ;;
esac

# The source directory may be read-only: nothing is written to it.
PYTHONDONTWRITEBYTECODE=1
HYPOTHESIS_STORAGE_DIRECTORY=${TMPDIR:-/tmp}/hypothesis-$(id -u)
export PYTHONDONTWRITEBYTECODE HYPOTHESIS_STORAGE_DIRECTORY
exec "$python" -m pytest -q -p no:cacheprovider -rs "$@" "$here"
