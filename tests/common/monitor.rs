//! Those who ask for the server's figures: a bare request, and the real Prometheus.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::net::{ask, free_addr};
use crate::common::running::Running;
use crate::common::server::{Server, until};

/// Where a server with `--metrics-listen` answers.
pub(crate) fn metrics_addr(server: &Server) -> SocketAddr {
    server.until_logged("/metrics");
    let log = server.log();
    let (_, told) = log.split_once("metrics on http://").expect("it is logged");
    told.split('/').next().expect("an address").parse().expect("an address")
}

/// Asks, and gives the status and the body.
pub(crate) fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(addr, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
    (status, body.to_owned())
}

/// Prometheus in a folder of its own, ended with the test.
pub(crate) struct Prometheus {
    _process: Running,
    addr: SocketAddr,
}

impl Prometheus {
    /// Scrapes and judges every half second. `None`: there is none here.
    pub(crate) fn start(folder: &Path, target: SocketAddr) -> Option<Prometheus> {
        let addr = free_addr();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring");
        let read = |name: &str| fs::read_to_string(root.join(name)).expect("a file of this repository");
        let config = read("prometheus.yml").replace("127.0.0.1:7690", &target.to_string());
        let config =
            config.replace("scrape_interval: 15s", "scrape_interval: 500ms\n    scrape_timeout: 500ms");
        let config = format!("global: {{ evaluation_interval: 500ms }}\n{config}");
        // What counts here is that they fire; tests/alerts.yml has how long that takes.
        let sooner = [("for: 1m", "for: 0s"), ("for: 5m", "for: 0s"), ("[2m]", "[1s]")];
        let rules = sooner.iter().fold(read("alerts.yml"), |rules, (is, be)| rules.replace(is, be));
        fs::write(folder.join("prometheus.yml"), config).expect("a file");
        fs::write(folder.join("alerts.yml"), rules).expect("a file");
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={addr}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Running::start(&mut command).ok()?;
        until("prometheus listens", || TcpStream::connect(addr).is_ok());
        Some(Prometheus { _process: process, addr })
    }

    pub(crate) fn ask(&self, path: &str) -> String {
        get(self.addr, path).1
    }

    pub(crate) fn until_firing(&self, alert: &str) {
        let alert = format!("\"alertname\":\"{alert}\"");
        until(&alert, || {
            let told = self.ask("/api/v1/alerts");
            told.split("{\"labels\":").any(|one| one.contains(&alert) && one.contains("\"state\":\"firing\""))
        });
    }
}
