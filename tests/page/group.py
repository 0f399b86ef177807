"""A server with a group, and members with plain lines, for the tests of the page."""

import datetime
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

# Nothing takes this long unless something hangs. No test waits for it to pass.
PATIENCE = 30


class Group:
    """A server with a group of its own. `names` are its members, at `@x`; the first is the admin, and the password of
    ann is `ann-secret`. bob has said `said` before it starts."""

    def __init__(self, names=("ann", "bob", "cid"), options=(), said=()):
        self.folder = tempfile.mkdtemp(prefix="chat-room-page-")
        # Tests say more than people do.
        self.options = ["--rate", "0", *options]
        with open(f"{self.folder}/members.txt", "w", encoding="utf-8") as file:
            for at, name in enumerate(names):
                file.write(f"{name}@x {name}-secret{' admin' if at == 0 else ''}\n")
        self.tcp = 0
        self.web = 0
        self.start()
        if said:
            self.stop()
            self.write(said)
            self.start()

    def start(self):
        command = [
            os.environ["CHAT_ROOM_SERVER"], "--members", f"{self.folder}/members.txt", "--history", f"{self.folder}/history",
            "--listen", f"127.0.0.1:{self.tcp}", "--web-listen", f"127.0.0.1:{self.web}", *self.options,
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # One that says nothing is not waited for.
        end = threading.Timer(PATIENCE, self.process.kill)
        end.start()
        lines = []
        left = {"listening on": "tcp", "listening for browsers": "web"}
        while left:
            line = self.process.stderr.readline()
            lines.append(line)
            if not line:
                raise AssertionError("no server came up:\n" + "".join(lines))
            port = re.search(r":(\d+)\D*$", line)
            for words in [words for words in left if words in line and port]:
                setattr(self, left.pop(words), int(port[1]))
        end.cancel()
        # A full pipe would stop the log.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def write(self, texts):
        """Puts what bob has said meanwhile at the end of the history, while the server is not running: much faster than
        saying it."""
        path = f"{self.folder}/history/000000000001.txt"
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        now = datetime.datetime.now(datetime.timezone.utc)
        last = datetime.datetime.fromisoformat(lines[-1].split(" ")[2]) if lines else now - datetime.timedelta(days=7)
        with open(path, "a", encoding="utf-8") as file:
            for at, text in enumerate(texts, 1):
                time = (last + (now - last) * at / len(texts)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                file.write(f"MSG {len(lines) + at} {time} bob@x {text}\n")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.web}/"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Stops it as an admin does: the members of the beginning are written down."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def peer(self, name):
        return Peer(self.tcp, name)

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Peer:
    """A member with plain lines, as with nc."""

    def __init__(self, port, name):
        self.name = name
        self.heard = ""
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.line()
        self.ask(f"LOGIN {name}@x {name}-secret")

    def line(self):
        """The next line."""
        try:
            line = self.lines.readline()
        except TimeoutError:
            raise AssertionError(f"{self.name} hears nothing after: {self.heard}") from None
        if not line:
            raise AssertionError(f"the server has ended the connection of {self.name} after: {self.heard}")
        self.heard = line.rstrip("\n")
        return self.heard

    def ask(self, *commands):
        """Sends commands, and returns the last one's answer."""
        self.socket.sendall("".join(command + "\n" for command in commands).encode())
        left = len(commands)
        while left > 0:
            if self.line().startswith(("OK ", "ERR ")):
                left -= 1
        return self.heard

    def say(self, *texts):
        # In pieces: the server reads so much ahead, and no more until its answers are taken.
        for at in range(0, len(texts), 50):
            self.ask(*(f"MSG {text}" for text in texts[at:at + 50]))

    def hears(self, text):
        while True:
            line = self.line()
            if line.startswith("MSG ") and line.split(" ", 4)[4] == text:
                return

    def close(self):
        self.lines.close()
        self.socket.close()
