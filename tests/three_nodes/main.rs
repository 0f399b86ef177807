//! deploy/three-nodes is followed to the letter on three machines, each with a systemd and a network of its own: the brokers
//! hold, everybody may do what they need and nothing else, and the nodes are one group. Skipped without root, systemd, `ip`,
//! openssl or nats-server.

#[path = "../common/blocks.rs"]
mod blocks;
#[path = "../common/broker.rs"]
mod broker;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/machine.rs"]
mod machine;
mod make;
mod nats;
#[path = "../common/netns.rs"]
mod netns;
mod nodes;
mod switch;

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use broker::Program;
use common::disk::skip;
use common::server::until;
use machine::Systemd;
use nats::{Client, Message, Secure, secure};
use switch::{Switch, host, ip};
use tempfile::TempDir;

const RECIPE: &str = include_str!("../../deploy/three-nodes/README.md");

/// The stream, as a node wants it.
const STREAM: &str = "{\"name\":\"ROOM\",\"subjects\":[\"room.>\"],\"num_replicas\":3,\"storage\":\"file\",\
    \"retention\":\"limits\",\"discard\":\"old\",\"max_age\":2592000000000000,\"max_msg_size\":524288,\
    \"allow_direct\":true,\"republish\":{\"src\":\"room.>\",\"dest\":\"live.>\"},\"deny_delete\":true,\"deny_purge\":true}";

/// Three machines with the brokers of the recipe, and the folder of who set them up.
pub(crate) struct Group {
    machines: Vec<Systemd>,
    switch: Switch,
    folder: TempDir,
    /// Of the folders that make.sh has made there, the one whose secrets are used.
    secrets: &'static str,
    /// nats-server.
    broker: Vec<u8>,
}

impl Group {
    /// Follows the recipe until the brokers run. Nothing, and it says so: that is not possible here.
    fn set_up() -> Option<Group> {
        let broker = fs::read(broker::find(Program::Usable)?).expect("it can be read");
        let group = match Group::boot(broker) {
            Ok(group) => group,
            Err(why) => {
                skip(why);
                return None;
            }
        };
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
        std::os::unix::fs::symlink(deploy, group.folder.path().join("deploy")).expect("a link");
        group.make_secrets();
        // As Debian's package of an older broker leaves it.
        group.machine(2).done("id nats || useradd --system --no-create-home nats");
        for number in 1..=3 {
            group.copy_files(number);
            group.install_broker(number);
        }
        group.until_healthy();
        Some(group)
    }

    /// Three machines at a switch.
    fn boot(broker: Vec<u8>) -> Result<Group, String> {
        let mut machines = Vec::new();
        let switch = Switch::new().map_err(|why| why.to_string())?;
        for number in 1..=3 {
            machines.push(boot(number, &switch)?);
        }
        Ok(Group {
            machines,
            switch,
            folder: tempfile::tempdir().expect("a folder"),
            secrets: "nodes",
            broker,
        })
    }

    /// "On your own computer": everything is made here. What that says is what the recipe says.
    fn make_secrets(&self) {
        let [make, copy] = &steps("2. The secrets, on your own computer")[..] else {
            panic!("the recipe has other blocks than these two");
        };
        let make = make.replace(" nodes ", &format!(" {} ", self.secrets));
        let output = Command::new("sh").args(["-c", &make]).current_dir(self.folder.path()).output();
        let output = output.expect("a shell");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let says = String::from_utf8(output.stdout).expect("text");
        let lines: Vec<String> = says
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .map(|line| line.replace(&format!(" {}/", self.secrets), " nodes/"))
            .collect();
        assert!(
            lines.len() == 3 && copy.contains(&lines.join("\n")),
            "the recipe has other lines than {lines:?}"
        );
        assert!(copy.ends_with("\nscp nodes/keeper.credentials root@chat1.example.org:node/\n"), "{copy}");
    }

    /// Copies to a machine what it has to get.
    fn copy_files(&self, number: u8) {
        let machine = self.machine(number);
        let mut tar = Command::new("tar");
        let tar = tar.arg("-C").arg(self.made(&format!("m{number}"))).args(["-c", "."]).output();
        let output =
            machine.run_with("mkdir /root/node && tar -C /root/node -x", &tar.expect("there is tar").stdout);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        machine.done("cp target/release/chat-room-server target/release/chat-room-client /root/node/");
        if number == 1 {
            let keeper = fs::read(self.made("keeper.credentials")).expect("it is made");
            machine.write("/root/node/keeper.credentials", 0o600, &keeper);
        }
    }

