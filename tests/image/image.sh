#!/bin/sh
# image.sh - build the shipped Dockerfile and live with what comes out
#
#   tests/image/image.sh [DIRECTORY]    (as root; needs mmdebstrap and buildah)
#
# No container engine is needed: buildah builds in a chroot, on a base image that
# mmdebstrap makes.  Then the image's root runs, read-only, as its own user, with
# one volume: it refuses to start without a key, makes one, trains, is stopped by
# SIGTERM in the middle of a job, starts again on the same volume and goes on.
# Exit status 77: skipped.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)

skip() {
    echo "skipped: $*"
    exit 77
}

[ "${HEAVY_TESTS:-1}" = 1 ] || skip "slow: HEAVY_TESTS=1 runs it"
[ "$(id -u)" = 0 ] || skip "only root can make chroots"
mountpoint -q / || skip "buildah wants a root that is a mount, not a chroot's"
for tool in mmdebstrap buildah curl jq unshare; do
    command -v $tool >/dev/null || skip "there is no $tool"
done

# Nothing is left on the machine, whatever was there before.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah() {
    command buildah --root "$work/images" --runroot "$work/run" \
        --storage-driver vfs "$@"
}

daemon=
c=
clean() {
    [ -z "$daemon" ] || kill -KILL "$(cat "$work/pid")" 2>/dev/null || true
    [ -z "$c" ] || buildah rm "$c" >/dev/null || true
    rm -rf "$work/images" "$work/run" "$work/root" "$work/source"
}
trap clean EXIT

die() {
    echo "image.sh: $*" >&2
    [ ! -f "$work/log" ] || tail -n 40 "$work/log" >&2
    exit 1
}

# --- building ----------------------------------------------------------------

base() {
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    [ "$suite" = bookworm ] || skip "the image stands on bookworm, not $suite"
    [ -f "$work/slim.tar" ] || mmdebstrap --quiet --variant=minbase bookworm \
        "$work/slim.tar" || skip "no packages for a base image"
    c=$(buildah from scratch)
    buildah add -q "$c" "$work/slim.tar" / >/dev/null
    buildah config --cmd /bin/bash "$c"
    buildah commit -q "$c" docker.io/library/debian:bookworm-slim >/dev/null
    buildah rm "$c" >/dev/null
    c=
}

# What is in the repository, and none of what was built beside it.
source_tree() {
    rm -rf "$work/source" && mkdir "$work/source"
    if git -C "$top" rev-parse 2>/dev/null; then
        git -C "$top" ls-files -z --cached --others --exclude-standard |
            tar -C "$top" --null --ignore-failed-read -T - -cf - |
            tar -C "$work/source" -xf -
    else
        cp -a "$top/." "$work/source"
    fi
}

base
source_tree
buildah bud -q --format docker --pull-never -f "$work/source/docker/Dockerfile" \
    -t backpropd "$work/source" >"$work/log" 2>&1 || die "the image is not built"

# --- what it says about itself ------------------------------------------------

config=$(buildah inspect --type image backpropd | jq .Docker.config)
said() {
    echo "$config" | jq -e "$1" >/dev/null || die "the image's $1 is not true"
}
said '.User == "65532:65532"'
said '.StopSignal == "SIGTERM"'
said '.Healthcheck.Test == ["CMD", "/usr/bin/backpropd", "health"]'
said '.Volumes == {"/data": {}}'
said '.ExposedPorts == {"8080/tcp": {}}'
said '.Entrypoint == ["/usr/bin/backpropd"]'
said '[.Env[] | select(test("NO_AUTH"))] == []'
said '.Labels["org.opencontainers.image.licenses"] == "MIT"'

c=$(buildah from --pull-never backpropd)
mounted=$(buildah mount "$c")
cp -a "$mounted" "$work/root"
buildah rm "$c" >/dev/null
c=
size=$(du -sk "$work/root" | cut -f1)
echo "the image has $size KiB in $(find "$work/root" -type f | wc -l) files"
[ "$size" -lt 40960 ] || die "that is more than 40 MiB"
[ ! -e "$work/root/bin/sh" ] || die "there is a shell in it"

