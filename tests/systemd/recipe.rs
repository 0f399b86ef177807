//! docs/operating.md is followed to the letter, on two machines: its commands are taken from its text, and none is left out
//! but those that are named here.

use std::cell::RefCell;
use std::os::fd::IntoRawFd as _;

use super::blocks;
use super::machine::{SAY, Systemd};
use crate::common::disk::{skip, tool};
use crate::common::server::until;

const PAGE: &str = include_str!("../../docs/operating.md");

/// The blocks of the page that were not run yet: heading, which one under it, text.
struct Page(RefCell<Vec<(String, usize, String)>>);

impl Page {
    fn open() -> Page {
        let mut blocks: Vec<(String, usize, String)> = Vec::new();
        for (heading, text) in blocks::all(PAGE) {
            let index = blocks.iter().filter(|(other, ..)| *other == heading).count();
            blocks.push((heading, index, text));
        }
        Page(RefCell::new(blocks))
    }

    /// A block, which counts as run from now on.
    #[track_caller]
    fn block(&self, heading: &str, index: usize) -> String {
        let mut blocks = self.0.borrow_mut();
        let at = blocks.iter().position(|(other, number, _)| other == heading && *number == index);
        blocks.remove(at.unwrap_or_else(|| panic!("{heading:?} has no block {index} that was not run"))).2
    }

    /// Runs a block; returns what it prints.
    #[track_caller]
    fn run(&self, machine: &Systemd, heading: &str, index: usize) -> String {
        machine.done(&format!("{SETTING}{}", adapted(&self.block(heading, index))))
    }

    /// A block that is not run here.
    #[track_caller]
    fn leave_out(&self, heading: &str, index: usize, begin: &str) {
        let block = self.block(heading, index);
        assert!(block.starts_with(begin), "{heading}, block {index}, is another one: {block}");
    }
}

/// Every command has to succeed. Other programs than those of the page come first: `ssh`, which is another machine's shell, and
/// an editor.
const SETTING: &str =
    "set -e; export PATH=/run/programs:$PATH EDITOR=new-password XDG_STATE_HOME=/run/state\n";

/// Without what this machine has already, or has to leave alone.
fn adapted(block: &str) -> String {
    let is_ours = |line: &&str| !line.starts_with("apt install ") && *line != "cargo build --release";
    let ours: Vec<&str> = block.lines().filter(is_ours).collect();
    blocks::with_our_settings_only(&ours.join("\n"))
}

/// "Install" and "Make the group": nothing is started, and who types gives a password.
pub(crate) fn install(systemd: &Systemd) {
    install_from(&Page::open(), systemd);
    make_group(&Page::open(), systemd);
}

fn install_from(page: &Page, systemd: &Systemd) {
    page.leave_out("Install", 0, "apt install ");
    page.run(systemd, "Install", 1);
}

fn make_group(page: &Page, systemd: &Systemd) {
    let block = page.block("Make the group", 0);
    systemd.done(&format!("set -e\nprintf 'ann-secret\\nann-secret\\n' | {{\n{block}}}"));
}

const HOSTS: &str = "127.0.0.1 localhost chat.example.org\n";

/// Two machines: one to begin on, and the one that the page calls by other names.
struct Machines {
    old: Systemd,
    new: Systemd,
    page: Page,
}

impl Machines {
    fn boot() -> Result<Machines, &'static str> {
        let machines = Machines { old: Systemd::boot()?, new: Systemd::boot()?, page: Page::open() };
        for (machine, other) in [(&machines.old, &machines.new), (&machines.new, &machines.old)] {
            machine.write("/etc/hosts", 0o644, HOSTS.as_bytes());
            machine
                .done("mkdir /run/programs; rm -rf /etc/chat-room /var/lib/chat-room /var/backups/chat-room");
            // The commands on a machine inherit it.
            let files = other.files();
            rustix::io::fcntl_setfd(&files, rustix::io::FdFlags::empty()).expect("a descriptor");
            let ssh = format!(
                "#!/bin/sh\n[ \"$1\" != -l ] || shift 2\nshift\n\
                 exec nsenter --mount=/proc/self/fd/{} sh -c \"$*\"\n",
                files.into_raw_fd()
            );
            machine.write("/run/programs/ssh", 0o755, ssh.as_bytes());
            let editor =
                "#!/bin/sh\nexec sed -i -E 's/^(ann@example.org[ \t]+)[^ \t]+/\\1new-secret/' \"$1\"\n";
            machine.write("/run/programs/new-password", 0o755, editor.as_bytes());
        }
        Ok(machines)
    }

    #[track_caller]
    fn run(&self, heading: &str, index: usize) -> String {
        self.page.run(&self.old, heading, index)
    }
}

