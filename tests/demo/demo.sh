#!/bin/sh
# demo.sh - the main job from end to end, through the API alone
#
#   tests/demo/demo.sh [--once] [--epochs N] [--listen ADDRESS:PORT]
#
# Starts the daemon, uploads Fashion-MNIST (70000 real photographs of clothes),
# trains a network, tests it, predicts five pictures and keeps serving until
# Ctrl-C.  With --once it ends after the prediction; the exit status then says
# whether at least 86 of 100 unseen pictures were recognised.
# shellcheck disable=SC2016,SC2317 # jq's $names; ending() is called by a trap
set -eu

once=false epochs=5 listen=127.0.0.1:0 wanted=0.86
while [ $# -gt 0 ]; do
    case $1 in
    --once) once=true ;;
    --epochs) epochs=${2:?--epochs needs a number} && shift ;;
    --listen) listen=${2:?--listen needs ADDRESS:PORT} && shift ;;
    *) sed -n "4,9s/^# \{0,1\}//p" "$0" && exit 2 ;;
    esac
    shift
done

top=$(cd "$(dirname "$0")/../.." && pwd)
daemon=${BACKPROPD:-$top/build/backpropd}
data=${FASHION_MNIST:-/usr/share/datasets/fashion-mnist}
dir=$(mktemp -d "${TMPDIR:-/tmp}/backpropd-demo.XXXXXX")
pid='' url='' bold='' green='' plain='' live=false block='#' blank='.'
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    live=true
    bold=$(printf '\033[1m') green=$(printf '\033[32m') plain=$(printf '\033[0m')
    [ "$(locale charmap 2>/dev/null)" != UTF-8 ] || block='█' blank='░'
fi

# --- saying ------------------------------------------------------------------

step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '  %s\n' "$*"; }

die() {
    printf '\ndemo: %s\n' "$*" >&2
    [ ! -s "$dir/log" ] || tail -n 5 "$dir/log" >&2
    exit 1
}

# --- the daemon, and its end -------------------------------------------------

# Tell the daemon to stop, and wait: its exit status is ours.
stop() {
    [ -n "$pid" ] || return 0
    stopping=$pid pid=""
    kill -TERM "$stopping" 2>/dev/null || :
    wait "$stopping"
}

ending() {
    status=$?
    trap - EXIT INT TERM HUP
    stop || { echo "demo: the daemon ended with status $?" >&2 && status=1; }
    if $once && [ "$status" -eq 0 ]; then
        rm -rf "$dir"
    else
        printf '\nDatabase and log are still in %s\n' "$dir"
    fi
    exit "$status"
}
trap ending EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start() {
    [ -x "$daemon" ] || die "there is no $daemon: run ./bootstrap first"
    [ -r "$data/train-images-idx3-ubyte.gz" ] ||
        die "there is no Fashion-MNIST in $data: run ./bootstrap demo"
    "$daemon" --listen "$listen" --database "$dir/demo.db" --training-nice 0 \
        >"$dir/out" 2>"$dir/log" &
    pid=$!
    tries=0
    until url=$(sed -n 's/^backpropd: listening on //p' "$dir/out") &&
        [ -n "$url" ]; do
        kill -0 "$pid" 2>/dev/null || { pid="" && die "the daemon did not start"; }
        tries=$((tries + 1))
        [ $tries -lt 300 ] || die "the daemon does not say where it listens"
        sleep 0.1
    done
}

# api METHOD PATH [curl's arguments]: the answer goes to $dir/answer; one that
# is an error ends the demo with what the daemon said about it.
api() {
    method=$1 path=$2
    shift 2
    curl -sS --fail-with-body -o "$dir/answer" -X "$method" "$@" "$url$path" ||
        die "$method $path: $(cat "$dir/answer")"
}

post() { api POST "$1" -H 'Content-Type: application/json' -d "$2"; }

# of FILTER: something out of the last answer.
of() { jq -r "$1" "$dir/answer"; }

# --- the steps ---------------------------------------------------------------

upload() {
    api PUT "/v1/datasets/$1?task=classification" \
        -F "inputs=@$data/$2-images-idx3-ubyte.gz" \
        -F "targets=@$data/$2-labels-idx1-ubyte.gz"
    note "$1: $(of '"\(.rows) pictures of \(.input_shape[-1])x\(.input_shape[-2]) pixels, \(.classes | length) classes"')"
}

# bar PERCENT: sixteen cells of it, so that the line fits a terminal.
bar() {
    awk -v full=$(($1 * 16 / 100)) -v a="$block" -v b="$blank" \
        'BEGIN { while (i++ < 16) printf "%s", i <= full ? a : b }'
}

