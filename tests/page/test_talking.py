"""Talking, with whatever happens to the connection, in headless Chromium on the real server."""

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

    def test_who_looks_at_the_end_has_no_unread_messages(self):
        """Whatever comes before the last one is drawn."""
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob.say("drawn")
        browser.sees("drawn")
        browser.run("window.held = []; window.draws = requestAnimationFrame; requestAnimationFrame = (draw) => held.push(draw)")
        for text in ["first", "second"]:
            bob.say(text)
            browser.wait("document.querySelector('#announce').textContent.includes(arguments[0])", text)
            browser.run("document.querySelector('#scroll').dispatchEvent(new Event('scroll'))")
        browser.run("requestAnimationFrame = draws; for (const draw of held) draw()")
        browser.sees("second")
        self.assertEqual(browser.run("return [document.title, document.querySelectorAll('#unread').length]"), ["Chat-Room", 0])

    def test_what_hangs_is_told(self):
        """Of these tests themselves."""
        group = self.group()
        browser = self.browser()
        browser.go(group.url)
        browser.wait("!document.querySelector('#enter').hidden")
        browser.patience = 0.2
        for hangs in [lambda: browser.run("return new Promise(() => null)"), lambda: browser.wait("false")]:
            with self.assertRaisesRegex(AssertionError, "(?s)no answer to Runtime.evaluate|not within 0.2 s: false") as told:
                hangs()
            self.assertIn("Log in to your group", str(told.exception))

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

    def test_what_was_not_said_outlasts_the_page(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        browser.say("said")
        browser.sees("said")
        browser.wait("(localStorage['chat-room.kept'] ?? '').includes('said')")
        browser.run("return navigator.serviceWorker.ready.then(() => true)")
        group.kill()
        browser.wait("document.querySelector('#status').innerText.includes('Trying again')")
        browser.say("not said yet")
        browser.wait("document.querySelector('.pending')")
        browser.go("about:blank")
        browser.go(group.url)
        browser.wait("document.querySelector('.pending.asks')?.innerText.includes('Not said: the page was closed')")
        group.start()
        browser.inside()
        # Nobody says it but a person.
        self.peer(group, "bob").say("from bob")
        browser.sees("from bob")
        self.assertEqual(browser.texts(), ["said", "from bob"])
        browser.click(".pending [data-again]")
        browser.sees("not said yet")
        browser.wait("!document.querySelector('.pending') && !('chat-room.unsaid' in sessionStorage)")
        self.assertEqual(browser.complaints(), [])

    def test_ten_thousand_missed(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob = self.peer(group, "bob")
        bob.say("0")
        browser.sees("0")
        browser.wait("JSON.parse(localStorage['chat-room.kept'] ?? '{}').shown === 1")
        browser.go("about:blank")
        group.stop()
        group.write([str(number) for number in range(1, 10_001)])
        group.start()
        browser.go(group.url)
        browser.inside()
        browser.wait("document.querySelector('#to-end').dataset.count === '10000'")
        browser.sees("1")
        # It begins where reading ended, and goes to the end without a gap.
        mark, end = browser.run(
            "const at = document.querySelector('#unread').getBoundingClientRect();"
            "const list = document.querySelector('#scroll').getBoundingClientRect();"
            "return [at.top - list.top, list.height]")
        self.assertTrue(-1 <= mark < end, f"the mark is at {mark} of {end}")
        self.assertEqual(browser.texts()[0], "0")
        self.assertLessEqual(self.scroll(browser, 100_000, 10_000), 500)
        browser.wait("document.title === 'Chat-Room'")
        self.assertEqual(browser.complaints(), [])

    def test_scrolling_up_through_fifty_thousand(self):
        group = self.group(said=[str(number) for number in range(50_000)])
        # bob has seen all of it elsewhere: what is scrolled to has to be fetched.
        self.peer(group, "bob").ask("SKIP")
        browser = self.browser()
        # Older messages come because somebody scrolls, not because time passes.
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", source="window.setInterval = () => 0")
        browser.log_in(group.url, "bob@x", "bob-secret")
        browser.sees("49999")
        # It opens at the end, where its head and its start have their heights by now.
        browser.wait("document.querySelectorAll('#messages li').length > 40 && document.querySelector('#to-end').hidden")
        # In stretches, none of which takes long.
        for end in range(45_000, -1, -5_000):
            self.assertLessEqual(self.scroll(browser, -100_000, end), 500)
        browser.wait("!document.querySelector('#start').hidden")
        browser.click("#to-end")
        browser.sees("49999")
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
        # The page gives up a connection on which nothing came for a while.
        browser.run("const now = Date.now; Date.now = () => now() + 4000")
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