/// Ann says this at the server of this machine, from a computer that knows its own certificate.
#[track_caller]
fn say(machine: &Systemd, text: &str, password: &str) -> bool {
    let say = SAY.replace("hello", text).replace("ann-secret", password);
    machine.run(&say).status.success()
}

/// The same from anywhere, with what that computer trusts. What the client complains of, if it does.
fn say_from_anywhere(machine: &Systemd, text: &str, trusts: &str) -> String {
    let say = SAY
        .replace("hello", text)
        .replace("localhost", "chat.example.org")
        .replace("ann-secret", "new-secret");
    let output = machine.run(&say.replace(&format!("--ca {OWN}"), trusts));
    let complaint = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(if complaint.is_empty() { 0 } else { 4 }), "{complaint}");
    complaint
}

const OWN: &str = "/var/lib/chat-room/self-signed.pem";

/// How often this was said, by what is on the disk.
fn said(machine: &Systemd, text: &str) -> usize {
    machine.file("/var/lib/chat-room/history/*.txt").matches(&format!(" ann@example.org {text}\n")).count()
}

/// Backups are named after the second in which they begin.
fn the_second_passes(machine: &Systemd) {
    let begun = machine.done("date +%s");
    until("a second has passed", || machine.done("date +%s") != begun);
}

fn is_running(machine: &Systemd) {
    until("the server runs", || machine.property("SubState") == "running");
}

#[test]
fn the_page_is_followed_from_top_to_bottom() {
    let tools = ["rsync --version", "curl --version", "openssl version", "script --version"];
    if let Some(missing) = tools.into_iter().find(|command| !tool(command)) {
        return skip(format_args!("there is no {} here", missing.split(' ').next().unwrap_or_default()));
    }
    let machines = match Machines::boot() {
        Ok(machines) => machines,
        Err(why) => return skip(why),
    };
    from_nothing_to_a_group(&machines);
    it_is_backed_up_and_watched(&machines);
    upgraded_and_back(&machines);
    what_is_looked_up(&machines);
    moved(&machines);
    restored(&machines);
    an_authoritys_certificate(&machines);
    moved_with_that_certificate(&machines);
    nothing_of_it_is_in_the_packages_way(&machines);
    skip("of docs/operating.md: cargo build --release, and apt install, which make package-test does");
    let rest = machines.page.0.take();
    assert!(rest.is_empty(), "these were not run: {rest:#?}");
}

fn from_nothing_to_a_group(machines: &Machines) {
    let Machines { old, page, .. } = machines;
    install_from(page, old);
    make_group(page, old);
    machines.run("Choose the options", 0);
    let checked = machines.run("Choose the options", 1);
    for told in ["\nmembers.txt: 1 member, no mistakes\n", "--web-listen [::]:7680: free", "--metrics-listen"]
    {
        assert!(checked.contains(told), "{checked}");
    }
    machines.run("Start", 0);
    assert_eq!(old.done("systemctl is-enabled chat-room.socket chat-room"), "enabled\nenabled\n");
    let line = machines.run("Let members in", 0);
    let (_, fingerprint) = line.trim_end().rsplit_once(' ').expect("it ends with that");

    // At a terminal, for the first time.
    let client = page.block("Let members in", 1);
    let mut terminal = old.open_terminal(&format!("{SETTING}{client}"));
    let shown = terminal.until("[y/N] ");
    let digits = |text: &str| text.chars().filter(char::is_ascii_hexdigit).collect::<String>();
    let lines: Vec<&str> = shown.lines().filter(|line| line.starts_with("    ")).collect();
    assert!(
        fingerprint.len() > 90 && digits(&lines.concat()) == digits(fingerprint),
        "{fingerprint}: {shown}"
    );
    terminal.type_line("yes");
    terminal.until("Password of ann@example.org: ");
    terminal.type_line("ann-secret");
    terminal.until("Stay logged in on this device? [y/N] ");
    terminal.type_line("n");
    terminal.type_line("time for lunch");
    until("it is said", || said(old, "time for lunch") == 1);
    terminal.type_line("/quit");
    terminal.until_end();

    // And the page.
    let page = old.done(&format!(
        "curl -fsS --cacert {OWN} --resolve localhost:7680:127.0.0.1 https://localhost:7680/"
    ));
    assert!(page.contains("<!doctype html>") || page.contains("<!DOCTYPE html>"), "{page}");
}

