//! Programs that look whether the server lives, with the settings of docs/clients.md.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::common::net::{ask, free_addr};
use crate::common::running::Running;
use crate::common::server::until;
use crate::document::block;
use crate::run::{Place, are_there, with_all};

/// One of them.
pub(crate) struct Monitor {
    pub(crate) name: &'static str,
    needs: &'static [&'static str],
    /// The block of the document.
    settings: &'static str,
    /// Whether it finds the server well.
    look: fn(&Place, &str) -> bool,
}

pub(crate) const MONITORS: &[Monitor] = &[
    Monitor {
        name: "check_tcp (monitoring-plugins)",
        needs: &["/usr/lib/nagios/plugins/check_tcp"],
        settings: "check_tcp",
        look: check_tcp,
    },
    Monitor { name: "monit", needs: &["monit"], settings: "monit", look: monit },
    Monitor {
        name: "blackbox_exporter (Prometheus)",
        needs: &["prometheus-blackbox-exporter", "curl"],
        settings: "blackbox",
        look: blackbox,
    },
];

#[test]
fn each_monitor_tells_whether_the_server_lives() {
    with_all(
        MONITORS,
        |monitor| monitor.name,
        |monitor| {
            if !are_there(monitor.needs) {
                return;
            }
            let mut place = Place::new(&[]);
            let settings = place.meant(&block(monitor.settings));
            assert!((monitor.look)(&place, &settings), "the server lives");
            let log = place.server.log();
            assert!(!log.contains("login refused"), "a look is no login:\n{log}");
            place.server.stop();
            assert!(!(monitor.look)(&place, &settings), "the server has stopped");
        },
    );
}

/// One command a line, plain and TLS.
fn check_tcp(_: &Place, settings: &str) -> bool {
    let looks = settings.lines().map(|command| {
        Command::new("bash")
            .args(["-c", command])
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    let looks: Vec<bool> = looks.collect();
    assert!(looks.len() == 2 && looks[0] == looks[1], "{looks:?}");
    looks[0]
}

fn monit(place: &Place, settings: &str) -> bool {
    let file = place.folder().join("monitrc");
    let own = ["pidfile", "idfile", "statefile"];
    let own = own.map(|what| format!("set {what} {}\n", place.folder().join(what).display()));
    std::fs::write(&file, [&own.concat(), settings].concat()).expect("a file");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    let output =
        Command::new("monit").arg("-c").arg(&file).args(["-v", "validate"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let looks = ["connection succeeded", "failed protocol test"].map(|what| told.matches(what).count());
    assert!(looks == [2, 0] || looks == [0, 2], "{looks:?} of plain and TLS:\n{told}");
    looks == [2, 0]
}

fn blackbox(place: &Place, settings: &str) -> bool {
    let file = place.folder().join("blackbox.yml");
    std::fs::write(&file, settings).expect("a file");
    let addr = free_addr();
    let mut command = Command::new("prometheus-blackbox-exporter");
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--web.listen-address={addr}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _exporter = Running::spawn(&mut command);
    until("the exporter listens", || TcpStream::connect(addr).is_ok());
    let looks = [("chat", "7667"), ("chat_tls", "7668")].map(|(module, port)| {
        let target = place.meant(&format!("127.0.0.1:{port}"));
        let told = ask(addr, &format!("GET /probe?module={module}&target={target} HTTP/1.0\r\n\r\n"));
        assert!(told.contains("\nprobe_success "), "{told}");
        told.contains("\nprobe_success 1\n")
    });
    assert_eq!(looks[0], looks[1], "plain and TLS");
    looks[0]
}
