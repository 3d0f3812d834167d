# embed.awk - turn the numbered migrations into C string literals, one a file
FNR == 1 { if (NR > 1) print "    ,"; print "    /* " FILENAME " */" }
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); print "    \"" $0 "\\n\"" }