fn it_is_backed_up_and_watched(machines: &Machines) {
    let Machines { old, new, page } = machines;
    machines.run("Back up every night", 0);
    assert_eq!(old.property_of("chat-room-backup.timer", "ActiveState"), "active");
    let made = machines.run("Back up every night", 1);
    assert_eq!(made.lines().count(), 1, "{made}");
    // What is old, or was not finished, goes with the next one; that takes no room twice.
    let folder = "/var/backups/chat-room";
    the_second_passes(old);
    old.done(&format!(
        "cd {folder} && mkdir 2020-01-01-030000 unfinished.new && touch -d 2020-01-01 2020-01-01-030000 && \
         systemctl start chat-room-backup && test ! -e 2020-01-01-030000 && test ! -e unfinished.new"
    ));
    assert_eq!(
        old.done(&format!("stat -c '%U %a' {folder} {folder}/*/members.txt | sort -u")),
        "chat-room 600\nchat-room 700\n"
    );
    old.done(&format!("mkdir {folder}/unfinished.new"));
    machines.run("Back up every night", 2);
    assert_eq!(new.done("ls /backup/chat-room").lines().count(), 2);

    let told = machines.run("Watch it", 0);
    assert!(told.starts_with("ok\n") && told.contains("\nchat_room_members 1\n"), "{told}");
    if !old
        .run("test -x /usr/bin/prometheus && ln -s /lib/systemd/system/prometheus.service /run/units/")
        .status
        .success()
    {
        page.leave_out("Watch it", 1, "apt install prometheus");
        return skip("there is no prometheus here, to be given deploy/monitoring");
    }
    old.done("systemctl daemon-reload");
    machines.run("Watch it", 1);
    let asks = "curl -fs http://127.0.0.1:9090/api/v1/targets http://127.0.0.1:9090/api/v1/rules";
    until("Prometheus has our configuration", || {
        let told = String::from_utf8(old.run(asks).stdout).expect("text");
        told.contains("http://127.0.0.1:7690/metrics") && told.contains("ChatRoomDown")
    });
    old.done("systemctl stop prometheus");
}

fn upgraded_and_back(machines: &Machines) {
    let Machines { old, page, .. } = machines;
    the_second_passes(old);
    machines.run("Upgrading, and back", 0);
    // A new version, so to say.
    let is_new = "tail -c 4 /usr/local/bin/chat-room-server";
    old.done("printf newer >>target/release/chat-room-server");
    let pid = old.property("MainPID");
    the_second_passes(old);
    machines.run("Upgrading, and back", 1);
    assert!(old.done(is_new) == "ewer" && old.property("MainPID") != pid);
    assert!(say(old, "with a new version", "ann-secret"));
    page.leave_out("Upgrading, and back", 2, "apt install --allow-downgrades ");
    machines.run("Upgrading, and back", 3);
    assert_ne!(old.done(&format!("{is_new} | od -c")), old.done("printf ewer | od -c"));
    assert!(say(old, "and back", "ann-secret"));

    machines.run("A forgotten password", 0);
    until("it is a hash", || {
        old.file("/var/lib/chat-room/members.txt").contains("ann@example.org $argon2id$")
            || !old.file("/var/lib/chat-room/members.txt").contains("new-secret")
    });
    assert!(!say(old, "with the old password", "ann-secret"));
    assert!(say(old, "with the new password", "new-secret"));
    assert_eq!(old.done("stat -c %U:%a /var/lib/chat-room/members.txt"), "chat-room:600\n");
}

