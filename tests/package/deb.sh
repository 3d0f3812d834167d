#!/bin/sh
# deb.sh - the Debian package's life: lint, install, start, upgrade, remove, purge
#
#   tests/package/deb.sh [DIRECTORY]    (as root; needs mmdebstrap and lintian)
#
# make deb builds it; a chroot made by mmdebstrap takes it in.  No service manager
# runs there: the daemon is started as the unit would, as its user.
# Exit status 77: skipped.
set -eu

builddir=${builddir:-$(cd "$(dirname "$0")/../../build" && pwd)}
work=${1:-$(mktemp -d)}
mkdir -p "$work"
root=$work/root

skip() {
    echo "skipped: $*"
    exit 77
}

[ "${HEAVY_TESTS:-1}" = 1 ] || skip "slow: HEAVY_TESTS=1 runs it"
[ "$(id -u)" = 0 ] || skip "only root can make chroots"
for tool in mmdebstrap lintian dpkg-shlibdeps curl; do
    command -v $tool >/dev/null || skip "there is no $tool"
done

daemon=
clean() {
    [ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$root"
}
trap clean EXIT

die() {
    echo "deb.sh: $*" >&2
    [ ! -f "$work/log" ] || tail -n 30 "$work/log" >&2
    exit 1
}

# CPPFLAGS and so on of a sanitizer build are none of the package's business.
env -u CFLAGS -u LDFLAGS make -s -C "$builddir" deb >"$work/log" 2>&1 ||
    die "make deb fails"
deb=$(ls -t "$builddir"/backpropd_*.deb | head -n 1)
lintian --allow-root --fail-on error,warning "$deb" || die "lintian objects"
hardening-check --quiet --nocfprotection "$builddir/deb/root/usr/bin/backpropd" ||
    die "the program is not hardened"

mmdebstrap --quiet --variant=minbase \
    --include=init-system-helpers,systemd-standalone-sysusers,systemd-standalone-tmpfiles,libmicrohttpd12,libjansson4,libsqlite3-0,zlib1g,libnettle8,libinih1 \
    bookworm "$root" || skip "no packages for a chroot"
mount -t proc proc "$root/proc"
inside() {
    chroot "$root" env DEBIAN_FRONTEND=noninteractive "$@"
}
port=$((20000 + $$ % 20000))

# As ExecStart, User and WorkingDirectory of the unit have it.
start() {
    uid=$(inside id -u backpropd) gid=$(inside id -g backpropd)
    chroot --userspec="$uid:$gid" "$root" sh -c "cd /var/lib/backpropd &&
        exec /usr/bin/backpropd --config /etc/backpropd/backpropd.conf \
        --listen 127.0.0.1:$port" >"$work/told" 2>>"$work/log" &
    daemon=$!
    for _ in $(seq 100); do
        ! curl -fsS "http://127.0.0.1:$port/readyz" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    die "it does not start"
}

stop() {
    kill -TERM "$daemon"
    wait "$daemon" || die "SIGTERM ends it with status $?"
    daemon=
}

install_deb() {
    cp "$1" "$root/new.deb"
    inside dpkg -i /new.deb >>"$work/log" 2>&1 || die "it does not install"
    rm "$root/new.deb"
}

install_deb "$deb"
inside sh -c 'test "$(stat -c %U:%a /var/lib/backpropd)" = backpropd:700' ||
    die "/var/lib/backpropd is not its user's alone"
start
curl -fsS -H 'Content-Type: application/json' \
    "http://127.0.0.1:$port/v1/networks" -d '{"name": "kept",
    "input_shape": [1], "loss": "mse", "layers": [{"type": "dense",
    "units": 1}]}' >/dev/null
stop

# A later version: the configuration that was changed and the data stay.
echo '# changed by the operator' >>"$root/etc/backpropd/backpropd.conf"
mkdir "$work/next"
dpkg-deb -R "$deb" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip --build "$work/next" "$work/next.deb" >/dev/null
install_deb "$work/next.deb"
rm -rf "$work/next" "$work/next.deb"
inside dpkg-query -W -f='${Version}\n' backpropd | grep -q '+next$' ||
    die "it was not upgraded"
grep -q 'by the operator' "$root/etc/backpropd/backpropd.conf" ||
    die "the upgrade took the operator's configuration"
start
curl -fsS "http://127.0.0.1:$port/v1/networks/kept" >/dev/null
stop

inside dpkg -r backpropd >>"$work/log" 2>&1 || die "it is not removed"
[ -f "$root/var/lib/backpropd/backprop.db" ] || die "removing took the data"
[ ! -e "$root/usr/bin/backpropd" ] || die "removing left the program"
inside dpkg -P backpropd >>"$work/log" 2>&1 || die "it is not purged"
left=$(find "$root/etc" "$root/var/lib" "$root/usr" "$root/lib/systemd" \
    -name '*backpropd*' ! -path '*/dpkg/*' | head)
[ -z "$left" ] || die "purging left: $left"
echo "ok - $(basename "$deb"): linted, installed, started, upgraded, removed"
