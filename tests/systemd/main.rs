//! The unit of deploy/ under a real systemd.

#[path = "../common/blocks.rs"]
mod blocks;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/machine.rs"]
mod machine;
mod recipe;

use std::process::Output;

use common::disk::skip;
use common::server::until;
use libc::SCHED_IDLE;
use machine::{SAY, Systemd};

#[test]
fn the_unit_serves_reloads_restarts_and_stops() {
    let systemd = match Systemd::boot() {
        Ok(systemd) => systemd,
        Err(why) => return skip(why),
    };
    recipe::install(&systemd);
    // It comes back when the server has said that it is ready.
    systemd.done("systemctl start chat-room");
    let pid = systemd.property("MainPID");
    until("it says how things stand", || {
        systemd.property("StatusText") == "0 connections, 0 logged in, 1 member"
    });
    let status = systemd.file(&format!("/proc/{pid}/status"));
    let uid = format!("Uid:\t{}\t", systemd.done("id -u chat-room").trim_end());
    for closed in [&uid, "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"] {
        assert!(status.contains(closed), "{closed} is not in: {status}");
    }
    // proc_pid_stat(5): after the name in parentheses, nice is the seventeenth field, and the policy the thirty-ninth.
    let threads = systemd.file(&format!("/proc/{pid}/task/*/stat"));
    let mut nice: Vec<(&str, &str, &str)> = threads
        .lines()
        .filter_map(|line| {
            let (name, fields) = line.split_once(" (")?.1.rsplit_once(") ")?;
            let fields: Vec<&str> = fields.split(' ').collect();
            Some((name, *fields.get(16)?, *fields.get(38)?))
        })
        .filter(|(_, nice, _)| *nice != "0")
        .collect();
    nice.sort_unstable();
    // A systemd without CAP_SYS_RESOURCE, in a container, leaves the limit as it was.
    let may = systemd.done(&format!("prlimit --pid {pid} --nice --noheadings --output SOFT")).trim() == "30";
    let idle = SCHED_IDLE.to_string();
    let expected = [
        ("history search", "10", idle.as_str()),
        ("history writer", "-10", "0"),
        ("log", "10", "0"),
        ("passwords", "10", "0"),
    ];
    let expected = expected.into_iter().filter(|(_, nice, _)| may || *nice != "-10");
    assert!(nice.iter().copied().eq(expected), "{nice:?}");
    // TLS with the certificate that it made, the history, members.txt: it can write what it has to, and nothing else.
    systemd.done(SAY);
    let inside = systemd.run(&format!("nsenter -t {pid} --mount touch /usr/x /etc/x /var/x 2>&1"));
    assert_eq!(String::from_utf8_lossy(&inside.stdout).matches("Read-only file system").count(), 3);
    systemd.done("mv /var/log/chat-room/server.log /var/log/chat-room/server.log.1");
    systemd.done("echo 'bob@x typed-by-hand' >>/var/lib/chat-room/members.txt && systemctl reload chat-room");
    until("members.txt is read and written", || {
        systemd.file("/var/lib/chat-room/members.txt").contains("\nbob@x $argon2id$")
    });
    let log = systemd.file("/var/log/chat-room/server.log");
    assert!(log.lines().next().is_some_and(|line| line.contains("SIGHUP: ")), "{log}");
    assert_eq!(systemd.property("MainPID"), pid);

    systemd.done(&format!("kill -9 {pid}"));
    until("it is started again", || {
        systemd.property("NRestarts") == "1" && systemd.property("SubState") == "running"
    });
    systemd.done(SAY);
    let history = systemd.file("/var/lib/chat-room/history/*.txt");
    assert_eq!(
        history.lines().filter(|line| line.ends_with("Z ann@example.org hello")).count(),
        2,
        "{history}"
    );

    systemd.done("systemctl stop chat-room");
    let ended = ["Result", "ExecMainCode", "ExecMainStatus"].map(|name| systemd.property(name));
    assert_eq!(ended, ["success", "1", "0"]);
    let log = systemd.file("/var/log/chat-room/server.log");
    assert!(log.ends_with(" [INFO] stopped\n"), "{log}");

    // With the socket's unit systemd listens: whoever comes starts the server, and is not refused.
    systemd.done("install -m 644 deploy/chat-room.socket /etc/systemd/system/ && systemctl daemon-reload");
    systemd.done("systemctl start chat-room.socket");
    systemd.done(SAY);
    systemd.done(&format!("systemctl stop chat-room; {SAY}"));
    systemd.done("systemctl stop chat-room.socket chat-room");
    let history = systemd.file("/var/lib/chat-room/history/*.txt");
    assert_eq!(history.matches("Z ann@example.org hello\n").count(), 4, "{history}");
}