fn what_is_looked_up(machines: &Machines) {
    let Machines { old, page, .. } = machines;
    // It follows the file until somebody ends it.
    let block = page.block("The history", 0);
    assert!(block.contains("\ntail -F "), "{block}");
    let read = old.done(&format!("{SETTING}{}", block.replace("tail -F", "tail")));
    assert!(read.contains("time for lunch\n") && read.contains("and back\n"), "{read}");
    old.done("test -s /backup/000000000001.txt");
    // A backup by hand has a name of its own among the unit's.
    let backups = || old.done("ls /var/backups/chat-room").lines().count();
    let before = backups();
    the_second_passes(old);
    machines.run("Backups", 0);
    assert_eq!(backups(), before + 1);
    the_second_passes(old);

    // Both wait for what somebody types.
    let clients = page.block("What the options and signals do", 0);
    for client in clients.lines() {
        let program = client.split(' ').next().expect("a word");
        if !old.run(&format!("command -v {program}")).status.success() {
            skip(format_args!("{client}: there is no {program} here"));
            continue;
        }
        let mut terminal = old.open_terminal(client);
        terminal.until("HELLO ");
        terminal.type_line("QUIT");
        terminal.until("OK QUIT");
    }
    if old.run("test -d /etc/fail2ban/filter.d").status.success() {
        machines.run("What the log says", 0);
    } else {
        page.leave_out("What the log says", 0, "install ");
        skip("there is no fail2ban here, to be given our filter");
    }
}

fn moved(machines: &Machines) {
    let Machines { old, new, page } = machines;
    install_from(&Page::open(), new);
    let certificate = old.file(OWN);
    page.run(old, "Moving to another host", 1);
    assert_eq!(old.done("systemctl is-active chat-room.socket chat-room; true"), "inactive\ninactive\n");
    page.run(new, "Moving to another host", 2);
    is_running(new);
    assert_eq!(new.file(OWN), certificate);
    assert!(say(new, "at the new host", "new-secret"));
    assert_eq!([said(new, "time for lunch"), said(new, "at the new host")], [1, 1]);
    let numbers = new.done("cut -d ' ' -f 2 /var/lib/chat-room/history/*.txt");
    let expected: Vec<String> = (1..=numbers.lines().count()).map(|number| number.to_string()).collect();
    assert_eq!(numbers.lines().collect::<Vec<_>>(), expected);
    assert!(
        new.done("curl -fsS http://127.0.0.1:7690/healthz").starts_with("ok\n"),
        "the options came with it"
    );
}

fn restored(machines: &Machines) {
    let Machines { old, new, page } = machines;
    // One by hand, then one of the unit, then one that was not finished. The folder is the unit's.
    new.done("systemctl start chat-room-backup");
    the_second_passes(new);
    Page::open().run(new, "Backups", 0);
    assert!(say(new, "between two backups", "new-secret"));
    the_second_passes(new);
    new.done("systemctl start chat-room-backup; rm /var/lib/chat-room/history/*.txt");
    new.done("mkdir /var/backups/chat-room/2999-01-01-030000.new");
    page.run(new, "Restoring", 0);
    is_running(new);
    // And again, with what was broken before still there.
    the_second_passes(new);
    Page::open().run(new, "Restoring", 0);
    is_running(new);
    assert_eq!(new.done("ls -d /var/lib/chat-room.broken*/history").lines().count(), 2);
    assert!(say(new, "restored", "new-secret"));
    let texts = ["at the new host", "between two backups", "restored"];
    assert_eq!(texts.map(|text| said(new, text)), [1, 1, 1]);

    // The machine that was the first is empty, and the other one has the copies of its backups.
    old.done("rm -rf /var/lib/chat-room/* /var/lib/chat-room.*");
    new.done("mkdir /backup/chat-room/2999-01-01-030000.new");
    page.run(old, "Restoring", 1);
    is_running(old);
    // From before the password was forgotten.
    assert!(say(old, "elsewhere", "ann-secret"));
    assert_eq!(
        ["time for lunch", "with the new password", "elsewhere"].map(|text| said(old, text)),
        [1, 0, 1]
    );
}

/// Makes an authority, and its certificate, where certbot would have put it.
const AUTHORITY: &str = "set -e
    lineage=/etc/letsencrypt/live/chat.example.org; mkdir -p $lineage
    cd $lineage && printf 'subjectAltName=DNS:chat.example.org' >names
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=own -keyout privkey.pem -out own.csr
    openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 90 -extfile names -out own.pem
    cat own.pem ca.pem >fullchain.pem; chmod 600 privkey.pem";

