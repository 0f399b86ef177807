"""What an installed page does, in a whole Chromium: its service worker, and notifications."""

import functools
import http.server
import pathlib
import shutil
import tempfile
import threading

from browser import WHOLE
from page import Page

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src" / "web"


class Files(http.server.SimpleHTTPRequestHandler):
    """The files of a folder, with nothing kept by the browser itself."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".webmanifest": "application/manifest+json"}

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_):
        pass


class Installed(Page):
    PROGRAM = WHOLE

    def test_a_mention_is_notified_of(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser()
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", source="""
            window.shown = [];
            window.Notification = class extends Notification {
              constructor(title, options) {
                super(title, options);
                shown.push(`${title}: ${options.body}`);
                window.newest = this;
              }
            };""")
        browser.allow_notifications(group.url)
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob.say("ann, before you asked for it")
        browser.sees("ann, before you asked for it")
        browser.click("#open-menu")
        browser.run("const when = document.querySelector('#notify'); when.value = 'mention'; when.dispatchEvent(new Event('change'))")
        browser.wait("localStorage['chat-room.notify'] === '\"mention\"'")
        browser.keys("Escape")
        bob.say("ann, you look at it")
        browser.sees("ann, you look at it")
        browser.hide()
        bob.say("nothing for her", "not for joann either", "is Ann there?", "the end")
        browser.wait("document.title === '(4) Chat-Room'")
        self.assertEqual(browser.run("return shown"), ["bob: is Ann there?"])
        # A click on it brings the newest.
        browser.run("delete document.hidden; newest.onclick()")
        browser.sees("the end")
        browser.wait("document.title === 'Chat-Room'")
        self.assertEqual(browser.complaints(), [])


    def test_it_can_be_installed(self):
        group = self.group()
        browser = self.browser()
        browser.go(group.url)
        browser.run("return navigator.serviceWorker.ready.then(() => true)")
        errors = [error["errorId"] for error in browser.devtools("Page.getInstallabilityErrors")["installabilityErrors"]]
        # A profile that is made for a test is private, and nothing is installed in one.
        self.assertEqual(errors, ["in-incognito"])
        self.assertEqual(browser.devtools("Page.getAppManifest")["errors"], [])


class ServiceWorker(Page):
    PROGRAM = WHOLE

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="chat-room-worker-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.web = pathlib.Path(self.folder) / "web"
        shutil.copytree(SOURCES, self.web)
        self.port = 0
        self.serve()

    def serve(self):
        handler = functools.partial(Files, directory=self.web)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.addCleanup(self.stop)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def change(self, name, old, new):
        path = self.web / name
        text = path.read_text(encoding="utf-8")
        self.assertEqual(text.count(old), 1)
        path.write_text(text.replace(old, new), encoding="utf-8")

    def open(self, browser, title):
        browser.go(f"http://127.0.0.1:{self.port}/")
        browser.wait("document.querySelector('#enter').dataset.ready")
        browser.wait("document.querySelector('#enter-title').textContent === arguments[0]", title)

    def test_a_new_version_is_seen_at_once_and_kept(self):
        browser = self.browser()
        self.open(browser, "Chat-Room")
        browser.run("return navigator.serviceWorker.ready.then(() => true)")
        # A changed file, and a new one that the changed page needs.
        self.change("index.html", '<h1 id="enter-title">Chat-Room</h1>', '<h1 id="enter-title">Old</h1>')
        (self.web / "new.js").write_text("document.getElementById('enter-title').textContent = 'New';\n", encoding="utf-8")
        self.change("app.js", "import { Connection }", "import './new.js';\nimport { Connection }")
        self.change("sw.js", "'./', ", "'./', 'new.js', ")
        self.open(browser, "New")
        browser.wait("caches.match('new.js').then(Boolean)")
        # Nothing is there any more but what was kept.
        self.stop()
        self.open(browser, "New")
        browser.wait("navigator.serviceWorker.controller")
        # And back.
        self.serve()
        self.change("new.js", "'New'", "'Newer'")
        self.open(browser, "Newer")
        self.stop()
        self.open(browser, "Newer")
