"""A browser (W3C WebDriver over HTTP, with Chromium's driver), and a server with a group, for the tests of the page."""

import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

# Nothing takes this long unless something hangs. No test waits for it to pass.
PATIENCE = 30
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Space": "\ue00d", "Backspace": "\ue003", "PageUp": "\ue00e"}


def eventually(question, what):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.02)


class Driver:
    """The driver's process, for any number of browsers."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for line in self.process.stdout:
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                self.port = int(found[1])
                break
        self.folder = tempfile.mkdtemp(prefix="chat-room-browser-")

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5 * PATIENCE)
        connection.request(method, path, None if body is None else json.dumps(body))
        value = json.loads(connection.getresponse().read())["value"]
        connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{value['error']}: {value['message']}")
        return value

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Browser:
    """A browser with a profile of its own."""

    def __init__(self, driver, width=900, height=700, dark=False, scale=1):
        self.driver = driver
        folder = tempfile.mkdtemp(dir=driver.folder)
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
            f"--user-data-dir={folder}", f"--window-size={width},{height}",
        ]
        options = {"args": arguments, "perfLoggingPrefs": {"traceCategories": "devtools.timeline"}}
        value = driver.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.id = value["sessionId"]
        self.call("POST", "/timeouts", {"script": 4 * PATIENCE * 1000})
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def call(self, method, path, body=None):
        return self.driver.call(method, f"/session/{self.id}{path}", body)

    def devtools(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def go(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments):
        """Waits until this expression is true, and returns it."""
        def asked():
            # What is not in the document yet is no mistake.
            return self.run(f"try {{ return ({script}) }} catch {{ return false }}", *arguments)
        try:
            return eventually(asked, script)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}\n{self.complaints()}") from None

    def text(self):
        return self.run("return document.body.innerText")

    def element(self, selector):
        return self.call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.call("POST", f"/element/{self.element(selector)}/click", {})

    def type(self, selector, text):
        self.call("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def keys(self, *keys):
        """Types without a pointer, wherever the focus is."""
        actions = []
        for key in keys:
            for value in [KEYS[key]] if key in KEYS else key:
                actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "/screenshot")))

    def complaints(self):
        """What the browser's console says, without the connections that were to break."""
        lines = [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]
        return [line for line in lines if "WebSocket connection" not in line and "ERR_CONNECTION_REFUSED" not in line
                and "ERR_INTERNET_DISCONNECTED" not in line]

    def close(self):
        self.call("DELETE", "")

    # What people do.

    def log_in(self, url, mail, password):
        self.go(url)
        self.wait("document.querySelector('#enter')?.dataset.ready && !document.querySelector('#enter').hidden")
        self.submit_login(mail, password)
        self.inside()

    def submit_login(self, mail, password):
        self.run("for (const id of ['mail', 'password']) document.getElementById(id).value = ''")
        self.type("#mail", mail)
        self.type("#password", password)
        self.click("#enter-button")

    def inside(self):
        self.wait("!document.querySelector('#chat').hidden && document.querySelector('#status').hidden")

    def say(self, text):
        self.type("#text", text)
        self.keys("Enter")

    def said(self):
        """The texts of all messages in the document."""
        return self.run("return [...document.querySelectorAll('#messages .text')].map((text) => text.textContent)")

    def sees(self, text):
        self.wait("[...document.querySelectorAll('#messages .text')].some((text) => text.textContent === arguments[0])", text)


class Group:
    """A server with a group of its own. `names` are its members, at `@x`; the first is the admin, and the password of
    ann is `ann-secret`."""

    def __init__(self, names=("ann", "bob", "cid"), options=()):
        self.folder = tempfile.mkdtemp(prefix="chat-room-page-")
        # Tests say more than people do.
        self.options = ["--rate", "0", *options]
        with open(f"{self.folder}/members.txt", "w", encoding="utf-8") as file:
            for at, name in enumerate(names):
                file.write(f"{name}@x {name}-secret{' admin' if at == 0 else ''}\n")
        self.tcp = 0
        self.web = 0
        self.start()

    def start(self):
        command = [
            os.environ["CHAT_ROOM_SERVER"], "--members", f"{self.folder}/members.txt", "--history", f"{self.folder}/history",
            "--listen", f"127.0.0.1:{self.tcp}", "--web-listen", f"127.0.0.1:{self.web}", *self.options,
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
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
        # A full pipe would stop the log.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.web}/"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def peer(self, name):
        return Peer(self.tcp, name)

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Peer:
    """A member with plain lines, as with nc."""

    def __init__(self, port, name):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.lines.readline()
        self.ask(f"LOGIN {name}@x {name}-secret")

    def ask(self, *commands):
        """Sends commands, and returns the last one's answer."""
        self.socket.sendall("".join(command + "\n" for command in commands).encode())
        left = len(commands)
        while True:
            line = self.lines.readline().rstrip("\n")
            if not line:
                raise AssertionError("the server has ended the connection")
            if line.startswith(("OK ", "ERR ")):
                left -= 1
                if left == 0:
                    return line

    def say(self, *texts):
        # In pieces: the server reads so much ahead, and no more until its answers are taken.
        for at in range(0, len(texts), 50):
            self.ask(*(f"MSG {text}" for text in texts[at:at + 50]))

    def hears(self, text):
        for line in self.lines:
            if line.startswith("MSG ") and line.rstrip("\n").split(" ", 4)[4] == text:
                return
        raise AssertionError(f"never said: {text}")

    def close(self):
        self.lines.close()
        self.socket.close()