fn an_authoritys_certificate(machines: &Machines) {
    const HEADING: &str = "A certificate from an authority";
    let Machines { old, new, page } = machines;
    let live = "/etc/letsencrypt/live/chat.example.org";
    new.done(AUTHORITY);
    let checked = page.run(new, HEADING, 1);
    assert!(checked.contains("fullchain.pem: certificate SHA-256 "), "{checked}");
    page.run(new, HEADING, 2);
    is_running(new);
    // Words of a mistake in members.txt are no fingerprint.
    let file = "/var/lib/chat-room/members.txt";
    new.done(&format!("cp {file} /run/good; echo bob@x $(printf x | sha256sum | cut -c -64) >>{file}"));
    let log = "/var/log/chat-room/server.log";
    until("the mistake is logged", || new.file(log).contains("a SHA-256 hash"));
    // Nor is there a backup of it; the older ones stay.
    let backups = "ls -d /var/backups/chat-room/2*[0-9]";
    let before = new.done(backups);
    the_second_passes(new);
    assert!(!new.run("systemctl start chat-room-backup").status.success());
    assert!(new.run("systemctl is-failed chat-room-backup").status.success());
    assert_eq!(new.done(backups), before);
    new.done(&format!("cat /run/good >{file}"));
    new.done("systemctl start chat-room-backup");
    let told = Page::open().run(new, "Let members in", 0);
    let (_, fingerprint) = told.trim_end().rsplit_once(' ').expect("it ends with that");
    assert!(checked.contains(&format!(" SHA-256 {fingerprint}, ")), "{told}");
    // The client that had once asked whether the old certificate is right refuses the new one until it is told otherwise.
    let state = old.run("tar -C /run -c state").stdout;
    assert!(new.run_with("tar -C /run -x", &state).status.success());
    let trusts = format!("--ca {live}/ca.pem");
    assert!(say_from_anywhere(new, "refused", "").contains("--forget"));
    page.run(new, HEADING, 0);
    let complaint = say_from_anywhere(new, "unknown", "");
    assert!(complaint.contains(" is not known here, "), "{complaint}");
    assert_eq!(say_from_anywhere(new, "with an authority", &trusts), "");
    // The server's user cannot read the key, only its copy.
    let pid = new.property("MainPID");
    let can_read = |path: &str| {
        let as_server =
            format!("nsenter -t {pid} --mount setpriv --reuid chat-room --clear-groups cat {path}");
        new.run(&as_server).status.success()
    };
    assert!(can_read("/run/credentials/chat-room.service/privkey.pem"));
    assert!(!can_read(&format!("{live}/privkey.pem")));

    // The renewal: another certificate. SIGHUP finds the copies as they were, the hook brings it in.
    new.done(AUTHORITY);
    new.done("systemctl reload chat-room");
    until("the copies are read again", || new.file(log).contains("TLS: the certificate is the same, "));
    page.run(new, HEADING, 3);
    new.done("/etc/letsencrypt/renewal-hooks/deploy/chat-room");
    assert_eq!(say_from_anywhere(new, "renewed", &trusts), "");
}

/// To the machine that was the first, where nothing of this certificate is yet.
fn moved_with_that_certificate(machines: &Machines) {
    const HEADING: &str = "Moving to another host";
    let Machines { old, new, page } = machines;
    old.done("systemctl disable --now chat-room.socket chat-room chat-room-backup.timer; rm -rf /var/lib/chat-room/*");
    page.run(new, HEADING, 0);
    let again = Page::open();
    again.run(new, HEADING, 1);
    again.run(old, HEADING, 2);
    is_running(old);
    let trusts = "--ca /etc/letsencrypt/live/chat.example.org/ca.pem";
    assert_eq!(say_from_anywhere(old, "at the first host again", trusts), "");
    assert_eq!(["renewed", "at the first host again"].map(|text| said(old, text)), [1, 1]);
}

/// What was installed by hand goes, and nothing that somebody has written.
fn nothing_of_it_is_in_the_packages_way(machines: &Machines) {
    machines.run("Install", 2);
    let left = "find /etc/systemd /etc/sys*.d /usr/local -name '*chat-room*'";
    assert_eq!(machines.old.done(left), "/etc/systemd/system/chat-room.service.d\n");
    assert_eq!(
        machines.old.done("ls /etc/systemd/system/chat-room.service.d /etc/chat-room"),
        "/etc/chat-room:\noptions\n\n/etc/systemd/system/chat-room.service.d:\ncertificate.conf\n"
    );
    machines.old.done("test -s /var/lib/chat-room/members.txt");
}
