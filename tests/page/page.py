"""What the tests of the page share: one browser for each class of them."""

import unittest

from browser import Browser, Chromium, Group


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.chromium = Chromium()

    @classmethod
    def tearDownClass(cls):
        cls.chromium.close()

    def group(self, *arguments, **options):
        group = Group(*arguments, **options)
        self.addCleanup(group.close)
        return group

    def browser(self, *arguments, **options):
        browser = Browser(self.chromium, *arguments, **options)
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