# --- living with it -------------------------------------------------------------

# As an engine does it: this root, read-only but for the volume, this user.
volume=$work/volume
rm -rf "$volume" && cp -a "$work/root/data" "$volume"
[ "$(stat -c %u:%g "$volume")" = 65532:65532 ] || die "/data is not its own"

inside() {
    unshare --mount sh -euc '
        mount --bind "$1" "$1"
        mount -o remount,bind,ro "$1"
        mount --bind "$2" "$1/data"
        root=$1
        echo $$ >"$3"
        shift 3
        exec /usr/bin/env -i BACKPROPD_DATABASE=/data/backprop.db "$@" \
            /usr/sbin/chroot --userspec=65532:65532 "$root" /usr/bin/backpropd '"$arguments"'
    ' sh "$work/root" "$volume" "$work/${pid:-asked}" "$@"
}

port=$((20000 + $$ % 20000))
url=http://127.0.0.1:$port
listen=BACKPROPD_LISTEN=0.0.0.0:$port

arguments=
if inside "$listen" 2>"$work/refused"; then
    die "it starts without a key"
fi
grep -q 'backpropd key create' "$work/refused" || die "it does not say why"

arguments='key create --name test --scope admin'
key=$(inside 2>/dev/null)

start() {
    arguments=
    pid=pid inside "$listen" >"$work/told" 2>>"$work/log" &
    daemon=$!
    arguments=health
    for _ in $(seq 100); do
        ! inside "$listen" 2>/dev/null || return 0
        sleep 0.1
    done
    die "it does not become healthy"
}

ask() {
    curl -fsS -H "Authorization: Bearer $key" \
        -H 'Content-Type: application/json' "$@"
}

start
[ "$(curl -so /dev/null -w '%{http_code}' $url/v1/jobs)" = 401 ] ||
    die "it asks for no key"
seq 0 0.01 1 | awk 'BEGIN { print "x,y" } { print $1 "," 2 * $1 - 1 }' |
    curl -fsS -H "Authorization: Bearer $key" -H 'Content-Type: text/csv' \
        -T - $url/v1/datasets/line >/dev/null
ask $url/v1/networks -d '{"name": "n", "input_shape": [1], "loss": "mse",
    "layers": [{"type": "dense", "units": 8, "activation": "tanh"},
               {"type": "dense", "units": 1}]}' >/dev/null
job=$(ask $url/v1/jobs -d '{"network": "n", "dataset": "line",
    "epochs": 60000, "batch_size": 8}' | jq .id)
for _ in $(seq 100); do
    epoch=$(ask $url/v1/jobs/"$job" | jq .progress.epoch)
    [ "$epoch" -lt 100 ] || break
    sleep 0.1
done
[ "$epoch" -ge 100 ] || die "it does not train"

kill -TERM "$(cat "$work/pid")"
wait "$daemon" || die "SIGTERM ends it with status $?"
start
now=$(ask $url/v1/jobs/"$job")
[ "$(echo "$now" | jq .resumes)" = 1 ] || die "the job did not go on: $now"
for _ in $(seq 600); do
    status=$(ask $url/v1/jobs/"$job" | jq -r .status)
    [ "$status" != succeeded ] || break
    sleep 0.1
done
[ "$status" = succeeded ] || die "the job is $status"
y=$(ask $url/v1/networks/n/predict -d '{"inputs": [[0.75]]}' |
    jq '.outputs[0][0]')
awk "BEGIN { exit !($y > 0.45 && $y < 0.55) }" || die "it predicts $y, not 0.5"
kill -TERM "$(cat "$work/pid")"
wait "$daemon" || die "SIGTERM ends it with status $?"
daemon=
echo "ok - image of $size KiB: built, refused, trained, stopped, went on"
