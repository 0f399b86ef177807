//! /invite: what is to be forwarded to who is invited.

use super::view::notice;
use crate::client::display::with_rows;
use crate::client::server::{Reach, is_local};
use crate::client::terminal::layout::{Line, Style};
use crate::protocol::{InviteOk, Mail, Origin};

/// The lines, for this invitation. None is longer than most windows are wide: what is broken cannot be pasted.
pub(super) fn lines(mail: &Mail, ok: &InviteOk, reach: &Reach) -> Vec<Line> {
    let tls = if reach.is_tls { "--tls " } else { "" };
    let plain = |text: String| Line::new(Style::Plain, format!("  {text}")).indented(4);
    let mut lines = vec![
        notice(format!("forward this to {mail} alone; it is good once, for 7 days:")),
        plain(format!("chat-room-client {tls}--server {} \\", reach.servers.join(","))),
        plain(format!("  --join {} {mail}", ok.word.expose())),
    ];
    for (server, fingerprint) in &reach.fingerprints {
        let rows = with_rows(&format!("{server} shows a certificate with the fingerprint {fingerprint}"));
        lines.extend(rows.lines().map(|row| plain(row.to_owned())));
    }
    if let Some(file) = &reach.ca {
        let file = file.display();
        lines.push(notice(format!(
            "they also need {file}, and --ca with its name: it vouches for the server"
        )));
    }
    // Where the server is reached from elsewhere, a page on its own machine is of no use.
    let is_useful = |page: &Origin| reach.is_local() || !is_local(page.host());
    if let Some(link) = ok.link(mail).filter(|_| ok.page.as_ref().is_some_and(is_useful)) {
        lines.push(notice("or, to join with a browser:"));
        lines.push(plain(link));
    }
    if reach.is_local() {
        let only = "this address leads to the server only on this machine";
        lines.push(notice(format!("{only}: elsewhere they need the one by which others reach it")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;

    fn check(servers: &[&str], fingerprint: Option<&str>, expected: &str) {
        check_with("w0rd", servers, fingerprint, expected);
    }

    /// With what follows `OK INVITE`.
    fn check_with(ok: &str, servers: &[&str], fingerprint: Option<&str>, expected: &str) {
        let fingerprints = fingerprint.map(|text| Fingerprint::parse(text).expect("a fingerprint"));
        let reach = Reach {
            servers: servers.iter().map(|&server| server.to_owned()).collect(),
            is_tls: fingerprint.is_some(),
            ca: fingerprint.filter(|text| text.starts_with("CA:")).map(|_| "/etc/group.pem".into()),
            fingerprints: fingerprints
                .map(|fingerprint| (servers[0].to_owned(), fingerprint))
                .into_iter()
                .collect(),
        };
        let mail = Mail::parse(b"dan@x").expect("a mail");
        let ok = InviteOk::parse(ok).expect("a word");
        let shown: String = lines(&mail, &ok, &reach).iter().map(|line| line.text() + "\n").collect();
        assert_eq!(shown, format!("* forward this to dan@x alone; it is good once, for 7 days:\n{expected}"));
    }

    #[test]
    fn all_that_is_needed() {
        check(
            &["chat.example.org:7667", "other:1"],
            None,
            "  chat-room-client --server chat.example.org:7667,other:1 \\\n    --join w0rd dan@x\n",
        );
        let (row, all) = (["AB"; 8].join(":"), ["AB"; 32].join(":"));
        check(
            &["chat.example.org:7668"],
            Some(&all),
            &format!(
                "  chat-room-client --tls --server chat.example.org:7668 \\\n    --join w0rd dan@x\n  \
                 chat.example.org:7668 shows a certificate with the fingerprint\n      {row}:\n      {row}:\n      {row}:\n      {row}\n"
            ),
        );
        let (row, all) = (["CA"; 8].join(":"), ["CA"; 32].join(":"));
        check(
            &["a:1"],
            Some(&all),
            &format!(
                "  chat-room-client --tls --server a:1 \\\n    --join w0rd dan@x\n  a:1 shows a certificate with the \
                 fingerprint\n      {row}:\n      {row}:\n      {row}:\n      {row}\n* they also need /etc/group.pem, and \
                 --ca with its name: it vouches for the server\n"
            ),
        );
        check_with(
            "w0rd page=https://chat.example.org",
            &["chat.example.org:7667"],
            None,
            "  chat-room-client --server chat.example.org:7667 \\\n    --join w0rd dan@x\n* or, to join with a browser:\n  \
             https://chat.example.org/#join=dan@x/w0rd\n",
        );
        let elsewhere = "  chat-room-client --server a:1 \\\n    --join w0rd dan@x\n";
        check_with("w0rd page=http://127.0.0.1:7680", &["a:1"], None, elsewhere);
        for local in ["127.0.0.1:7667", "localhost:1", "[::1]:1"] {
            check(
                &[local],
                None,
                &format!(
                    "  chat-room-client --server {local} \\\n    --join w0rd dan@x\n* this address leads to the server only \
                     on this machine: elsewhere they need the one by which others reach it\n"
                ),
            );
        }
    }
}
