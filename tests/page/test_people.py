"""Who gets in, what people do with the page, and how it looks, in headless Chromium on the real server."""

import pathlib
import shutil
import subprocess
import tempfile

from group import PATIENCE
from page import Page

# The checker of accessibility.
AXE = "axe-core@4.10.3"

HOSTILE = [
    "<b>bold</b>",
    "<img src=x onerror=\"document.title='broken'\">",
    "<script>document.title='broken'</script>",
    "javascript:document.title='broken'",
    "https://x.example/\"onmouseover=\"document.title='broken'",
    "&lt;i&gt; &amp; \\u003cb\\u003e",
    "</textarea></li><svg onload=\"document.title='broken'\">",
]


def axe():
    """The script of the checker, or nothing if it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="chat-room-axe-") as folder:
        archive = AXE.replace("@", "-") + ".tgz"
        try:
            for command in [["npm", "pack", "--silent", "--fetch-retries=0", "--fetch-timeout=20000", AXE], ["tar", "-xzf", archive]]:
                subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
        except (OSError, subprocess.SubprocessError):
            return None
        return (pathlib.Path(folder) / "package/axe.min.js").read_text(encoding="utf-8")


class People(Page):
    def second_tab(self, browser, group):
        """Another tab of a browser that logs in, which comes in with its token."""
        browser.wait("localStorage['chat-room.login']")
        tab = browser.tab()
        self.addCleanup(tab.close)
        tab.go(group.url)
        tab.inside()
        return tab

    def change_password(self, browser, old, new):
        browser.click("#open-menu")
        browser.press("Change my password")
        browser.type("#old-password", old)
        browser.type("#new-password", new)
        browser.keys("Enter")

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
        other = self.second_tab(browser, group)
        other.say("from the second")
        other.sees("from the second")
        bob.say("for both")
        for tab in [browser, other]:
            tab.sees("for both")
        self.assertEqual(browser.texts(), ["from the second", "for both"])
        browser.click("#open-menu")
        browser.press("Log out")
        browser.wait("!document.querySelector('#enter').hidden")
        other.wait("document.querySelector('#enter-error').textContent.includes('another tab')")
        self.assertEqual(other.run("return Object.keys(localStorage)"), ["chat-room.device"])

    def test_admins_add_and_remove(self):
        group = self.group(["ann", "bob"])
        browser, other = self.browser(375, 667), self.browser(375, 667)
        browser.log_in(group.url, "ann@x", "ann-secret")
        browser.click("#open-members")
        browser.press("Add a member")
        # The server takes more than HTML calls a mail.
        browser.type("#add-mail", "dan@my_host")
        browser.type("#add-password", "dan-secret")
        browser.keys("Enter")
        browser.wait("document.querySelectorAll('dialog').length === 1 && document.querySelector('dialog').innerText.includes('dan')")
        other.log_in(group.url, "dan@my_host", "dan-secret")
        other.say("thank you")
        browser.sees("thank you")
        browser.press("More about dan")
        browser.press("Remove from the group")
        browser.press("Remove")
        other.wait("document.querySelector('#status').innerText.includes('no longer a member')")
        browser.wait("document.querySelector('#messages').innerText.includes('dan was removed by you')")

    def test_all_members_of_a_large_group(self):
        group = self.group(["ann"])
        group.stop()
        # They were members in the beginning, so that no event names them.
        shutil.rmtree(f"{group.folder}/history")
        with open(f"{group.folder}/members.txt", "r+", encoding="utf-8") as file:
            secret = file.read().split()[1]
            file.writelines(f"m{number}@x {secret}\n" for number in range(100, 700))
        group.start()
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        browser.click("#open-members")
        rows = "document.querySelectorAll('dialog .members li').length"
        for count in [200, 400, 600, 601]:
            browser.wait(f"{rows} === {count}")
            self.assertEqual(browser.run("return [...document.querySelectorAll('dialog button')].at(-1).hidden"), count == 601)
            browser.press("More")
        browser.keys("Escape")
        browser.wait("document.querySelector('dialog') === null")
        # The last of them is found at once, by whoever has not seen the list before.
        other = self.browser()
        other.log_in(group.url, "ann@x", "ann-secret")
        other.click("#open-members")
        other.wait(f"{rows} === 200")
        other.type("dialog input[type=search]", "m699")
        other.wait(f"{rows} === 1 && document.querySelector('dialog .members').innerText.includes('m699')")
        self.assertEqual(browser.complaints() + other.complaints(), [])

    def test_what_is_selected_stays(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob.say("see https://example.org/")
        browser.sees("see https://example.org/")
        browser.run("document.querySelector('#messages a').focus(); getSelection().selectAllChildren(document.querySelector('#messages .text'))")
        # Who is here is asked from time to time, here also by a new connection, and the rows stay the same.
        browser.wait("document.querySelector('#here').textContent === '3 members, 2 here'")
        self.peer(group, "cid")
        browser.run("const now = Date.now; Date.now = () => now() + 61_000")
        browser.wait("document.querySelector('#here').textContent === '3 members, 3 here'")
        self.assertEqual(browser.run("return [document.activeElement.tagName, String(getSelection())]"), ["A", "see https://example.org/"])
        # The next day, lines between days say so.
        browser.wait("document.querySelector('.day').textContent === 'Today'")
        browser.run("""
            const now = Date.now() + 86_400_000;
            window.Date = class extends Date {
              constructor(...words) { super(...(words.length > 0 ? words : [now])); }
              static now() { return now; }
            };""")
        browser.wait("document.querySelector('.day').textContent === 'Yesterday'")

    def test_what_the_browser_does_not_allow(self):
        group = self.group(["ann"])
        browser = self.browser(375, 667)
        browser.log_in(group.url, "ann@x", "ann-secret")
        browser.wait("document.querySelector('#here').textContent.startsWith('1 member')")
        browser.run("Notification.requestPermission = async () => 'denied';"
                    "Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        browser.click("#open-menu")
        browser.run("const when = document.querySelector('#notify'); when.value = 'all'; when.dispatchEvent(new Event('change'))")
        browser.wait("document.querySelector('dialog').innerText.includes('does not allow')")
        self.assertEqual(browser.run("return document.querySelector('#notify').value"), "off")
        browser.keys("Escape")
        browser.wait("document.querySelector('dialog') === null")
        # The link of an invitation is shown only here: it stays until it was copied.
        browser.click("#open-members")
        browser.press("Invite")
        browser.type("#invite-mail", "kim@x")
        browser.keys("Enter")
        browser.wait("document.querySelector('#link')")
        browser.press("Copy")
        browser.wait("document.querySelector('dialog:last-of-type [role=status]').textContent.includes('by hand')")
        self.assertTrue(browser.run("return String(getSelection()) === document.querySelector('#link').value"))

    def test_from_an_invitation_to_the_first_line(self):
        group = self.group(["ann", "bob"])
        browser, phone = self.browser(), self.browser(375, 667)
        browser.log_in(group.url, "ann@x", "ann-secret")
        browser.wait("document.querySelector('#here').textContent.startsWith('2 members')")
        browser.click("#open-members")
        browser.press("Invite")
        # Somebody who is a member needs none.
        browser.type("#invite-mail", "bob@x")
        browser.keys("Enter")
        browser.wait("document.querySelector('dialog:last-of-type .error').textContent !== ''")
        browser.run("document.querySelector('#invite-mail').value = ''")
        browser.type("#invite-mail", "dora+choir@x.example")
        browser.keys("Enter")
        browser.wait("document.querySelector('#link')")
        link = browser.run("return document.querySelector('#link').value")
        self.assertTrue(link.startswith(f"{group.url}#join=dora%2Bchoir%40x.example/"), link)
        phone.go(link)
        phone.wait("document.querySelector('#enter-text').textContent.includes('invited')")
        # The word is a secret, and good once: it does not stay in the address.
        self.assertEqual(phone.run("return [location.href, document.querySelector('#mail').value, document.querySelector('#mail').readOnly]"),
                         [group.url, "dora+choir@x.example", True])
        self.fits(phone)
        phone.type("#password", "short")
        phone.keys("Enter")
        phone.wait("document.querySelector('#enter-error').textContent.includes('at least 6')")
        # A server that is away for a moment costs nobody the invitation.
        group.kill()
        for _ in range(2):
            phone.run("document.querySelector('#password').value = ''")
            phone.type("#password", "dora-secret")
            phone.keys("Enter")
            if group.process.poll() is not None:
                phone.wait("document.querySelector('#enter-error').textContent.includes('cannot be reached')")
                self.assertEqual(phone.run("return document.querySelector('#enter-button').textContent"), "Join")
                group.start()
        phone.inside()
        phone.say("hello, I am new")
        browser.sees("hello, I am new")
        browser.wait("document.querySelector('#messages').innerText.includes('dora+choir was added by you')")
        # The link is good once; dora is in, and stays in.
        other = self.browser()
        other.go(group.url)
        other.wait("document.querySelector('#enter').dataset.ready")
        other.go(link)
        other.wait("document.querySelector('#enter-text').textContent.includes('invited')")
        other.type("#password", "other-secret")
        other.keys("Enter")
        other.wait("document.querySelector('#enter-error').textContent !== ''")
        phone.go(group.url)
        phone.inside()
        phone.sees("hello, I am new")
        self.assertEqual(phone.complaints(), [])

    def test_the_title_and_who_may_speak(self):
        group = self.group()
        ann, bob = self.peer(group, "ann"), self.peer(group, "bob")
        browser, phone = self.browser(), self.browser(375, 667)
        browser.log_in(group.url, "ann@x", "ann-secret")
        phone.log_in(group.url, "bob@x", "bob-secret")
        browser.click("#open-menu")
        browser.press("Name the group")
        browser.type("#group-title", "Choir <b>")
        browser.keys("Enter")
        for page in [browser, phone]:
            page.wait("document.querySelector('#title').textContent === 'Choir <b>' && document.title === 'Choir <b>'")
        phone.type("#text", "half a sentence")
        browser.click("#open-menu")
        browser.press("Let only admins speak")
        muted = "document.querySelector('#text').readOnly && document.querySelector('#composer').innerText.includes('Only admins can speak')"
        phone.wait(muted)
        self.assertEqual(phone.run("return [document.querySelector('#text').value, document.querySelector('#send').disabled]"),
                         ["half a sentence", True])
        self.fits(phone)
        phone.keys("Enter")
        browser.say("from the admin")
        for page in [browser, phone]:
            page.sees("from the admin")
            self.assertEqual(page.texts(), ["from the admin"])
        # What admins may do is theirs at once, and is gone at once.
        ann.ask("PROMOTE bob@x")
        phone.wait("!document.querySelector('#text').readOnly && document.querySelector('#composer-note').hidden")
        phone.keys("Enter")
        browser.sees("half a sentence")
        choices = "return [...document.querySelectorAll('dialog .choices button')].map((button) => button.textContent)"
        browser.click("#open-menu")
        self.assertTrue({"Name the group", "Let everybody speak"} < set(browser.run(choices)))
        browser.keys("Escape")
        browser.wait("document.querySelector('dialog') === null")
        bob.ask("DEMOTE ann@x")
        browser.wait(muted)
        browser.click("#open-menu")
        self.assertEqual(browser.run(choices), ["Change my password", "Change my name", "Log out"])
        # Both are there for those who come later.
        other = self.browser()
        other.log_in(group.url, "cid@x", "cid-secret")
        other.wait(muted)
        other.wait("document.title.endsWith('Choir <b>')")
        bob.ask("ANNOUNCE off")
        for page in [browser, other]:
            page.wait("!document.querySelector('#text').readOnly")
            self.assertEqual(page.complaints(), [])

    def test_names(self):
        group = self.group()
        bob = self.peer(group, "bob")
        browser = self.browser(375, 667)
        browser.log_in(group.url, "ann@x", "ann-secret")
        bob.ask("NAME Bob <b>B.")
        bob.say("hello")
        browser.sees("hello")
        self.assertEqual(browser.run("return document.querySelector('#messages .name').textContent"), "Bob <b>B.")
        browser.wait("document.querySelector('#messages').innerText.includes('bob@x is now called Bob <b>B.')")
        # One's own, which may not be somebody else's.
        browser.click("#open-menu")
        browser.press("Change my name")
        browser.type("#my-name", "CID")
        browser.keys("Enter")
        browser.wait("document.querySelector('dialog .error').textContent !== ''")
        browser.run("document.querySelector('#my-name').value = ''")
        browser.type("#my-name", "Ann Other")
        browser.keys("Enter")
        browser.wait("document.querySelector('dialog') === null")
        browser.click("#open-members")
        browser.wait("[...document.querySelectorAll('dialog bdi')].some((name) => name.textContent === 'Ann Other')")
        self.fits(browser)
        browser.keys("Escape")
        bob.say("thank you, ann other")
        browser.wait("document.querySelector('#messages mark')?.textContent === 'ann other'")
        # A name lasts: another browser, which has not seen it given, learns it from the list of members.
        other = self.browser()
        other.log_in(group.url, "cid@x", "cid-secret")
        bob.say("for cid")
        other.sees("for cid")
        other.wait("[...document.querySelectorAll('#messages .name')].at(-1).textContent === 'Bob <b>B.'")
        # Nobody looks like somebody else: the mail stands beside a name that could be another's.
        bob.ask("NAME D\u043era")
        other.wait("[...document.querySelectorAll('#messages .name')].at(-1).textContent === 'D\u043era'")
        browser.wait("document.querySelector('#open-members')")
        browser.click("#open-members")
        browser.press("Add a member")
        browser.type("#add-mail", "dora@x")
        browser.type("#add-password", "dora-secret")
        browser.keys("Enter")
        for page in [browser, other]:
            page.wait("[...document.querySelectorAll('#messages .name')].at(-1).textContent === 'D\u043era (bob@x)'")
        browser.wait("document.querySelector('#messages').innerText.includes('dora@x was added by you')")
        self.assertEqual(browser.complaints(), [])

    def test_a_new_password(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "bob@x", "bob-secret")
        self.change_password(browser, "wrong-secret", "new-secret")
        browser.wait("document.querySelector('dialog .error').textContent !== ''")
        browser.run("document.querySelector('#old-password').value = ''")
        browser.type("#old-password", "bob-secret")
        browser.keys("Enter")
        browser.wait("document.querySelector('dialog') === null")
        # The new token is good.
        browser.wait("localStorage['chat-room.login']")
        browser.go(group.url)
        browser.inside()

    def test_a_new_password_with_two_tabs(self):
        group = self.group()
        browser = self.browser()
        browser.log_in(group.url, "ann@x", "ann-secret")
        other = self.second_tab(browser, group)
        other.wait("localStorage['chat-room.login']")
        before = browser.run("return localStorage['chat-room.login']")
        self.change_password(browser, "ann-secret", "new-secret")
        browser.wait("document.querySelector('dialog') === null")
        # The server ends the other one's connection; it comes back with what the first was given.
        browser.wait("JSON.parse(localStorage['chat-room.login']).token && localStorage['chat-room.login'] !== arguments[0]", before)
        for tab in [browser, other]:
            tab.inside()
            tab.say("still here")
        for tab in [browser, other]:
            tab.wait("document.querySelectorAll('#messages .text').length === 2")
            self.assertEqual(tab.complaints(), [])

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
                if browser.run("const a = document.activeElement; return a.ariaLabel === arguments[0] || a.title === arguments[0] || a.textContent === arguments[0]", label):
                    return
            raise AssertionError(f"Tab does not come to {label}")
        reach("Search")
        browser.keys("Enter", *"hand", "Enter")
        browser.wait("document.querySelectorAll('.found li').length === 1")
        # Asked twice, it is found once.
        browser.run("const form = document.querySelector('dialog form'); form.requestSubmit(); form.requestSubmit()")
        browser.wait("document.querySelector('dialog [role=status]').textContent === '1 found.'")
        browser.keys("Tab", "Tab", "Enter")
        browser.wait("document.activeElement.dataset.seq === '1'")
        # A change by a dialog leads back to whom it was about.
        reach("Members")
        browser.keys("Enter")
        reach("More about bob")
        browser.keys("Enter")
        reach("Make an admin")
        browser.keys("Enter")
        reach("Yes")
        browser.keys("Enter")
        browser.wait("document.querySelectorAll('dialog').length === 1 && document.querySelectorAll('dialog .badge').length === 2")
        self.assertEqual(browser.run("return document.activeElement.ariaLabel"), "More about bob")
        browser.keys("Escape")
        browser.wait("document.querySelector('dialog') === null")
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
        script = axe()
        if not script:
            self.skipTest("there is no axe-core here")
        group = self.group()
        bob = self.peer(group, "bob")
        for dark in [False, True]:
            browser = self.browser(375, 667, dark=dark)

            def check(where):
                # No script of another origin gets in: this comes through the driver.
                browser.run(script + "; window.axe = axe")
                violations = browser.run(
                    "return axe.run().then(({ violations }) => violations.map(({ id, nodes }) =>"
                    " [id, nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary)]))")
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
