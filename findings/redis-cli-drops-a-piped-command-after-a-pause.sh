#!/usr/bin/env bash
# redis-cli 7.0.15 (Debian 12, 5:7.0.15-1~deb12u7): when the server has closed the connection, a command that comes through a
# pipe is dropped, the ones after it are carried out, and the exit code is 0.
#
# `program | redis-cli` sends each line as a command, over one connection. Servers close idle ones (`timeout` in redis.conf,
# proxies, a restart). The documentation says that redis-cli always attempts to reconnect transparently, so one expects that
# the next command goes to the new connection, or that redis-cli ends with an error, as it does for a command among its
# arguments. But it sends the command to the old connection, says on standard error that this one was closed, not which
# command is lost, and reconnects only for the command after that. So of a feed with pauses the first message after each is
# missing, or it is MULTI, and what was to be one transaction is carried out piece by piece. -e, "return exit error code when
# command execution fails", changes nothing. By its source valkey-cli 9 does the same.
#
# Seen, six messages, with a pause after every second one, and -e:
#       timeout 0: exit code 0, stored: 1 2 3 4 5 6, standard error: nothing
#       timeout 1: exit code 0, stored: 1 2 4 6, standard error: 2 times Error: Server closed the connection
#       timeout 1, MULTI after a pause: exit code 0, stored though EXEC failed: 1 2
#
# Needs Debian 12, its archive, and python3. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

version=5:7.0.15-1~deb12u7
apt-get -qq -o APT::Sandbox::User=root download "redis-server=$version" "redis-tools=$version" libatomic1 libcap2 libgcrypt20 \
    libgpg-error0 libjemalloc2 liblz4-1 liblzf1 liblzma5 libssl3 libsystemd0 libzstd1
for package in *.deb; do
    dpkg -x "$package" root
done
export LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu

port=$(python3 -c '
import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
root/usr/bin/redis-server --port "$port" --bind 127.0.0.1 --save '' >log &
server=$!
redis() { root/usr/bin/redis-cli -p "$port" "$@"; }
until redis ping >/dev/null 2>&1; do sleep 0.1; done

# Waits until the server has closed the connection of the other redis-cli; for two seconds if it is not to do so.
pause() {
    connections 2
    if [ "$1" = 0 ]; then sleep 2; else connections 1; fi
}
connections() {
    for _ in {1..100}; do
        [ "$(redis client list | grep -c cmd=)" = "$1" ] && return
        sleep 0.1
    done
    return 1
}
# Has redis-cli carry out what $2 writes, while the server closes connections that are idle for $1 seconds.
try() {
    redis config set timeout "$1" >told
    redis del room >told
    local code=0
    "$2" "$1" | redis -e >answers 2>said || code=$?
    echo "exit code $code, stored$3: $(redis lrange room 0 -1 | xargs)"
}
messages() {
    for number in {1..6}; do
        echo "RPUSH room $number"
        case $number in 2 | 4) pause "$1" ;; esac
    done
}
transaction() {
    echo PING
    pause "$1"
    printf '%s\n' MULTI 'RPUSH room 1' 'RPUSH room 2' EXEC
}

{
    echo "timeout 0: $(try 0 messages ""), standard error: $(grep . said || echo nothing)"
    echo "timeout 1: $(try 1 messages ""), standard error: $(sort said | uniq -c | sed 's/^ *2/2 times/')"
    echo "timeout 1, MULTI after a pause: $(try 1 transaction " though EXEC failed")"
    grep -q 'EXEC without MULTI' answers
} | tee seen
[ "$(cat seen)" = "timeout 0: exit code 0, stored: 1 2 3 4 5 6, standard error: nothing
timeout 1: exit code 0, stored: 1 2 4 6, standard error: 2 times Error: Server closed the connection
timeout 1, MULTI after a pause: exit code 0, stored though EXEC failed: 1 2" ]
