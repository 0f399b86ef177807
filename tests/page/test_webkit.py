"""The page in WebKit, the kind of browser that iPhones have."""

from page import Tests
from webkit import WebKit


class Talking(Tests):
    def test_talking_on_a_phone_and_coming_back(self):
        group = self.group()
        bob = self.peer(group, "bob")
        phone = WebKit(375, 667)
        self.addCleanup(phone.close)
        phone.log_in(group.url, "Ann@X", "ann-secret")
        phone.say("good morning")
        bob.hears("good morning")
        bob.say("hi ann, see https://example.org/ \U0001f600", "שלום")
        phone.sees("שלום")
        self.assertEqual(phone.run(
            "return [...document.querySelectorAll('#messages mark, #messages a')].map((found) => found.textContent)"),
            ["ann", "https://example.org/"])
        self.fits(phone)
        phone.click("#open-members")
        phone.wait("document.querySelector('dialog').innerText.includes('bob')")
        self.fits(phone)
        phone.keys("Escape")
        phone.wait("document.querySelector('dialog') === null")
        # The server goes, and comes back.
        group.kill()
        phone.wait("document.querySelector('#status').innerText.includes('Trying again')")
        phone.say("while it was away")
        phone.wait("document.querySelector('.pending').innerText.includes('while it was away')")
        group.start()
        phone.inside()
        phone.sees("while it was away")
        self.peer(group, "bob").say("welcome back")
        phone.sees("welcome back")
        said = ["good morning", "hi ann, see https://example.org/ \U0001f600", "שלום", "while it was away", "welcome back"]
        self.assertEqual(phone.texts(), said)
        phone.wait("[...document.querySelectorAll('.ticks')].length === 2")
        # Opened again it is logged in, and shows the same; without a server, too.
        phone.wait("(localStorage['chat-room.kept'] ?? '').includes('welcome back')")
        phone.wait("navigator.serviceWorker.ready.then(() => true)")
        group.kill()
        phone.go(group.url)
        phone.sees("welcome back")
        self.assertEqual(phone.texts(), said)