    fn install_broker(&self, number: u8) {
        let [fetch, install, _] = &steps("3. The brokers, on each machine")[..] else {
            panic!("the recipe has other blocks than these three");
        };
        assert!(fetch.contains("curl"), "{fetch}");
        // Instead of fetching it.
        self.machine(number).write("/root/node/nats-server", 0o755, &self.broker);
        self.machine(number).done(&format!("set -e\n{install}"));
    }

    /// A machine is gone with its disk; another one is set up as it was, with a broker.
    fn replace(&mut self, number: u8) {
        let at = usize::from(number) - 1;
        self.switch.part(number);
        drop(self.machines.remove(at));
        let machine = boot(number, &self.switch).unwrap_or_else(|why| panic!("no other machine: {why}"));
        self.machines.insert(at, machine);
        self.copy_files(number);
        self.install_broker(number);
        self.until_healthy();
    }

    /// A file that make.sh has made.
    fn made(&self, name: &str) -> PathBuf {
        self.folder.path().join(self.secrets).join(name)
    }

    fn machine(&self, number: u8) -> &Systemd {
        &self.machines[usize::from(number) - 1]
    }

    /// What the recipe has people ask each broker, until all are well.
    fn until_healthy(&self) {
        let ask = steps("3. The brokers, on each machine").pop().expect("it is the last");
        for machine in &self.machines {
            until("the broker is healthy", || {
                machine.run(&ask).stdout.trim_ascii() == b"{\"status\":\"ok\"}"
            });
        }
    }

    /// TLS to a broker's port, with this folder's certificate, if any.
    fn secure(&self, number: u8, port: u16, own: Option<&Path>) -> Secure {
        let stream = self.switch.connect(number, port).expect("the broker listens");
        secure(stream, &host(number), &self.made("ca.pem"), own)
    }

    /// Logs in at a broker with what is in this file.
    fn login(&self, number: u8, credentials: &str) -> Client {
        let text = fs::read_to_string(self.made(credentials)).expect("it is made");
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).expect("it has that line");
        let login = Client::login(self.secure(number, 4222, None), value("user "), value("password "));
        login.unwrap_or_else(|why| panic!("{credentials}: {why}"))
    }

    fn node(&self, number: u8) -> Client {
        self.login(number, &format!("m{number}/node.credentials"))
    }

    fn keeper(&self) -> Client {
        self.login(1, "keeper.credentials")
    }
}

/// A machine at the switch, which knows the names of all three.
fn boot(number: u8, switch: &Switch) -> Result<Systemd, String> {
    let machine = Systemd::boot()?;
    switch.join(number, &machine).map_err(|why| why.to_string())?;
    let hosts = [1, 2, 3].map(|number| format!("{} {}\n", ip(number), host(number))).concat();
    machine.write("/etc/hosts", 0o644, format!("127.0.0.1 localhost\n{hosts}").as_bytes());
    Ok(machine)
}

fn steps(heading: &str) -> Vec<String> {
    blocks::of(RECIPE, heading)
}

#[test]
fn three_machines_are_one_group() {
    let Some(mut group) = Group::set_up() else { return };
    strangers_get_nothing(&mut group);
    the_keeper_makes_the_stream(&group);
    a_node_can_do_its_work(&group);
    a_node_can_do_nothing_else(&group);
    a_broker_is_lost_and_comes_back(&group);
    a_machine_is_replaced(&mut group);
    the_secrets_are_replaced(&mut group);
    nodes::are_one_group(&mut group);
}

/// All brokers say how they are configured.
fn sees_that_all_sync(client: &mut Client) {
    client.ask("$SYS.REQ.SERVER.PING.JSZ", "");
    let mut names: Vec<String> = Vec::new();
    while names.len() < 3 {
        let body = client.message().body;
        assert!(body.contains("\"sync_always\":true") && body.contains("\"ver\":\"2.15."), "{body}");
        names.push(field(&body, "name").to_owned());
    }
    names.sort();
    assert_eq!(names, ["m1", "m2", "m3"]);
    assert_eq!(client.refused(), None);
}

