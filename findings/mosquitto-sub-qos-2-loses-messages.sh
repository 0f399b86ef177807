#!/usr/bin/env bash
# mosquitto_sub 2.0.11 (Debian 12, 2.0.11-1.2+deb12u2): a durable subscription at QoS 2, "exactly once", loses messages that it
# does not lose at QoS 1.
#
# With -c the broker keeps what a subscriber has not had, and -C 1 is for scripts that want one message. The broker sends up
# to twenty at once when the subscriber connects. At QoS 1 those after the first are sent again to the next run, and perhaps
# the first, too. At QoS 2 the subscriber confirms each as soon as it comes (PUBREC), and would have to keep it on its own side
# until the broker releases it (PUBREL). It keeps it in memory. So it prints one and exits, and the next run answers the
# releases of the others (PUBCOMP), though it has never seen them. They are gone, both exit as usual, and nothing is
# reported. The manual says that a client that reconnects receives all of the queued messages.
#
# Seen, 10 messages for each of four subscribers, one taken with -C 1, then the rest without (how many are lost varies):
#       QoS 1: 1, then 1 2 3 4 5 6 7 8 9 10
#       QoS 2: 1, then nothing
#       QoS 2: 1, then 8 9 10
#       QoS 2: 1, then nothing
#
# Needs Debian 12, its archive, and python3. Ends with 1 if that is no longer so.
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

version=2.0.11-1.2+deb12u2
apt-get -qq -o APT::Sandbox::User=root download "mosquitto=$version" "mosquitto-clients=$version" "libmosquitto1=$version" \
    libcap2 libcjson1 libcom-err2 libdlt2 libgcrypt20 libgpg-error0 libgssapi-krb5-2 libk5crypto3 libkeyutils1 libkrb5-3 \
    libkrb5support0 liblz4-1 liblzma5 libnsl2 libssl3 libsystemd0 libtirpc3 libwrap0 libzstd1
for package in *.deb; do
    dpkg -x "$package" root
done
export LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu

port=$(python3 -c '
import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\nuser root\n' "$port" >conf
root/usr/sbin/mosquitto -c conf >log 2>&1 &
broker=$!
for _ in $(seq 100); do
    root/usr/bin/mosquitto_pub -p "$port" -h 127.0.0.1 -t started -n 2>/dev/null && break
    sleep 0.1
done

# One line with what the subscriber with this number gets until it has what it wants, or for so many seconds. The first has
# QoS 1, the others QoS 2.
subscriber() {
    local number=$1 seconds=$2
    shift 2
    root/usr/bin/mosquitto_sub -p "$port" -h 127.0.0.1 -t room -q $((number == 1 ? 1 : 2)) -c -i "subscriber$number" \
        -W "$seconds" "$@" 2>/dev/null | paste -sd ' '
}

for number in 1 2 3 4; do
    subscriber "$number" 1 >/dev/null || true
done
seq 10 | root/usr/bin/mosquitto_pub -p "$port" -h 127.0.0.1 -t room -q 2 -l

all=$(seq 10 | paste -sd ' ')
lost=0
right=yes
for number in 1 2 3 4; do
    first=$(subscriber "$number" 10 -C 1 || true)
    rest=$(subscriber "$number" 3 || true)
    echo "QoS $((number == 1 ? 1 : 2)): $first, then ${rest:-nothing}"
    [ "$first" = 1 ] || right=no
    if [ "1 ${rest#1 }" != "$all" ]; then
        lost=$((lost + 1))
        [ "$number" != 1 ] || right=no
    fi
done
[ "$right" = yes ] && [ "$lost" -gt 0 ]
