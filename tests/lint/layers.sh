#!/bin/sh
# layers.sh - every include points downward, every library has one home
#
# A file of src/ includes headers of its own floor and of the floors listed
# beneath it, by their full path.  Files above the floors (main.c, config.c, command.c)
# may use them all.
set -eu
cd "${srcdir:-.}/src"

beneath() {
    case $1 in
    base) echo "" ;;
    nn | dataset | store | http | watch) echo "base" ;;
    codec) echo "base nn dataset store" ;;
    training | serving) echo "base nn dataset store codec" ;;
    api) echo "base nn dataset store http codec training serving" ;;
    *) return 1 ;;
    esac
}

# Where an outside header may be named; nothing for one that is free to all.
home_of() {
    case $1 in
    nettle/* | zlib.h) echo "base" ;;
    sqlite3.h) echo "store" ;;
    microhttpd.h) echo "http" ;;
    jansson.h) echo "codec api" ;;
    ini.h) echo "config.c" ;;
    esac
}

among() { # word "list"
    case " $2 " in *" $1 "*) return 0 ;; esac
    return 1
}

# "file line kind target" of every include, kind being its opening quote.
includes() {
    find . -name '*.[ch]' -exec \
        grep -n '^[[:blank:]]*#[[:blank:]]*include' /dev/null '{}' + |
        sed -n 's|^\./\([^:]*\):\([0-9]*\):[^"<]*\(["<]\)\([^">]*\).*|\1 \2 \3 \4|p'
}

check_own() { # where, floor or file, included path
    case $3 in
    */*) ;;
    *)
        among "$2" "main.c config.c config.h command.c command.h" ||
            echo "$1: \"$3\" lacks its floor's name"
        return 0
        ;;
    esac
    among "$2" "main.c config.c config.h command.c command.h" && return 0
    lower=$(beneath "$2") || {
        echo "$1: $2/ is no floor that this script knows"
        return 0
    }
    among "${3%%/*}" "$2 $lower" || echo "$1: ${3%%/*}/ is not beneath $2/"
}

check_outside() { # where, floor or file, included path
    home=$(home_of "$3")
    [ -z "$home" ] || among "$2" "$home" ||
        echo "$1: <$3> may be included in $home only"
}

found=$(includes | while read -r file line kind target; do
    case $kind in
    '"') check_own "$file:$line" "${file%%/*}" "$target" ;;
    *) check_outside "$file:$line" "${file%%/*}" "$target" ;;
    esac
done)

if [ -n "$found" ]; then
    echo "$found"
    exit 1
fi
n=$(includes | wc -l)
[ "$n" -gt 0 ] || { echo "no include found: is srcdir right?"; exit 1; }
echo "ok - $((n)) includes point downward"