fn the_keeper_makes_the_stream(group: &Group) {
    let mut keeper = group.keeper();
    sees_that_all_sync(&mut keeper);
    let Message { body, .. } = keeper.answer("$JS.API.STREAM.CREATE.ROOM", STREAM);
    assert!(body.contains("\"did_create\":true"), "{body}");
    for part in ["\"num_replicas\":3", "\"deny_delete\":true", "\"deny_purge\":true", "\"allow_direct\":true"]
    {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    assert_eq!(body.matches("\"peer\":").count(), 2, "besides the leader: {body}");
}

/// What the stream's leader says of it, as soon as there is one.
fn info(group: &Group) -> String {
    let mut body = String::new();
    until("the stream has a leader", || {
        let answer = group.keeper().answer_if_any("$JS.API.STREAM.INFO.ROOM", "");
        body = answer.map(|answer| answer.body).unwrap_or_default();
        body.contains("\"leader\":")
    });
    body
}

/// The stream's configuration and state.
fn state(group: &Group) -> String {
    let body = info(group);
    let (_, rest) = body.split_once("\"config\":").unwrap_or_else(|| panic!("no stream: {body}"));
    let (config, rest) = rest.split_once(",\"created\":").expect("then when it was made");
    let (_, rest) = rest.split_once("\"state\":{").expect("then its state");
    let (state, _) = rest.split_once('}').expect("it ends");
    format!("{config} {state}")
}

/// A number or a word in JSON.
fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let (_, rest) = json.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {json}"));
    rest.trim_start_matches('"').split([',', '}', '"']).next().expect("split gives at least one piece")
}

fn a_node_can_do_its_work(group: &Group) {
    let mut nodes: Vec<Client> = (1..=3).map(|number| group.node(number)).collect();
    nodes[1].subscribe("live.>");
    assert_eq!(nodes[1].refused(), None);
    // What one publishes is stored, and comes to the others at once, from when the brokers have told each other of them.
    until("what is stored is live", || {
        nodes[0].answer("room.m1", "batch 0");
        nodes[1].has_message()
    });
    let first: u64 = field(&nodes[0].answer("room.m1", "batch 1").body, "seq").parse().expect("a number");
    for number in first + 1..first + 4 {
        let Message { body, .. } = nodes[0].answer("room.m1", &format!("batch {number}"));
        assert_eq!(field(&body, "seq"), number.to_string(), "{body}");
    }
    let mut live = nodes[1].message();
    while live.body != "batch 1" {
        assert_eq!(live.body, "batch 0");
        live = nodes[1].message();
    }
    for number in first + 1..first + 4 {
        let live = nodes[1].message();
        assert_eq!((&live.subject[..], &live.body[..]), ("live.m1", &format!("batch {number}")[..]));
        assert!(live.headers.contains(&format!("\r\nNats-Sequence: {number}\r\n")), "{}", live.headers);
    }
    // What it has missed it reads in one go, as soon as the replica that is asked has it.
    let request = format!("{{\"seq\":{},\"batch\":500}}", first + 1);
    until("all are read in one go", || {
        let reply = nodes[2].ask("$JS.API.DIRECT.GET.ROOM", &request);
        let mut bodies = Vec::new();
        loop {
            let message = nodes[2].message();
            assert_eq!(message.subject, reply);
            if message.headers.starts_with("NATS/1.0 204 ") || message.headers.starts_with("NATS/1.0 404 ") {
                return bodies == [1, 2, 3].map(|more| format!("batch {}", first + more));
            }
            bodies.push(message.body);
        }
    });

    // It sees that stream and brokers are as they have to be: one answer about the stream, one of each broker.
    for node in &mut nodes {
        let reply = node.ask("$JS.API.STREAM.INFO.ROOM", "");
        let Message { subject, body, .. } = node.message();
        assert!(subject == reply && body.contains("\"num_replicas\":3"), "{body}");
        sees_that_all_sync(node);
    }

    // Nodes talk to each other.
    for subject in ["where.m2", "here.m2", "hist.m2"] {
        nodes[1].subscribe(subject);
        assert_eq!(nodes[1].refused(), None, "{subject}");
        let mut reply = String::new();
        until("its broker knows that there is somebody to ask", || {
            reply = nodes[0].ask(subject, "question");
            let nobody = nodes[0].has_message();
            if nobody {
                assert!(nodes[0].message().headers.starts_with("NATS/1.0 503"));
            }
            !nobody
        });
        let question = nodes[1].message();
        assert_eq!((&question.subject[..], &question.body[..]), (subject, "question"));
        nodes[1].publish(&reply, "", "answer");
        let answer = nodes[0].message();
        assert_eq!((answer.subject, &answer.body[..]), (reply, "answer"));
    }
}

