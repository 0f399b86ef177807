//! The recipe of docs/operating.md is followed to the letter: its commands are taken from its text.

use super::blocks;
use super::machine::{SAY, Systemd};
use crate::common::disk::skip;
use crate::common::server::until;

const RECIPE: &str = include_str!("../../docs/operating.md");

fn steps(heading: &str) -> Vec<String> {
    blocks::of(RECIPE, heading)
}

/// "Install", up to the command that starts it: nothing is built here, and who types gives a password.
pub(crate) fn install(systemd: &Systemd) {
    for block in steps("Install") {
        if block.contains("systemctl enable") {
            systemd.done("systemctl daemon-reload");
            return;
        }
        let block = block.replace("cargo build --release\n", "");
        let block = blocks::with_our_settings_only(&block);
        systemd.done(&format!("set -e\nprintf 'ann-secret\\nann-secret\\n' | {{\n{block}}}"));
    }
    panic!("the recipe ends without a start");
}

#[test]
fn from_nothing_to_a_group_with_an_authoritys_certificate() {
    let systemd = match Systemd::boot() {
        Ok(systemd) => systemd,
        Err(why) => return skip(why),
    };
    install(&systemd);
    let start =
        steps("Install").into_iter().find(|block| block.contains("systemctl enable")).expect("it starts");
    systemd.done(&start);
    assert_eq!(systemd.done("systemctl is-enabled chat-room"), "enabled\n");
    systemd.done(SAY);

    // An authority, its certificate where certbot would have put it, and one more after the first is renewed.
    let authority = "set -e
        lineage=/etc/letsencrypt/live/chat.example.org; mkdir -p $lineage /etc/letsencrypt/renewal-hooks/deploy
        cd $lineage && printf 'subjectAltName=DNS:localhost' >names
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -keyout ca.key -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=own -keyout privkey.pem -out own.csr
        openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -days 90 -extfile names -out own.pem
        cat own.pem ca.pem >fullchain.pem; chmod 600 privkey.pem";
    if !systemd.run(authority).status.success() {
        return skip("there is no openssl here that makes certificates");
    }
    let [options, hook, forget] = &steps("A certificate from an authority")[..] else {
        panic!("the recipe has other blocks than these three");
    };
    systemd.done(&format!("set -e\n{options}"));
    // A client that knows the old certificate refuses the new one until it is told otherwise.
    assert_eq!(systemd.run(SAY).status.code(), Some(4));
    let forget = forget.replace("chat.example.org", "localhost");
    systemd.done(&format!("export XDG_STATE_HOME=/run/state; {forget}"));
    let live = "/etc/letsencrypt/live/chat.example.org";
    let say = SAY.replace("/var/lib/chat-room/self-signed.pem", &format!("{live}/ca.pem"));
    systemd.done(&say);
    // The server's user cannot read the key, only its copy.
    let pid = systemd.property("MainPID");
    let read = |path: &str| {
        let as_server =
            format!("nsenter -t {pid} --mount setpriv --reuid chat-room --clear-groups cat {path}");
        systemd.run(&as_server).status.success()
    };
    assert!(read("/run/credentials/chat-room.service/privkey.pem") && !read(&format!("{live}/privkey.pem")));

    // The renewal: another certificate. SIGHUP finds the copies as they were, the hook brings it in.
    systemd.done(authority);
    systemd.done("systemctl reload chat-room");
    until("the copies are read again", || {
        systemd.file("/var/log/chat-room/server.log").contains("TLS: the certificate is the same, ")
    });
    systemd.done(&format!("set -e\n{hook}"));
    systemd.done(&format!("RENEWED_LINEAGE={live} /etc/letsencrypt/renewal-hooks/deploy/chat-room"));
    systemd.done(&say);
}
