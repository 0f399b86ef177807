"""How soon the page can be typed into, with an empty cache, and the longest task while 10,000 messages are shown, both by the
clock: CHAT_ROOM_SERVER=target/quick/chat-room-server python3 tests/page/measure.py

It fails above a second, or above 50 ms. Nothing else should run meanwhile."""

import sys
import time

from browser import Browser, Chromium
from group import Group
from page import Page

ROUNDS = 5


def to_first_line(browser, url):
    """Seconds from going there until a letter that is typed is in the field."""
    begin = time.monotonic()
    browser.go(url)
    browser.wait("document.querySelector('#enter').dataset.ready && document.activeElement.id === 'mail'")
    browser.keys("a")
    browser.wait("document.querySelector('#mail').value === 'a'")
    return time.monotonic() - begin


def longest_task(browser):
    def act():
        browser.run("document.querySelector('#mail').value = ''")
        browser.submit_login("ann@x", "ann-secret")
        browser.inside()
        browser.wait("document.querySelector('#to-end').dataset.count === '10000'")
        Page().scroll(browser, 1500, 9999)
    return browser.tasks(act)[0]


def main():
    chromium = Chromium()
    firsts, tasks = [], []
    try:
        for _ in range(ROUNDS):
            group = Group(said=[str(number) for number in range(10_000)])
            # A profile of its own: nothing is kept from the round before.
            browser = Browser(chromium)
            firsts.append(to_first_line(browser, group.url))
            tasks.append(longest_task(browser))
            browser.close()
            group.close()
    finally:
        chromium.close()
    for what, unit, times in [("first letter typed", "s", firsts), ("longest task", "ms", tasks)]:
        times.sort()
        print(f"{what}: {times[ROUNDS // 2]:.3f} ({times[0]:.3f}–{times[-1]:.3f}) {unit}")
    sys.exit(firsts[ROUNDS // 2] > 1 or tasks[ROUNDS // 2] > 50)


if __name__ == "__main__":
    main()
