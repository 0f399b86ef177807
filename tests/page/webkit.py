"""WebKit, by WebDriver: Debian's driver with its small browser, on a screen that nobody sees."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from group import PATIENCE
from window import Hangs, Window, eventually

DRIVER = "WebKitWebDriver"
SCREEN = "Xvfb"
# The bar with the address is as narrow and as low as it can be: with its usual one no window is as small as a phone.
SMALL_BAR = "* { min-width: 0; min-height: 0; padding: 0; margin: 0; border-width: 0; font-size: 1px; }\n"
# What WebDriver calls the keys that are no letters.
KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c"}
# How the driver names elements, and the kernel a socket that listens.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
LISTENS = "0A"
# The driver has its own limit, and is to tell of it.
SPARE = 5


def browser():
    """The small browser, which comes with the library."""
    return next(pathlib.Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))


class WebKit(Window):
    def __init__(self, width=900, height=700):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="chat-room-webkit-"))
        self.processes = []
        try:
            self.start(width, height)
        except BaseException:
            self.end()
            raise

    def start(self, width, height):
        # The screen says its number when it is ready.
        number, theirs = os.pipe()
        self.launch([SCREEN, "-displayfd", str(theirs), "-nolisten", "tcp", "-screen", "0", "1600x1200x24"], pass_fds=[theirs])
        os.close(theirs)
        with os.fdopen(number) as number:
            screen = number.readline().strip()
        style = self.folder / "config" / "gtk-3.0" / "gtk.css"
        style.parent.mkdir(parents=True)
        style.write_text(SMALL_BAR, encoding="utf-8")
        places = {f"XDG_{kind}_HOME": str(self.folder / kind.lower()) for kind in ["CONFIG", "DATA", "CACHE"]}
        driver = self.launch([DRIVER, "--port=0"], env={**os.environ, **places, "DISPLAY": f":{screen}"})
        self.url = f"http://127.0.0.1:{eventually(lambda: port_of(driver.pid), 'the driver listens', PATIENCE)}/session"
        options = {"binary": str(browser()), "args": ["--automation"]}
        session = self.call("POST", "", {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}})
        self.url += f"/{session['sessionId']}"
        self.call("POST", "/timeouts", {"script": self.patience * 1000, "pageLoad": self.patience * 1000})
        # Of a window that is so large the bar takes some.
        self.resize(width, height)
        self.resize(width, 2 * height - self.run("return innerHeight"))

    def resize(self, width, height):
        self.call("POST", "/window/rect", {"width": width, "height": height})
        self.wait("innerWidth === arguments[0]", width)

    def launch(self, words, **options):
        """Starts a program that ends with the test, and so does what it starts itself."""
        with open(self.folder / "said", "ab") as said:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def call(self, method, path, body=None, patience=PATIENCE):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=patience + SPARE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            why = json.load(error)["value"]
            kind = Hangs if "timeout" in why["error"] else AssertionError
            raise kind(f"{path}: {why['error']} {why['message']}") from None
        except TimeoutError:
            raise Hangs(f"no answer to {path}") from None

    def evaluate(self, script, arguments, patience):
        if patience != self.patience:
            self.call("POST", "/timeouts", {"script": patience * 1000})
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)}, patience)

    def go(self, url):
        self.explained(url, lambda: self.call("POST", "/url", {"url": url}))

    def element(self, selector):
        return self.call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        """The driver complains if something else is on top."""
        self.call("POST", f"/element/{self.element(selector)}/click", {})

    def type(self, selector, text):
        self.call("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def keys(self, *keys):
        """Types without a pointer, wherever the focus is."""
        text = "".join(KEYS.get(key, key) for key in keys)
        self.call("POST", f"/element/{self.call('GET', '/element/active')[ELEMENT]}/value", {"text": text})

    def complaints(self):
        """The driver does not tell what the console says: this is what the programs themselves say."""
        return (self.folder / "said").read_text(encoding="utf-8", errors="replace").splitlines()

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.end()

    def end(self):
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def port_of(process):
    """The port at which a process listens, or nothing yet."""
    sockets = set()
    for file in pathlib.Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sockets.update(re.findall(r"socket:\[(\d+)\]", os.readlink(file)))
    for line in pathlib.Path(f"/proc/{process}/net/tcp").read_text(encoding="ascii").splitlines():
        number, local, _, state, *_, = line.split()
        if state == LISTENS and line.split()[9] in sockets:
            return int(local.split(":")[1], 16)
    return None
