# queries.awk - turn "-- name: X" statements into STMT(X, scan_ok, "text") lines
function flush() {
    if (name != "") printf "STMT(%s, %d,\n%s)\n", name, scan, text
}
/^-- name: / { flush(); name = $3; scan = 0; text = ""; next }
/^-- scan ok: / { scan = 1; next }
/^--/ || /^$/ { next }
name != "" {
    gsub(/\\/, "\\\\"); gsub(/"/, "\\\"")
    text = text (text == "" ? "" : "\n") "    \"" $0 "\\n\""
}
END { flush() }
