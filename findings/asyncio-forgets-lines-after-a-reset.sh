#!/usr/bin/env bash
# Python's asyncio (CPython 3.11.2, Debian 12, 3.11.2-6+deb12u8, and OpenSSL 3.0): with TLS 1.3, a server loses the lines
# of a client that sends, does not read, and closes.
#
# A server of TLS 1.3 sends session tickets after the handshake. A client that only sends (a log, a metric, an alarm) never reads
# them, and when it closes, Linux tells the server with a reset that something was left unread. What came before the reset is in
# the server's socket, and one reads all of it before one hears of the reset. asyncio's streams read ahead, and once they have
# heard of it, readline(), read() and iteration raise ConnectionResetError at once and never hand out what they hold. So if
# the handler was at something else (a database), whole lines that had arrived are lost, and whoever takes that error for
# "the peer has gone" does not notice. Over TCP, and with TLS 1.2, the same client and server lose nothing; there it takes
# an unread greeting. The documentation of streams says nothing of it; an issue of CPython (75044) has been open since 2017,
# and 3.13 does the same. A task of its own that reads into a queue prevents it.
#
# Seen, three lines, and a handler that is at something else after the first:
#       blocking sockets: TCP: 1 2 3, TLS 1.2: 1 2 3, TLS 1.3: 1 2 3
#       asyncio:          TCP: 1 2 3, TLS 1.2: 1 2 3, TLS 1.3: 1 ConnectionResetError
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

version=3.11.2-6+deb12u8
apt-get -qq -o APT::Sandbox::User=root download "python3.11-minimal=$version" "libpython3.11-minimal=$version" \
    "libpython3.11-stdlib=$version" openssl=3.0.20-1~deb12u2 libssl3=3.0.20-1~deb12u2 libexpat1 libffi8 zlib1g
for package in *.deb; do
    dpkg -x "$package" root
done
run() { LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu "$@"; }
run root/usr/bin/openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -config /dev/null \
    -keyout key.pem -out certificate.pem 2>said || { cat said >&2; exit 2; }

cat >try.py <<'end'
import asyncio, socket, ssl, threading, time


def client(port, tls, first_taken):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        if tls:
            connection = tls.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(b"1\n")
        first_taken.wait(10)
        connection.sendall(b"2\n3\n")
        connection.close()


def blocking(server_tls, client_tls):
    taken, first_taken = [], threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=client, args=(listener.getsockname()[1], client_tls, first_taken)).start()
    connection = listener.accept()[0]
    if server_tls:
        connection = server_tls.wrap_socket(connection, server_side=True)
    for line in connection.makefile("rb"):
        taken.append(line.decode().strip())
        first_taken.set()
        time.sleep(1)
    return taken


async def streams(server_tls, client_tls):
    taken, first_taken, end = [], threading.Event(), asyncio.Event()

    async def handle(reader, writer):
        try:
            async for line in reader:
                taken.append(line.decode().strip())
                first_taken.set()
                await asyncio.sleep(1)
        except ConnectionResetError:
            taken.append("ConnectionResetError")
        end.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_tls)
    await asyncio.to_thread(client, server.sockets[0].getsockname()[1], client_tls, first_taken)
    await end.wait()
    return taken


for name, serve in ("blocking sockets: ", blocking), ("asyncio:          ", lambda *tls: asyncio.run(streams(*tls))):
    seen = ["TCP: " + " ".join(serve(None, None))]
    for version, number in ("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("certificate.pem", "key.pem")
        context.maximum_version = number
        taken = serve(context, ssl.create_default_context(cafile="certificate.pem"))
        seen.append(f"TLS {version}: {' '.join(taken)}")
    print(name + ", ".join(seen))
end
seen=$(PYTHONHOME=root/usr run root/usr/bin/python3.11 try.py)
echo "$seen"
[ "$seen" = "blocking sockets: TCP: 1 2 3, TLS 1.2: 1 2 3, TLS 1.3: 1 2 3
asyncio:          TCP: 1 2 3, TLS 1.2: 1 2 3, TLS 1.3: 1 ConnectionResetError" ]