fn a_node_can_do_nothing_else(group: &Group) {
    let before = state(group);
    let mut node = group.node(3);
    let wish = STREAM.replace("2592000000000000", "1000000000");
    for (subject, body) in [
        ("$JS.API.STREAM.CREATE.OTHER", "{\"name\":\"OTHER\",\"subjects\":[\"other\"]}"),
        ("$JS.API.STREAM.UPDATE.ROOM", &wish),
        ("$JS.API.STREAM.PURGE.ROOM", ""),
        ("$JS.API.STREAM.DELETE.ROOM", ""),
        ("$JS.API.STREAM.MSG.DELETE.ROOM", "{\"seq\":1}"),
        ("$JS.API.STREAM.SNAPSHOT.ROOM", "{\"deliver_subject\":\"_INBOX.1.1\"}"),
        ("$JS.API.STREAM.LEADER.STEPDOWN.ROOM", ""),
        ("$JS.API.STREAM.PEER.REMOVE.ROOM", "{\"peer\":\"m1\"}"),
        ("$JS.API.CONSUMER.CREATE.ROOM", "{\"stream_name\":\"ROOM\",\"config\":{}}"),
        ("$JS.API.META.LEADER.STEPDOWN", ""),
        ("$JS.API.ACCOUNT.PURGE.ROOM", ""),
        ("$SYS.REQ.SERVER.PING.VARZ", ""),
        ("live.m1", "forged"),
        ("other", ""),
    ] {
        node.ask(subject, body);
        let expected = format!("Permissions Violation for Publish to \"{subject}\"");
        assert_eq!(node.refused(), Some(expected), "{subject}");
    }
    for subject in ["room.>", "$JS.>", "$SYS.>", ">", "*.>", "*"] {
        node.subscribe(subject);
        let expected = format!("Permissions Violation for Subscription to \"{subject}\"");
        assert_eq!(node.refused(), Some(expected));
    }

    let names = group.keeper().answer("$JS.API.STREAM.NAMES", "").body;
    assert!(names.contains("\"streams\":[\"ROOM\"]"), "{names}");
    let without_counts = |state: &str| state.split(" \"messages\"").next().expect("a config").to_owned();
    let after = state(group);
    assert_eq!(without_counts(&after), without_counts(&before));
    assert_eq!(field(&after, "first_seq"), "1");
    assert_eq!(field(&after, "messages"), field(&after, "last_seq"), "nothing is missing");

    // What is said in the stream's account, and was not meant for the stream, stays there.
    node.subscribe("here.>");
    assert_eq!(node.refused(), None);
    let (mut keeper, mut other) = (group.keeper(), group.node(2));
    until("the nodes hear each other", || {
        keeper.publish("here.m1", "", "to nobody");
        assert_eq!(keeper.refused(), None);
        other.publish("here.m1", "", "to the nodes");
        assert_eq!(other.refused(), None);
        node.has_message()
    });
    assert_eq!(node.message().body, "to the nodes");
}

/// Those who are none of ours: without a login, without TLS, without a certificate.
fn strangers_get_nothing(group: &mut Group) {
    group.secrets = "others";
    group.make_secrets();
    group.secrets = "nodes";
    let refused =
        |user: &str, password: &str| Client::login(group.secure(1, 4222, None), user, password).err();
    for (user, password) in [("node", "wrong"), ("keeper", ""), ("", "")] {
        assert_eq!(refused(user, password).as_deref(), Some("Authorization Violation"), "{user}");
    }
    // The monitoring port is the machine's own.
    assert!(group.switch.connect(1, 8222).is_err());
    for port in [4222, 6222] {
        let mut plain = group.switch.connect(1, port).expect("the broker listens");
        plain.write_all(b"CONNECT {}\r\nPING\r\n").expect("it reads");
        let mut answer = Vec::new();
        let end = plain.read_to_end(&mut answer);
        assert!(!end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "port {port} waits for more");
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("INFO") && !text.contains("PONG"), "port {port} in plain text: {text}");
    }
    // Another authority, with certificates for the same names.
    let (ours, others) = (group.made("m2"), group.folder.path().join("others/m2"));
    for (own, is_let_in) in [(None, false), (Some(&others), false), (Some(&ours), true)] {
        let mut route = group.secure(1, 6222, own.map(PathBuf::as_path));
        let mut first = [0; 5];
        let _ = route.get_mut().write_all(b"CONNECT {}\r\nPING\r\n");
        let is_in = route.read_exact(&mut first).is_ok() && &first == b"INFO ";
        assert_eq!(is_in, is_let_in, "as a broker with {own:?}");
    }
    // Nor is one that has no certificate of ours taken for a broker.
    let stream = group.switch.connect(1, 4222).expect("the broker listens");
    let mut deceived = secure(stream, &host(1), &others.join("ca.pem"), None);
    assert!(deceived.read_exact(&mut [0]).is_err());
    let stream = group.switch.connect(1, 4222).expect("the broker listens");
    let mut deceived = secure(stream, &host(2), &group.made("ca.pem"), None);
    assert!(deceived.read_exact(&mut [0]).is_err());
}

