#!/bin/sh
# Runs two programs until either ends, then ends the other: together.sh bin/worker bin/api
# A signal reaches both by themselves: they are in one process group with this.
set -u

stopping=
trap 'stopping=1' INT TERM HUP

"$1" &
first=$!
"$2" &
second=$!

while [ -z "$stopping" ] && kill -0 "$first" 2>/dev/null && kill -0 "$second" 2>/dev/null; do
    sleep 0.2
done

# A second signal would end them at once.
[ -n "$stopping" ] || kill "$first" "$second" 2>/dev/null

# From here on a signal is theirs alone: it would end a wait before them, and not every shell tells a status twice.
trap '' INT TERM HUP

status=0
for program in "$first" "$second"; do
    wait "$program" || status=$?
done
exit "$status"
