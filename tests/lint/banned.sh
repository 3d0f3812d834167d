#!/bin/sh
# banned.sh - functions that src/ does without, and why
#
#   strcpy strcat sprintf gets     write as far as the source goes
#   strtok rand srand localtime gmtime strerror setlocale
#                                  share hidden state between threads
#   atoi atol                      cannot say that the text was no number
#   alloca                         a stack has no way to refuse
#   system setjmp longjmp          leave the paths that release what we hold
#   malloc(a * b), realloc(p, a * b)   may overflow: mem_array() checks
#   exit, outside main.c           ends a server that others are using
#
# Comments and string literals do not count.
set -eu
cd "${srcdir:-.}/src"

found=$(find . -name '*.[ch]' | sort | while read -r file; do
    awk -v file="${file#./}" '
    function word(names) {
        return code ~ ("(^|[^A-Za-z0-9_])(" names ")[ \t]*[(]")
    }
    function complain(what) {
        print file ":" FNR ": " what ": " $0
    }
    {
        code = $0
        if (inside) {
            if (!sub(/^.*\*\//, "", code))
                next
            inside = 0
        }
        gsub(/\\./, "", code)
        gsub(/"[^"]*"/, "\"\"", code)
        while (match(code, /\/\*/)) {
            head = substr(code, 1, RSTART - 1)
            tail = substr(code, RSTART + 2)
            if (match(tail, /\*\//)) {
                code = head " " substr(tail, RSTART + 2)
            } else {
                code = head
                inside = 1
            }
        }
        if (word("strcpy|strcat|sprintf|gets|strtok|atoi|atol|rand|srand"))
            complain("banned")
        if (word("localtime|gmtime|strerror|setlocale|system|alloca"))
            complain("banned")
        if (word("setjmp|longjmp"))
            complain("banned")
        if (file != "main.c" && word("exit|_exit|_Exit|quick_exit"))
            complain("only main.c may end the process")

        # What is left of a product once sizeof(*p) is out of the way.
        gsub(/sizeof[ \t]*\([^()]*\)/, "SIZE", code)
        if (code ~ /(^|[^A-Za-z0-9_])(malloc|realloc)[ \t]*\(.*[A-Za-z0-9_)\]][ \t]*\*[ \t]*[A-Za-z0-9_(]/)
            complain("use mem_array()")
    }' "$file"
done)

if [ -n "$found" ]; then
    echo "$found"
    exit 1
fi
n=$(find . -name '*.[ch]' | wc -l)
[ "$n" -gt 0 ] || { echo "no source found: is srcdir right?"; exit 1; }
echo "ok - $((n)) files without banned functions"
