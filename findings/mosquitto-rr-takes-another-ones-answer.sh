#!/usr/bin/env bash
# mosquitto_rr 2.0.11 (Debian 12, 2.0.11-1.2+deb12u2): it takes the answer to another one's request for its own, although the
# correlation data that it has sent is not in it.
#
# mosquitto_rr publishes a request and waits for the answer. With MQTT 5 a request carries a response topic and correlation
# data, which the answer brings back, so that one can tell which request it is for. The manual says that mosquitto_rr uses this
# feature, and has correlation data among its options. But it takes the first message on the response topic, whatever is in it.
# So two scripts that ask at the same time, with one response topic and each with its own correlation data, may get the same
# answer, and end with 0; likewise, a run gets the late answer to an earlier one that gave up. In a test with one request at a
# time it is right. Without the option no correlation data is sent at all. A change that compares it was proposed in 2023 and
# closed; by its source the version after 2.0 does not compare it either. A response topic for each run cures.
#
# Seen, Ann and Bob ask, Bob is answered first; correlation data of the answer, answer, exit code:
#       a response topic for each: Ann: "ann answer to Ann" 0, Bob: "bob answer to Bob" 0
#       one response topic: Ann: "bob answer to Bob" 0, Bob: "bob answer to Bob" 0
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
mqtt() {
    local program=root/usr/bin/mosquitto_$1
    shift
    "$program" -V 5 -h 127.0.0.1 -p "$port" -q 1 "$@"
}
until mqtt pub -t started -n 2>/dev/null; do sleep 0.1; done

# Takes two requests and answers them, Bob's first, each with its own correlation data on its response topic.
service() {
    mqtt sub -t requests -i service -c -x 600 -C 2 -W 60 -F '%R %D %p' | sort -r | while read -r topic correlation text; do
        mqtt pub -t "$topic" -D publish correlation-data "$correlation" -m "answer to $text"
    done
}
# Asks as $1, with correlation data $2 and the response topic $3, and keeps what it gets.
ask() {
    local code=0 answer
    answer=$(mqtt rr -t requests -e "$3" -D publish correlation-data "$2" -m "$1" -W 60 -F '%D %p' 2>said) || code=$?
    echo "$1: \"$answer\" $code" >"$2"
}
# Ann and Bob ask at the same time, with the response topics $2 and $3.
try() {
    service &
    local service=$!
    ask Ann ann "$2" &
    local ann=$!
    ask Bob bob "$3"
    wait "$ann" "$service"
    echo "$1: $(cat ann), $(cat bob)" | tee -a seen
}

# From now on the broker keeps requests for the service.
mqtt sub -t requests -i service -c -x 600 -E
try "a response topic for each" answers/ann answers/bob
try "one response topic" answers answers
[ "$(cat seen)" = 'a response topic for each: Ann: "ann answer to Ann" 0, Bob: "bob answer to Bob" 0
one response topic: Ann: "bob answer to Bob" 0, Bob: "bob answer to Bob" 0' ]
