"""The page in headless Chromium, on the real server."""

import os
import unittest

from browser import Browser, Driver, Group, eventually

HOSTILE = [
    "<b>bold</b>",
    "<img src=x onerror=\"document.title='broken'\">",
    "<script>document.title='broken'</script>",
    "javascript:document.title='broken'",
    "https://x.example/\"onmouseover=\"document.title='broken'",
    "&lt;i&gt; &amp; \\u003cb\\u003e",
    "</textarea></li><svg onload=\"document.title='broken'\">",
]


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.driver = Driver()

    @classmethod
    def tearDownClass(cls):
        cls.driver.close()

    def group(self, *arguments, **options):
        group = Group(*arguments, **options)
        self.addCleanup(group.close)
        return group

    def browser(self, *arguments, **options):
        browser = Browser(self.driver, *arguments, **options)
        self.addCleanup(browser.close)
        return browser

    def peer(self, group, name):
        peer = group.peer(name)
        self.addCleanup(peer.close)
        return peer

    def fits(self, browser):
        """Nothing is wider than the window."""
        self.assertEqual(browser.run(
            "const wide = document.documentElement.clientWidth;"
            "return [...document.querySelectorAll('body *:not(.hidden):not(.hidden *)')].filter((element) => {"
            "  const { right, left, width } = element.getBoundingClientRect();"
            "  return width > 0 && (right > wide + 1 || left < -1);"
            "}).map((element) => `${element.tagName} ${element.className}`)"), [])

    def test_log_in_and_talk_on_a_phone(self):
        group = self.group(["ann", "bob"])
        bob = self.peer(group, "bob")
        browser = self.browser(375, 667)
        browser.log_in(group.url, "Ann@X", "ann-secret")
        browser.say("good morning")
        bob.hears("good morning")
        bob.say("hi ann")
        browser.sees("hi ann")
        self.assertEqual(browser.said(), ["good morning", "hi ann"])
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

    def test_wrong_password(self):
        group = self.group()
        browser = self.browser()
        browser.go(group.url)
        browser.wait("!document.querySelector('#enter').hidden")
        browser.submit_login("ann@x", "wrong-secret")
        browser.wait("document.querySelector('#enter-error').textContent.includes('do not belong')")
        browser.submit_login("ann@x", "bad")
        browser.wait("document.querySelector('#enter-error').textContent.includes('at least 6')")
        browser.submit_login("ann@x", "ann-secret")
        browser.inside()

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
        said = [browser.said() for browser in browsers]
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
        self.assertEqual(sorted(browser.said()), ["after", "before", "while it was away"])
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
        seen, rows = browser.call("POST", "/execute/async", {"script": """
            const [done] = arguments;
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
            step();""", "args": []})
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

    def test_removed_while_typing(self):
        group = self.group()
        ann = self.peer(group, "ann")
        browser = self.browser()
        browser.log_in(group.url, "bob@x", "bob-secret")
        browser.type("#text", "half a sent")
        ann.ask("REMOVE bob@x")
        browser.wait("document.querySelector('#status').innerText.includes('no longer a member')")
        self.assertEqual(browser.run("return [document.querySelector('#text').value, document.querySelector('#send').disabled]"),
                         ["half a sent", True])
        self.assertEqual(browser.run("return Object.keys(localStorage).filter((key) => key !== 'chat-room.device')"), [])
        browser.click("#status button")
        browser.wait("!document.querySelector('#enter').hidden")

    def test_what_is_said_is_text(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser(320, 568)
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob.say(*HOSTILE)
        for text in HOSTILE:
            browser.sees(text)
        self.assertEqual(browser.run(
            "return [document.title, document.querySelectorAll('#messages :is(b, img, script, svg, i, textarea)').length]"),
            ["Chat-Room", 0])
        self.assertEqual(
            browser.run("return [...document.querySelectorAll('#messages a')].map((a) => [a.href, a.rel, a.target])"),
            [["https://x.example/", "noopener noreferrer", "_blank"]])
        # The same in what is found, and in dialogs.
        browser.click("#open-search")
        browser.type("#search-text", "title")
        browser.keys("Enter")
        browser.wait("document.querySelectorAll('.found li').length === 5")
        self.assertEqual(browser.run("return document.querySelectorAll('.found :is(b, img, script, svg)').length"), 0)
        self.fits(browser)
        self.assertEqual(browser.complaints(), [])

    def test_two_tabs_of_one_device(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        first = browser.call("GET", "/window")
        second = browser.call("POST", "/window/new", {"type": "tab"})["handle"]
        browser.call("POST", "/window", {"handle": second})
        browser.go(group.url)
        browser.inside()
        browser.say("from the second")
        browser.sees("from the second")
        bob.say("for both")
        browser.sees("for both")
        browser.call("POST", "/window", {"handle": first})
        browser.sees("for both")
        self.assertEqual(browser.said(), ["from the second", "for both"])
        browser.click("#open-menu")
        browser.run("[...document.querySelectorAll('dialog button')].find((button) => button.textContent === 'Log out').click()")
        browser.wait("!document.querySelector('#enter').hidden")
        browser.call("POST", "/window", {"handle": second})
        browser.wait("document.querySelector('#enter-error').textContent.includes('another tab')")
        self.assertEqual(browser.run("return Object.keys(localStorage)"), ["chat-room.device"])

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
        self.assertEqual(browser.said(), ["before", "meanwhile", "written without a network"])

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
        self.assertEqual(browser.said(), ["to be read later"])

    def test_admins_add_and_remove(self):
        group = self.group(["ann", "bob"])
        browser, other = self.browser(375, 667), self.browser(375, 667)
        browser.log_in(group.url, "ann@x", "ann-secret")
        browser.click("#open-members")
        press = ("return [...document.querySelectorAll('dialog button')].filter((button) => button.textContent === arguments[0]"
                 " || button.ariaLabel === arguments[0]).at(-1).click()")
        browser.run(press, "Add a member")
        browser.type("#add-mail", "dan@x")
        browser.type("#add-password", "dan-secret")
        browser.keys("Enter")
        browser.wait("document.querySelectorAll('dialog').length === 1 && document.querySelector('dialog').innerText.includes('dan')")
        other.log_in(group.url, "dan@x", "dan-secret")
        other.say("thank you")
        browser.sees("thank you")
        browser.run(press, "More about dan")
        browser.run(press, "Remove from the group")
        browser.run(press, "Remove")
        other.wait("document.querySelector('#status').innerText.includes('no longer a member')")
        browser.wait("document.querySelector('#messages').innerText.includes('dan was removed by you')")

    def test_a_new_password(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "bob@x", "bob-secret")
        browser.click("#open-menu")
        browser.run("[...document.querySelectorAll('dialog button')].find((button) => button.textContent === 'Change my password').click()")
        browser.type("#old-password", "wrong-secret")
        browser.type("#new-password", "new-secret")
        browser.keys("Enter")
        browser.wait("document.querySelector('dialog .error').textContent !== ''")
        browser.run("document.querySelector('#old-password').value = ''")
        browser.type("#old-password", "bob-secret")
        browser.keys("Enter")
        browser.wait("document.querySelector('dialog') === null")
        # The new token is good.
        browser.wait("localStorage['chat-room.login']")
        browser.go(group.url)
        browser.inside()

    def test_the_keyboard_is_enough(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser()
        browser.go(group.url)
        browser.wait("document.activeElement.id === 'mail'")
        browser.keys("a", "n", "n", "@", "x", "Tab", *"ann-secret", "Enter")
        browser.inside()
        browser.wait("document.activeElement.id === 'text'")
        browser.keys(*"by hand", "Enter")
        bob.hears("by hand")

        def reach(label):
            """Presses Tab until what has this label has the focus."""
            for _ in range(30):
                browser.keys("Tab")
                if browser.run("const a = document.activeElement; return a.ariaLabel === arguments[0] || a.textContent === arguments[0]", label):
                    return
            raise AssertionError(f"Tab does not come to {label}")
        reach("Search")
        browser.keys("Enter", *"hand", "Enter")
        browser.wait("document.querySelectorAll('.found li').length === 1")
        browser.keys("Tab", "Tab", "Enter")
        browser.wait("document.activeElement.dataset.seq === '1'")
        reach("Settings")
        browser.keys("Enter")
        reach("Change my password")
        browser.keys("Escape")
        browser.wait("document.querySelector('dialog') === null && document.activeElement.id === 'open-menu'")
        self.assertEqual(browser.complaints(), [])

    def test_right_to_left_long_words_and_large_text(self):
        group = self.group()
        bob = self.peer(group, "bob")
        for width, height in [(320, 568), (1280, 800)]:
            browser = self.browser(width, height)
            browser.log_in(group.url, "ann@x", "ann-secret")
            bob.say("שלום לכולם", "x" * 3000, "https://example.org/" + "y" * 500, "漢字" * 300)
            browser.sees("漢字" * 300)
            self.assertEqual(browser.run(
                "return getComputedStyle([...document.querySelectorAll('.text')].find((text) => text.textContent.startsWith('ש'))).direction"), "rtl")
            self.fits(browser)
            browser.run("document.documentElement.style.fontSize = '200%'")
            self.fits(browser)
            browser.click("#open-members")
            browser.wait("document.querySelector('dialog').innerText.includes('cid')")
            self.fits(browser)

    def test_axe_finds_no_violation(self):
        axe = os.environ.get("AXE")
        if not axe:
            self.skipTest("there is no axe-core here")
        with open(axe, encoding="utf-8") as file:
            script = file.read()
        group = self.group()
        bob = self.peer(group, "bob")
        for dark in [False, True]:
            browser = self.browser(375, 667, dark=dark)

            def check(where):
                # No script of another origin gets in: this comes through the driver.
                browser.run(script + "; window.axe = axe")
                violations = browser.call("POST", "/execute/async", {"script":
                    "axe.run().then(({ violations }) => arguments[0](violations.map(({ id, nodes }) =>"
                    " [id, nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary)])))", "args": []})
                self.assertEqual(violations, [], where)
            browser.go(group.url)
            browser.wait("!document.querySelector('#enter').hidden")
            check("login")
            browser.log_in(group.url, "ann@x", "ann-secret")
            bob.say("hi ann", "see https://example.org/", "/me waves")
            browser.say("mine")
            browser.sees("mine")
            check("chat")
            for button in ["#open-members", "#open-menu", "#open-search", ".ticks"]:
                browser.click(button)
                browser.wait("document.querySelector('dialog')")
                # When it has risen.
                browser.wait("document.getAnimations().length === 0")
                check(button)
                browser.keys("Escape")


if __name__ == "__main__":
    unittest.main()
