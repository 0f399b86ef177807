"""Chromium, by its DevTools protocol."""

import base64
import json
import os
import shutil
import signal
import socket
import tempfile
import time

from group import PATIENCE
from window import Hangs, Window

# The keys that are no letters: their code for programs, and what they type.
KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "Space": (32, " "), "Backspace": (8, ""), "PageUp": (33, "")}


# Chromium without what is around a page, which costs more than the page; and all of it.
SHELL = ["chromium-headless-shell"]
WHOLE = ["chromium", "--headless=new"]


class Chromium:
    """The process, for any number of browsers: starting one takes seconds, a profile of its own nearly nothing. It is
    told what to do through a socket in the place of two pipes, where each message ends with a NUL."""

    def __init__(self, program=SHELL):
        self.folder = tempfile.mkdtemp(prefix="chat-room-browser-")
        self.socket, theirs = socket.socketpair()
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
        # Where much else is going on it takes many seconds to start.
        self.call("Browser.getVersion", patience=4 * PATIENCE)

    def call(self, method, session=None, patience=PATIENCE, **parameters):
        self.last += 1
        id = self.last
        message = {"id": id, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        deadline = time.monotonic() + patience
        self.socket.settimeout(patience)
        try:
            self.socket.sendall(json.dumps(message).encode() + b"\0")
        except TimeoutError:
            raise Hangs(f"the browser does not take {method}") from None
        while True:
            said = self.next(deadline, method)
            # The answer to what was given up may still come.
            if said.get("id") != id:
                continue
            if "error" in said:
                raise AssertionError(f"{method}: {said['error']['message']}")
            return said["result"]

    def next(self, deadline, what):
        """The next message, for this. Events go to their listener, too."""
        while b"\0" not in self.read:
            try:
                self.socket.settimeout(max(0.001, deadline - time.monotonic()))
                part = self.socket.recv(1 << 20)
            except TimeoutError:
                raise Hangs(f"no answer to {what}") from None
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
        try:
            self.call("Browser.close")
        except AssertionError:
            # It has ended, or answers no more.
            os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        self.socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Browser(Window):
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
        return self.explained(method, lambda: self.chromium.call(method, self.session, self.patience, **parameters))

    def go(self, url):
        result = self.devtools("Page.navigate", url=url)
        if "errorText" in result:
            raise AssertionError(f"{url}: {result['errorText']}")
        deadline = time.monotonic() + self.patience
        while result.get("loaderId", None) not in {None, *self.loaded}:
            self.explained(url, lambda: self.chromium.next(deadline, "Page.navigate"))

    def evaluate(self, script, arguments, patience):
        result = self.chromium.call(
            "Runtime.evaluate", self.session, patience,
            expression=f"(function () {{ {script} }}).apply(null, {json.dumps(arguments)})",
            returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{script}: {result['exceptionDetails'].get('exception', result)}")
        return result["result"].get("value")

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

    def tasks(self, act):
        """What the browser's own tracing tells: the tasks of the page's main thread meanwhile, in milliseconds, the longest
        first. Nothing is drawn while one is under way. The time is the clock's."""
        events = []
        self.chromium.listeners[None] = lambda method, said: events.extend(said["value"]) if method == "Tracing.dataCollected" else None
        self.chromium.call("Tracing.start", transferMode="ReportEvents", traceConfig={"includedCategories": ["toplevel", "devtools.timeline"]})
        act()
        self.chromium.call("Tracing.end")
        deadline = time.monotonic() + self.patience
        while self.chromium.next(deadline, "Tracing.end").get("method") != "Tracing.tracingComplete":
            pass
        del self.chromium.listeners[None]
        frame = {(event["pid"], event["tid"]) for event in events
                 if event["name"] == "FunctionCall" and event["args"]["data"].get("frame") == self.target}
        return sorted((event["dur"] / 1000 for event in events if event["name"] == "ThreadControllerImpl::RunTask"
                       and "dur" in event and (event["pid"], event["tid"]) in frame), reverse=True)
