"""The page in a browser, whichever: what people do with it, and what it shows."""

import time

from group import PATIENCE

# So long a page may take to say what it shows, of which it is known that something hangs.
LAST_WORDS = 5


def eventually(question, what, patience):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + patience
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {patience} s: {what}")
        time.sleep(0.02)


class Hangs(AssertionError):
    """The browser does not answer."""


class Window:
    """Each kind of browser has its own `evaluate`, `go`, `click`, `type` and `keys`."""

    patience = PATIENCE

    def evaluate(self, script, arguments, patience):
        """What this returns, or what its promise brings."""
        raise NotImplementedError

    def complaints(self):
        """What the browser's console says, without the connections that were to break."""
        raise NotImplementedError

    def run(self, script, *arguments):
        """What this returns, or what its promise brings; it may not take for ever."""
        return self.explained(script, lambda: self.evaluate(script, arguments, self.patience))

    def explained(self, what, act):
        """Does this, and says what the page shows if the browser does not answer."""
        try:
            return act()
        except Hangs as error:
            raise AssertionError(f"{what}: {error}\n{self.shows()}") from None

    def shows(self):
        """For whoever reads why a test has failed."""
        try:
            text, stored = self.evaluate(
                "return [document.body?.innerText ?? '', JSON.stringify([{ ...localStorage }, { ...sessionStorage }])]", (), LAST_WORDS)
        except AssertionError as error:
            return f"nothing can be said of the page: {error}"
        return f"the page shows:\n{text[-2000:]}\nit keeps: {stored[:1000]}\nthe console says: {self.complaints()}"

    def wait(self, script, *arguments):
        """Waits until this expression is true."""
        def asked():
            # What is not in the document yet is no mistake. A promise is waited for.
            return self.run(f"return (async () => {script})().then(Boolean, () => false)", *arguments)
        try:
            eventually(asked, script, self.patience)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.shows()}") from None

    def press(self, label):
        """Presses the button of a dialog that has this label; of several dialogs, in the last."""
        self.run("[...document.querySelectorAll('dialog button')].findLast((button) =>"
                 " button.textContent === arguments[0] || button.ariaLabel === arguments[0]).click()", label)

    def log_in(self, url, mail, password):
        self.go(url)
        self.wait("document.querySelector('#enter')?.dataset.ready && !document.querySelector('#enter').hidden")
        self.submit_login(mail, password)
        self.inside()

    def submit_login(self, mail, password):
        self.run("for (const id of ['mail', 'password']) document.getElementById(id).value = ''")
        self.type("#mail", mail)
        self.type("#password", password)
        self.click("#enter-button")

    def inside(self):
        self.wait("!document.querySelector('#chat').hidden && document.querySelector('#status').hidden")

    def say(self, text):
        self.type("#text", text)
        self.keys("Enter")

    def texts(self):
        """The texts of all messages in the document."""
        return self.run("return [...document.querySelectorAll('#messages .text')].map((text) => text.textContent)")

    def sees(self, text):
        self.wait("[...document.querySelectorAll('#messages .text')].some((text) => text.textContent === arguments[0])", text)
