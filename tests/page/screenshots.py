"""Makes the pictures of the page in docs/: CHAT_ROOM_SERVER=target/quick/chat-room-server python3 tests/page/screenshots.py"""

import pathlib
import sys

from browser import Browser, Chromium
from group import Group

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"

# In this order; ann says her own in the browser.
TALK = [
    ("ben", "Good morning! Rehearsal is at seven tonight, same place as always"),
    ("cleo", "I’ll bring the scores"),
    ("ann", "Great. Does anybody have a key?"),
    ("ben", "I do. Here’s the plan: https://example.org/spring-concert"),
    ("cleo", "Ann, could you take the minutes this time?"),
    ("ann", "Happy to."),
    ("dora", "/me will be ten minutes late"),
    ("dora", "שלום לכולם"),
    ("ben", "No problem, we start with the basses"),
]


def main():
    only = sys.argv[1:] or ["light", "dark", "phone"]
    chromium, group = Chromium(), Group(["ann", "ben", "cleo", "dora"])
    try:
        browser = Browser(chromium, 1000, 680)
        browser.log_in(group.url, "ann@x", "ann-secret")
        peers = {name: group.peer(name) for name in ["ben", "cleo", "dora"]}
        for name, text in TALK:
            if name == "ann":
                browser.say(text)
            else:
                peers[name].say(text)
            if not text.startswith("/me "):
                browser.sees(text)
        browser.close()
        for name, width, height, dark in [
            ("light", 1000, 680, False), ("dark", 1000, 680, True), ("phone", 375, 667, False),
        ]:
            if name not in only:
                continue
            browser = Browser(chromium, width, height, dark=dark, scale=2 if name == "phone" else 1)
            browser.log_in(group.url, "ann@x", "ann-secret")
            browser.sees(TALK[-1][1])
            browser.wait("[...document.querySelectorAll('.ticks')].every((tick) => tick.textContent === '✓✓')")
            browser.wait("document.querySelector('#to-end').hidden")
            browser.run("document.activeElement.blur()")
            browser.screenshot(DOCS / f"web-{name}.png")
            browser.close()
        for peer in peers.values():
            peer.close()
    finally:
        chromium.close()
        group.close()


if __name__ == "__main__":
    main()
