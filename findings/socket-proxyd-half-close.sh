#!/usr/bin/env bash
# systemd-socket-proxyd 252.39 (Debian 12, systemd 252.39-1~deb12u2): a half-close closes both directions.
#
# TCP's two directions are closed separately: a client may finish sending and go on reading, as `nc -N` and ssh's
# forwarding do. A server that answers after it has read everything (a digest, a sort) depends on this. Connected directly, the
# client gets the answer. Through systemd-socket-proxyd it does not: when the client has closed its direction, the proxy
# passes on what it has and closes both connections. Nothing reports it: the client sees an ordinary end after no bytes.
#
# Seen: directly: 5 lines
#       through systemd-socket-proxyd: nothing
#
# Needs Debian 12, its archive, and python3. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
started=()
finish() {
    kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 libsystemd0=252.39-1~deb12u2
for package in *.deb; do
    dpkg -x "$package" root
done
libraries=$folder/root/usr/lib/x86_64-linux-gnu

read -r server proxy < <(python3 -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[one.getsockname()[1] for one in free])')

# Counts lines until the end, thinks for a moment, and answers.
python3 -c '
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    peer, _ = listener.accept()
    count = peer.makefile("rb").read().count(b"\n")
    time.sleep(0.2)
    try:
        peer.sendall(b"%d lines" % count)
    except OSError:
        pass
    peer.close()' "$server" &
started+=($!)

LD_LIBRARY_PATH=$libraries/systemd:$libraries:$folder/root/lib/x86_64-linux-gnu \
    root/usr/bin/systemd-socket-activate -E LD_LIBRARY_PATH -l "127.0.0.1:$proxy" \
    "$folder/root/lib/systemd/systemd-socket-proxyd" "127.0.0.1:$server" 2>log &
started+=($!)

ask() {
    python3 -c '
import socket, sys, time
for _ in range(100):
    try:
        peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        break
    except OSError:
        time.sleep(0.05)
peer.sendall(b"a\nb\nc\nd\ne\n")
peer.shutdown(socket.SHUT_WR)
answer = b""
while more := peer.recv(100):
    answer += more
print(answer.decode())' "$1"
}

directly=$(ask "$server")
through=$(ask "$proxy")
echo "directly: $directly"
echo "through systemd-socket-proxyd: ${through:-nothing}"
[ "$directly" = "5 lines" ] && [ -z "$through" ]
