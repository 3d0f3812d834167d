# embed.awk - turn the dashboard's files into rows { name, text } of C; a file
# is one literal, a line of it a line here.
FNR == 1 {
    if (NR > 1) print "    },"
    name = FILENAME
    sub(/.*\//, "", name)
    print "    { \"" name "\","
}
{ gsub(/\\/, "\\\\&"); gsub(/"/, "\\\""); gsub(/\?/, "\\?"); print "      \"" $0 "\\n\"" }
END { print "    }," }