/// The one that leads is killed while a node publishes. Then all are killed, and systemd starts them again.
fn a_broker_is_lost_and_comes_back(group: &Group) {
    let leader: u8 = field(&info(group), "leader").trim_start_matches('m').parse().expect("m1, m2 or m3");
    let another = leader % 3 + 1;
    let machine = group.machine(leader);
    machine.done(
        "mkdir -p /etc/systemd/system/nats.service.d; printf '[Service]\nRestart=no\n' \
         >/etc/systemd/system/nats.service.d/test.conf; systemctl daemon-reload; systemctl kill -s KILL nats",
    );
    let mut stored = Vec::new();
    while stored.len() < 20 {
        let text = format!("after the loss {}", stored.len());
        // Until there is another leader: "no responders", or nothing.
        let answer = group.node(another).answer_if_any("room.m1", &text);
        if let Some(answer) = answer.filter(|answer| answer.headers.is_empty()) {
            stored.push((field(&answer.body, "seq").to_owned(), text));
        }
    }
    assert_eq!(machine.property_of("nats", "ActiveState"), "failed");
    machine.done(
        "rm /etc/systemd/system/nats.service.d/test.conf; systemctl daemon-reload; systemctl start nats",
    );
    group.until_healthy();

    for machine in &group.machines {
        machine.done("systemctl kill -s KILL nats");
    }
    for machine in &group.machines {
        until("it is started again", || machine.property_of("nats", "NRestarts") != "0");
    }
    group.until_healthy();
    for (number, text) in stored {
        until("the stream has a leader, and the message", || {
            let request = format!("{{\"seq\":{number}}}");
            let answer = group.node(leader).answer_if_any("$JS.API.DIRECT.GET.ROOM", &request);
            answer.is_some_and(|answer| answer.body == text)
        });
    }
    until("it goes on", || {
        let answer = group.node(leader).answer_if_any("room.m1", "and on");
        answer.is_some_and(|answer| answer.headers.is_empty())
    });
    for machine in &group.machines {
        machine.done("systemctl stop nats");
        let ended =
            ["Result", "ExecMainCode", "ExecMainStatus"].map(|name| machine.property_of("nats", name));
        assert_eq!(ended, ["success", "1", "0"]);
        machine.done("systemctl start nats");
    }
    group.until_healthy();
}

/// One machine is gone with its disk. Another one, set up as it was, fetches all that was stored.
fn a_machine_is_replaced(group: &mut Group) {
    let last = format!("\"last_seq\":{},", field(&info(group), "last_seq"));
    group.replace(2);
    until("it has all that was stored", || {
        let told = group.machine(2).done("curl -s 'http://127.0.0.1:8222/jsz?acc=ROOM&streams=1'");
        told.replace([' ', '\n'], "").contains(&last)
    });
}

/// Somebody has seen them. What is stored stays.
fn the_secrets_are_replaced(group: &mut Group) {
    let (before, known) = (state(group), group.secrets);
    group.secrets = "others";
    for number in 1..=3 {
        group.machine(number).done("rm -r /root/node");
        group.copy_files(number);
        group.install_broker(number);
    }
    for machine in &group.machines {
        machine.done("systemctl restart nats");
    }
    group.until_healthy();
    assert_eq!(state(group), before);
    let old =
        fs::read_to_string(group.folder.path().join(known).join("m1/node.credentials")).expect("it was made");
    let password = old.lines().find_map(|line| line.strip_prefix("password ")).expect("it has one");
    let login = Client::login(group.secure(1, 4222, None), "node", password);
    assert_eq!(login.err().as_deref(), Some("Authorization Violation"));
}
