"""What the tests of the page share."""

import unittest

from browser import SHELL, Browser, Chromium
from group import Group


class Tests(unittest.TestCase):
    def group(self, *arguments, **options):
        group = Group(*arguments, **options)
        self.addCleanup(group.close)
        return group

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

    def scroll(self, browser, by, end):
        """Scrolls by so many pixels in each frame, until the messages in the document hold `end`. All are numbers, and none is
        passed over. How many rows there were at most."""
        seen, rows = browser.run("""
            const [by, end] = arguments;
            const box = document.querySelector('#scroll');
            const seen = [];
            let rows = 0;
            return new Promise((done) => {
              const step = () => {
                const texts = [...document.querySelectorAll('#messages .text')].map((text) => Number(text.textContent));
                seen.push(texts.every((text, at) => text === texts[0] + at) ? [texts[0], texts.at(-1)] : texts);
                rows = Math.max(rows, document.querySelectorAll('#messages li').length);
                box.scrollBy(0, by);
                if (texts.includes(end)) done([seen, rows]);
                else requestAnimationFrame(step);
              };
              step();
            });""", by, end)
        before = seen[0]
        for first, *others, last in seen:
            self.assertEqual(others, [], "a gap")
            self.assertTrue(first <= before[1] + 1 and before[0] <= last + 1, f"some were passed over after {before}")
            before = [first, last]
        return rows


class Page(Tests):
    """One Chromium for each class of tests."""

    PROGRAM = SHELL

    @classmethod
    def setUpClass(cls):
        cls.chromium = Chromium(cls.PROGRAM)

    @classmethod
    def tearDownClass(cls):
        cls.chromium.close()

    def browser(self, *arguments, **options):
        browser = Browser(self.chromium, *arguments, **options)
        self.addCleanup(browser.close)
        return browser