# Follow the job: on a terminal one line that moves, else a line an epoch.
follow() {
    shown=none state=queued
    until [ "$state" = succeeded ]; do
        api GET "/v1/jobs/$1"
        of 'def n(k): if . == null then "-" else . * k | round / k end;
            .status, .progress.epoch, ((.progress.fraction // 0) * 100 | floor),
            "epoch \(.progress.epoch)/\(.progress.epochs)" +
            "  loss \(.metrics.loss | n(1000))" +
            "  accuracy \(.metrics.accuracy | n(1000))" + (.progress |
                if (.samples_per_second and .eta_seconds | not) then "" else
                "  \(.samples_per_second / 1000 | round)k/s" +
                "  \(.eta_seconds | ceil) s left" end)' >"$dir/line"
        { read -r state && read -r epoch && read -r percent && read -r line; } \
            <"$dir/line"
        if $live; then
            # Without wrapping: what is too long for the window is cut.
            printf '\r\033[K\033[?7l  %s%s%s %3d %%  %s\033[?7h' "$green" \
                "$(bar "$percent")" "$plain" "$percent" "$line"
        elif [ "$epoch" != "$shown" ]; then
            note "$percent %  $line"
        fi
        shown=$epoch
        case $state in failed | cancelled) die "the job $state: $(of .error)" ;; esac
        sleep 0.25
    done
    ! $live || echo
}

names='["T-shirt","Trouser","Pullover","Dress","Coat","Sandal","Shirt","Sneaker","Bag","Ankle boot"]'

# The first five pictures of the test set, a line of 784 numbers each.  Reading
# stops early on purpose, so gzip's complaint about the closed pipe is no news.
pictures() {
    zcat "$data/t10k-images-idx3-ubyte.gz" 2>/dev/null | tail -c +17 |
        head -c 3920 | od -An -v -tu1 -w784
}

labels() {
    zcat "$data/t10k-labels-idx1-ubyte.gz" 2>/dev/null | tail -c +9 |
        head -c 5 | od -An -tu1 | tr -s ' ' ',' | sed 's/^,//'
}

draw() {
    pictures | awk '
        { for (i = 1; i <= 784; i++) p[NR, i - 1] = $i }
        END {
            for (r = 0; r < 9; r++) {
                line = " "
                for (k = 1; k <= 5; k++) {
                    line = line " "
                    for (c = 0; c < 14; c++) {
                        i = int(r * 28 / 9) * 28 + 2 * c
                        grey = p[k, i] + p[k, i + 1] + p[k, i + 28]
                        grey += p[k, i + 29] + p[k, i + 56] + p[k, i + 57]
                        line = line substr(" .:-=+*#%@", 1 + int(grey / 153.6), 1)
                    }
                }
                print line
            }
        }'
}

# row TITLE FILTER: a word under each picture.
row() {
    jq -r --argjson names "$names" --argjson truth "[$(labels)]" "$2" \
        "$dir/answer" | awk -v title="$1" '
        { line = line sprintf(" %-14s", substr($0, 1, 14)) }
        END { print " " line " " title }'
}

step "Starting the daemon"
start
note "$url, database and log in $dir"

step "Uploading Fashion-MNIST"
upload fashion-train train
upload fashion-test t10k

step "Creating a network"
post /v1/networks '{"name": "fashion", "input_shape": [784],
    "layers": [{"type": "dense", "units": 128, "activation": "relu"},
               {"type": "dense", "units": 10, "activation": "softmax"}],
    "loss": "cross_entropy", "seed": 1}'
note "784 pixels -> 128 relu -> 10 softmax: $(of .parameters) parameters"

step "Training for $epochs epochs"
post /v1/jobs '{"network": "fashion", "dataset": "fashion-train",
    "epochs": '"$epochs"', "batch_size": 64, "scale_inputs": "min_max", "seed": 1,
    "optimizer": {"type": "adam", "learning_rate": 0.001}}'
job=$(of .id)
follow "$job"
api GET "/v1/jobs/$job/history"
note "$(of '[.data[].seconds] | add | "\(. * 10 | round / 10) s in all"')"

step "Testing on pictures it has never seen"
post /v1/networks/fashion/evaluate '{"dataset": "fashion-test"}'
accuracy=$(of '.accuracy * 1000 | round / 1000')
note "${bold}accuracy $accuracy$plain on $(of .rows) pictures"
jq -e ".accuracy >= $wanted" "$dir/answer" >"$dir/enough" || :

step "Predicting five of them"
pictures | jq -Rsc '{inputs: (rtrimstr("\n") / "\n" |
    map([splits(" +") | select(. != "") | tonumber]))}' >"$dir/five.json"
post /v1/networks/fashion/predict "@$dir/five.json"
draw
row "it says" '.labels[] | $names[tonumber]'
row "surely" '.outputs[] | max * 100 | floor | "\(.) %"'
row "it is" '$truth[] | $names[.]'

if $once; then
    pid_was=$pid
    stop || die "the daemon ($pid_was) ended with status $?"
    [ "$(cat "$dir/enough")" = true ] ||
        die "accuracy $accuracy is below $wanted"
    step "Done."
    exit 0
fi

step "It keeps serving until Ctrl-C.  Try, in another terminal:"
cat <<END
  # the five pictures again: outputs and labels
  curl -s -H 'Content-Type: application/json' -d @$dir/five.json $url/v1/networks/fashion/predict | jq -c .labels
  # how training went, epoch by epoch
  curl -s $url/v1/jobs/$job/history | jq -c '.data[] | {epoch, loss, accuracy}'
  # five epochs more, from where it stands
  curl -s -H 'Content-Type: application/json' -d '{"network": "fashion", "dataset": "fashion-train", "epochs": 5, "batch_size": 64, "scale_inputs": "min_max"}' $url/v1/jobs | jq '{id, status}'
  # what has been learnt: 101770 numbers
  curl -s $url/v1/networks/fashion/versions/1/weights | jq '.layers[1].bias'
END
trap 'echo && exit 0' INT TERM
wait "$pid" || { status=$? && pid="" && die "the daemon ended with status $status"; }
pid=""
die "the daemon ended by itself"