/// Whatever keeps the unit from starting, it comes back by itself when that has passed, however often it has tried.
#[test]
fn the_unit_comes_back_when_what_was_in_its_way_has_passed() {
    let systemd = match Systemd::boot() {
        Ok(systemd) => systemd,
        Err(why) => return skip(why),
    };
    recipe::install(&systemd);
    let exec = "ExecStart=\nExecStart=chat-room-server --log-file /var/log/chat-room/server.log --tls-listen";
    for (trouble, begins, passes, why) in [
        (
            "the port is taken",
            "mkdir /run/taker && cp /var/lib/chat-room/members.txt /run/taker/ && cd /run/taker && \
             { chat-room-server --history none --listen none --tls-listen [::]:7668 >log 2>&1 & echo $! >pid; } && \
             until grep -q listening log; do sleep 0.1; done",
            "kill $(cat /run/taker/pid)",
            "Address already in use",
        ),
        (
            "its address comes late",
            &format!(
                "printf '[Service]\n{exec} 192.0.2.7:7668\n' >/etc/systemd/system/chat-room.service.d/exec.conf"
            ),
            "ip address add 192.0.2.7/32 dev lo",
            "Cannot assign requested address",
        ),
        (
            "the disk is not mounted",
            "mv /var/lib/chat-room/members.txt /run/members.txt",
            "mv /run/members.txt /var/lib/chat-room/members.txt",
            "members.txt: does not exist",
        ),
        (
            "members.txt is being edited",
            "echo 'bob@x' >>/var/lib/chat-room/members.txt",
            "sed -i 's/^bob@x$/bob@x typed-by-hand/' /var/lib/chat-room/members.txt",
            "no password follows the mail",
        ),
        (
            "the disk is full",
            "mkdir /run/kept && cp -a /var/lib/chat-room/members.txt /run/kept && cd /var/lib/chat-room && \
             mount -t tmpfs -o size=64k,mode=700 disk . && cd /var/lib/chat-room && cp -a /run/kept/members.txt . && \
             chown chat-room:chat-room . && { cat /dev/zero >filler 2>/dev/null; true; }",
            "rm /var/lib/chat-room/filler",
            "No space left on device",
        ),
        (
            "a certificate is not there yet",
            &format!(
                "printf '[Service]\nLoadCredential=own.pem:/root/own.pem\n{exec} [::]:7668 --tls-cert %%d/own.pem \
                 --tls-key %%d/own.pem\n' >/etc/systemd/system/chat-room.service.d/exec.conf"
            ),
            "install -m 600 /var/lib/chat-room/self-signed.pem /root/own.pem",
            "",
        ),
    ] {
        systemd.done(
            "mkdir -p /etc/systemd/system/chat-room.service.d; rm -f /etc/systemd/system/chat-room.service.d/exec.conf; \
             printf '[Service]\nRestartSec=50ms\nStandardError=file:/run/said\n' >/etc/systemd/system/chat-room.service.d/hurry.conf",
        );
        systemd.done(begins);
        systemd.done("systemctl daemon-reload");
        let Output { status, .. } = systemd.run("systemctl start chat-room");
        assert!(!status.success(), "{trouble}: it starts all the same");
        // By itself systemd would give up after five; to see that once is enough.
        let enough = if trouble == "the port is taken" { 6 } else { 1 };
        until("it has tried often enough", || {
            systemd.property("NRestarts").parse::<u32>().is_ok_and(|times| times >= enough)
        });
        let state = systemd.property("ActiveState");
        assert!(["activating", "deactivating"].contains(&state.as_str()), "{trouble}: {state}");
        let said = systemd.file("/run/said");
        assert!(said.contains(why), "{trouble}: {said}");
        systemd.done(passes);
        until(trouble, || systemd.property("SubState") == "running");
        systemd.done("systemctl stop chat-room; systemctl reset-failed chat-room; true");
    }
}

/// A machine without IPv6 is served all the same, and options that make no sense are not tried again.
#[test]
fn without_ipv6_and_with_nonsense() {
    let systemd = match Systemd::boot() {
        Ok(systemd) => systemd,
        Err(why) => return skip(why),
    };
    recipe::install(&systemd);
    systemd.done("mkdir /etc/systemd/system/chat-room.service.d");
    // To the server this is a kernel without IPv6.
    systemd.done(
        "printf '[Service]\nRestrictAddressFamilies=\nRestrictAddressFamilies=AF_INET AF_UNIX\n' \
         >/etc/systemd/system/chat-room.service.d/test.conf; systemctl daemon-reload; systemctl start chat-room",
    );
    systemd.done(SAY);
    let log = systemd.file("/var/log/chat-room/server.log");
    assert!(log.contains("listening with TLS on 0.0.0.0:7668"), "{log}");

    systemd.done("systemctl stop chat-room");
    systemd.done(
        "printf '[Service]\nExecStart=\nExecStart=chat-room-server --no-such-option\n' \
         >/etc/systemd/system/chat-room.service.d/test.conf; systemctl daemon-reload",
    );
    assert!(!systemd.run("systemctl start chat-room").status.success());
    assert_eq!(["ActiveState", "NRestarts"].map(|name| systemd.property(name)), ["failed", "0"]);

    // Whoever connects has systemd try again, but not without a pause.
    systemd.done(
        "install -m 644 deploy/chat-room.socket /etc/systemd/system/; cd /etc/systemd/system/chat-room.service.d; \
         echo 'ExecStartPre=sh -c \"date +%%s >>/var/log/chat-room/starts\"' >>test.conf; systemctl daemon-reload; \
         systemctl start chat-room.socket; bash -c 'exec 3<>/dev/tcp/127.0.0.1/7668; read -u 3' >/dev/null 2>&1 &",
    );
    let starts = || String::from_utf8(systemd.run("cat /var/log/chat-room/starts").stdout).expect("text");
    until("it was tried three times", || starts().lines().count() >= 3);
    let starts = starts();
    let starts: Vec<u64> = starts.lines().map(|second| second.parse().expect("a number")).collect();
    assert!(starts.windows(2).all(|two| two[1] > two[0]), "{starts:?}");
}
