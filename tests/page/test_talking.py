"""Talking, with whatever happens to the connection, in headless Chromium on the real server."""

from browser import eventually
from page import Page


class Talking(Page):
    def test_log_in_and_talk_on_a_phone(self):
        group = self.group(["ann", "bob"])
        bob = self.peer(group, "bob")
        browser = self.browser(375, 667)
        browser.log_in(group.url, "Ann@X", "ann-secret")
        browser.say("good morning")
        bob.hears("good morning")
        bob.say("hi ann")
        browser.sees("hi ann")
        self.assertEqual(browser.texts(), ["good morning", "hi ann"])
        browser.wait("document.querySelector('.ticks').textContent === '✓✓'")
        browser.click(".ticks")
        browser.wait("document.querySelector('dialog').innerText.includes('It has reached everybody')")
        self.fits(browser)
        self.assertEqual(browser.complaints(), [])

    def test_one_tick_until_it_has_reached_everybody(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        self.peer(group, "bob")
        browser.say("who has this?")
        browser.sees("who has this?")
        browser.click(".ticks")
        browser.wait("document.querySelector('dialog ul').innerText.includes('cid')")
        self.assertEqual(browser.run("return document.querySelector('.ticks').textContent"), "✓")
        browser.keys("Escape")
        self.peer(group, "cid")
        browser.wait("document.querySelector('.ticks').textContent === '✓✓'")

    def test_three_browsers_and_nc_see_the_same(self):
        group = self.group()
        browsers = [self.browser() for _ in range(3)]
        names = ["ann", "bob", "cid"]
        for browser, name in zip(browsers, names):
            browser.log_in(group.url, f"{name}@x", f"{name}-secret")
        nc = self.peer(group, "cid")
        for round in range(5):
            for browser, name in zip(browsers, names):
                browser.say(f"{name} {round}")
            nc.say(f"nc {round}")
        nc.say("the end")
        for browser in browsers:
            browser.sees("the end")
        said = [browser.texts() for browser in browsers]
        self.assertEqual(len(said[0]), 21)
        self.assertEqual(said[1:], [said[0], said[0]])

    def test_a_server_that_was_killed_and_is_back(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        browser.say("before")
        browser.sees("before")
        group.kill()
        browser.wait("document.querySelector('#status').innerText.includes('Trying again')")
        browser.say("while it was away")
        browser.wait("document.querySelector('.pending').innerText.includes('while it was away')")
        group.start()
        bob = self.peer(group, "bob")
        bob.say("after")
        browser.wait("document.querySelector('#status').hidden")
        browser.sees("while it was away")
        self.assertEqual(sorted(browser.texts()), ["after", "before", "while it was away"])
        self.assertEqual(browser.run("return document.querySelectorAll('.pending').length"), 0)

    def test_what_was_missed_waits(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob = self.peer(group, "bob")
        bob.say("seen")
        browser.sees("seen")
        browser.wait("(localStorage['chat-room.kept'] ?? '').includes('seen')")
        browser.go("about:blank")
        bob.say(*(f"missed {number}" for number in range(1500)))
        browser.go(group.url)
        browser.inside()
        browser.wait("document.querySelector('#to-end').dataset.count === '1500'")
        browser.sees("missed 0")
        # It begins where reading ended, and goes to the end without a gap.
        mark, end = browser.run(
            "const at = document.querySelector('#unread').getBoundingClientRect();"
            "const list = document.querySelector('#scroll').getBoundingClientRect();"
            "return [at.top - list.top, list.height]")
        self.assertTrue(-1 <= mark < end, f"the mark is at {mark} of {end}")
        numbers = set()

        def scrolled():
            texts = browser.run(
                "document.querySelector('#scroll').scrollBy(0, 1500);"
                "return [...document.querySelectorAll('#messages .text')].map((text) => text.textContent)")
            found = [int(text.split()[1]) for text in texts if text != "seen"]
            self.assertEqual(found, list(range(found[0], found[0] + len(found))))
            numbers.update(found)
            return browser.run("return document.querySelector('#to-end').hidden")
        eventually(scrolled, "the end of the list")
        self.assertEqual(numbers, set(range(1500)))
        browser.wait("document.title === 'Chat-Room'")

    def test_ten_thousand_messages(self):
        group = self.group()
        bob = self.peer(group, "bob")
        bob.say(*(str(number) for number in range(10_000)))
        browser = self.browser()
        # Older messages come because somebody scrolls, not because time passes.
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", source="window.setInterval = () => 0")
        browser.log_in(group.url, "bob@x", "bob-secret")
        browser.sees("9999")
        # It opens at the end, where its head and its start have their heights by now.
        browser.wait("document.querySelectorAll('#messages li').length > 50 && document.querySelector('#to-end').hidden")
        # Scrolls up, frame by frame, to the first. Where it was, each time, and how many rows there were.
        seen, rows = browser.run("""
            let done;
            const ended = new Promise((resolve) => { done = resolve; });
            const box = document.querySelector('#scroll');
            const seen = [];
            let rows = 0;
            const step = () => {
              const texts = [...document.querySelectorAll('#messages .text')].map((text) => Number(text.textContent));
              seen.push(texts.every((text, at) => text === texts[0] + at) ? [texts[0], texts.at(-1)] : texts);
              rows = Math.max(rows, document.querySelectorAll('#messages li').length);
              box.scrollTo(0, 0);
              if (texts[0] === 0) done([seen, rows]);
              else requestAnimationFrame(step);
            };
            step();
            return ended;""")
        before = 9999
        for first, *others, last in seen:
            self.assertEqual(others, [], "a gap")
            self.assertGreaterEqual(last + 1, before, "some were passed over")
            before = first
        self.assertLessEqual(rows, 500)
        browser.wait("!document.querySelector('#start').hidden")
        browser.click("#to-end")
        browser.sees("9999")
        self.assertEqual(browser.complaints(), [])

    def test_a_network_that_goes_and_comes(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob.say("before")
        browser.sees("before")
        network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        browser.devtools("Network.enable")
        browser.devtools("Network.emulateNetworkConditions", offline=True, **network)
        browser.wait("document.querySelector('#status').innerText.includes('You are offline')")
        browser.say("written without a network")
        bob.say("meanwhile")
        browser.devtools("Network.emulateNetworkConditions", offline=False, **network)
        browser.sees("written without a network")
        self.assertEqual(browser.texts(), ["before", "meanwhile", "written without a network"])

    def test_reading_without_a_server(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob.say("to be read later")
        browser.sees("to be read later")
        browser.wait("(localStorage['chat-room.kept'] ?? '').includes('to be read later')")
        browser.run("return navigator.serviceWorker.ready.then(() => true)")
        group.kill()
        browser.go(group.url)
        browser.sees("to be read later")
        browser.wait("document.querySelector('#status').innerText.includes('Trying again')")
        group.start()
        browser.inside()
        self.assertEqual(browser.texts(), ["to be read later"])
