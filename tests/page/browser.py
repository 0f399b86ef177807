"""A browser (Chromium, by its DevTools protocol), and a server with a group, for the tests of the page."""

import base64
import datetime
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
# The keys that are no letters: their code for programs, and what they type.
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "Space": (32, " "), "Backspace": (8, ""), "PageUp": (33, "")}


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


# Chromium without what is around a page, which costs more than the page; and all of it.
SHELL = ["chromium-headless-shell"]
WHOLE = ["chromium", "--headless=new"]


class Chromium:
    """The process, for any number of browsers: starting one takes seconds, a profile of its own nearly nothing. It is
    told what to do through a socket in the place of two pipes, where each message ends with a NUL."""

    def __init__(self, program=SHELL):
        self.folder = tempfile.mkdtemp(prefix="chat-room-browser-")
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(4 * PATIENCE)
        words = [
            *program, "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-extensions",
            "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding", "--disable-frame-rate-limit", "--hide-scrollbars",
            f"--user-data-dir={self.folder}", "about:blank",
        ]
        with open(os.devnull, "r+b") as null, open(f"{self.folder}/stderr", "wb") as stderr:
            files = [(null, 0), (null, 1), (stderr, 2), (theirs, 3), (theirs, 4)]
            self.process = os.posix_spawnp(words[0], words, os.environ, file_actions=[
                (os.POSIX_SPAWN_DUP2, file.fileno(), number) for file, number in files])
        theirs.close()
        self.last = 0
        self.read = b""
        # Who hears the events of a page, by its session.
        self.listeners = {}

    def call(self, method, session=None, **parameters):
        self.last += 1
        id = self.last
        message = {"id": id, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        self.socket.sendall(json.dumps(message).encode() + b"\0")
        while True:
            said = self.next()
            if said.get("id") != id:
                continue
            if "error" in said:
                raise AssertionError(f"{method}: {said['error']['message']}")
            return said["result"]

    def next(self):
        """The next message. Events go to their listener, too."""
        while b"\0" not in self.read:
            part = self.socket.recv(1 << 20)
            if not part:
                with open(f"{self.folder}/stderr", encoding="utf-8", errors="replace") as stderr:
                    raise AssertionError(f"the browser has ended:\n{stderr.read()}")
            self.read += part
        message, self.read = self.read.split(b"\0", 1)
        said = json.loads(message)
        listener = self.listeners.get(said.get("sessionId"))
        if listener and "method" in said:
            listener(said["method"], said["params"])
        return said

    def close(self):
        self.call("Browser.close")
        os.waitpid(self.process, 0)
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Browser:
    """A page in a profile of its own, or in that of another one."""

    def __init__(self, chromium, width=900, height=700, dark=False, scale=1, beside=None):
        self.chromium = chromium
        self.said = []
        self.loaded = set()
        self.is_first = beside is None
        self.profile = chromium.call("Target.createBrowserContext")["browserContextId"] if self.is_first else beside.profile
        self.target = chromium.call(
            "Target.createTarget", url="about:blank", browserContextId=self.profile, newWindow=True, width=width, height=height)["targetId"]
        self.session = chromium.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        chromium.listeners[self.session] = self.heard
        for part in ["Page", "Runtime", "Log", "Network"]:
            self.devtools(f"{part}.enable")
        self.devtools("Page.setLifecycleEventsEnabled", enabled=True)
        # All of them are in front, as the windows of several people are.
        self.devtools("Emulation.setFocusEmulationEnabled", enabled=True)
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def tab(self, *arguments, **options):
        """Another page of the same person."""
        return Browser(self.chromium, *arguments, **options, beside=self)

    def heard(self, method, event):
        if method == "Page.lifecycleEvent" and event["name"] == "load":
            self.loaded.add(event["loaderId"])
        elif method == "Log.entryAdded":
            self.said.append(f"{event['entry']['level']} {event['entry']['text']} {event['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(event["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.said.append(json.dumps(event["args"]))

    def devtools(self, method, **parameters):
        return self.chromium.call(method, self.session, **parameters)

    def go(self, url):
        result = self.devtools("Page.navigate", url=url)
        if "errorText" in result:
            raise AssertionError(f"{url}: {result['errorText']}")
        while result.get("loaderId", None) not in {None, *self.loaded}:
            self.chromium.next()

    def run(self, script, *arguments):
        """What this returns, or what its promise brings."""
        result = self.devtools(
            "Runtime.evaluate", expression=f"(function () {{ {script} }}).apply(null, {json.dumps(arguments)})",
            returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{script}: {result['exceptionDetails'].get('exception', result)}")
        return result["result"].get("value")

    def wait(self, script, *arguments):
        """Waits until this expression is true."""
        def asked():
            # What is not in the document yet is no mistake. A promise is waited for.
            return self.run(f"return (async () => {script})().then(Boolean, () => false)", *arguments)
        try:
            eventually(asked, script)
        except AssertionError as error:
            stored = self.run("return JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
            raise AssertionError(f"{error}\n{self.text()[-2000:]}\n{stored[:1000]}\n{self.complaints()}") from None

    def text(self):
        return self.run("return document.body.innerText")

    def click(self, selector):
        """Clicks in the middle of what this selects, which has to be on top there."""
        x, y, hit = self.run("""
            const element = document.querySelector(arguments[0]);
            element.scrollIntoView({ block: 'nearest' });
            const { left, top, width, height } = element.getBoundingClientRect();
            const [x, y] = [left + width / 2, top + height / 2];
            const hit = document.elementFromPoint(x, y);
            return [x, y, element.contains(hit) ? null : hit?.outerHTML ?? 'nothing'];""", selector)
        if hit:
            raise AssertionError(f"{selector} is covered by {hit}")
        for kind in ["mousePressed", "mouseReleased"]:
            self.devtools("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, label):
        """Presses the button of a dialog that has this label; of several dialogs, in the last."""
        self.run("[...document.querySelectorAll('dialog button')].findLast((button) =>"
                 " button.textContent === arguments[0] || button.ariaLabel === arguments[0]).click()", label)

    def type(self, selector, text):
        self.run("document.querySelector(arguments[0]).focus()", selector)
        self.devtools("Input.insertText", text=text)

    def keys(self, *keys):
        """Types without a pointer, wherever the focus is."""
        for key in keys:
            for name in [key] if key in KEYS else key:
                code, text = KEYS.get(name, (0, name))
                event = {"key": text if name == "Space" else name, "code": name, "windowsVirtualKeyCode": code}
                self.devtools("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
                self.devtools("Input.dispatchKeyEvent", type="keyUp", **event)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.devtools("Page.captureScreenshot")["data"]))

    def complaints(self):
        """What the browser's console says, without the connections that were to break."""
        return [line for line in self.said if "WebSocket connection" not in line and "ERR_CONNECTION_REFUSED" not in line
                and "ERR_INTERNET_DISCONNECTED" not in line]

    def close(self):
        del self.chromium.listeners[self.session]
        self.chromium.call("Target.closeTarget", targetId=self.target)
        if self.is_first:
            self.chromium.call("Target.disposeBrowserContext", browserContextId=self.profile)

    def allow_notifications(self, url):
        """As a person does who is asked."""
        self.chromium.call("Browser.grantPermissions", permissions=["notifications"], origin=url, browserContextId=self.profile)

    def hide(self):
        """Nobody looks at the page: it is told so. In a browser without windows it would always be in sight."""
        self.devtools("Emulation.setFocusEmulationEnabled", enabled=False)
        self.run("Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
                 "document.dispatchEvent(new Event('visibilitychange'))")

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

    def tasks(self, act, time="tdur"):
        """What the browser's own tracing tells: the tasks of the page's main thread meanwhile, in milliseconds, the longest
        first. Nothing is drawn while one is under way. `tdur` is the processor's time, `dur` that of the clock."""
        events = []
        self.chromium.listeners[None] = lambda method, said: events.extend(said["value"]) if method == "Tracing.dataCollected" else None
        self.chromium.call("Tracing.start", transferMode="ReportEvents", traceConfig={"includedCategories": ["toplevel", "devtools.timeline"]})
        act()
        self.chromium.call("Tracing.end")
        while self.chromium.next().get("method") != "Tracing.tracingComplete":
            pass
        del self.chromium.listeners[None]
        frame = {(event["pid"], event["tid"]) for event in events
                 if event["name"] == "FunctionCall" and event["args"]["data"].get("frame") == self.target}
        return sorted((event[time] / 1000 for event in events if event["name"] == "ThreadControllerImpl::RunTask"
                       and time in event and (event["pid"], event["tid"]) in frame), reverse=True)

    def texts(self):
        """The texts of all messages in the document."""
        return self.run("return [...document.querySelectorAll('#messages .text')].map((text) => text.textContent)")

    def sees(self, text):
        self.wait("[...document.querySelectorAll('#messages .text')].some((text) => text.textContent === arguments[0])", text)


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
