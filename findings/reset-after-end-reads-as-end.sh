#!/usr/bin/env bash
# Linux 6.18 (seen with CPython 3.11.2, Debian 12, 3.11.2-6+deb12u8): a reset that comes after the peer's FIN reads as a
# plain end, again and again.
#
# After a reset recv() fails with ECONNRESET. But not if the peer has closed its direction before, as `nc -N` does, and
# that end was read: then recv() still returns 0 after the reset, even when bytes that were sent meanwhile never arrived. A
# server that reads to find out whether a half-closed peer is still there never learns that it has gone, and assumes that what
# it sent was delivered. getsockopt(SO_ERROR) reports it once (EPIPE, from tcp_reset() in CLOSE_WAIT), and so does the state in
# TCP_INFO (7, TCP_CLOSE).
#
# Seen: reset alone: Connection reset by peer
#       end, then reset: end end, SO_ERROR 32, state 7
#
# Needs Linux, Debian 12's archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download python3.11-minimal=3.11.2-6+deb12u8 \
    libpython3.11-minimal=3.11.2-6+deb12u8 libpython3.11-stdlib=3.11.2-6+deb12u8
for package in *.deb; do
    dpkg -x "$package" root
done

cat >try.py <<'end'
import select, socket, struct

listener = socket.create_server(("127.0.0.1", 0))


def connected():
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]


def reset(client, server):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    # Until the reset has come.
    poll = select.poll()
    poll.register(server, 0)
    poll.poll(5000)


def received(server):
    try:
        return server.recv(10).decode() or "end"
    except OSError as error:
        return error.strerror


client, server = connected()
reset(client, server)
print("reset alone:", received(server))

client, server = connected()
client.shutdown(socket.SHUT_WR)
server.recv(1)
server.sendall(b"never read")
reset(client, server)
first, second = received(server), received(server)
error = server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
state = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
print(f"end, then reset: {first} {second}, SO_ERROR {error}, state {state}")
end

seen=$(PYTHONHOME=root/usr root/usr/bin/python3.11 try.py)
expected='reset alone: Connection reset by peer
end, then reset: end end, SO_ERROR 32, state 7'
echo "$seen"
[ "$seen" = "$expected" ]
