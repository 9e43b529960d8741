# Runs "$@" and ends it when standard input closes, which happens at the latest when the process that holds the
# other end dies, by whatever signal. Exits with the status of "$@". Plain POSIX sh: no signal handler of the
# parent and no code between fork and exec is needed.
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(
  trap '' TERM INT HUP
  # Nothing is ever written: read returns when the other end is gone.
  read -r _ <&3
  kill -TERM "$server" 2>/dev/null
  n=0
  while [ "$n" -lt 15 ] && kill -0 "$server" 2>/dev/null; do
    sleep 0.1
    n=$((n + 1))
  done
  kill -KILL "$server" 2>/dev/null
) &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill -KILL "$watcher" 2>/dev/null
exit "$status"
