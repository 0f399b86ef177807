//! The server's options: `--help`, the manual page, the table of docs/operating.md and the shells' completions are rendered
//! from these.

use crate::limits::{
    BURST_DEFAULT, CONNECTIONS_BEFORE_LOGIN_DEFAULT, CONNECTIONS_PER_ADDRESS_DEFAULT,
    CONNECTIONS_PER_MEMBER_DEFAULT, LINE_MAX_CEILING, LINE_MAX_DEFAULT, LIST_COST, LISTEN_DEFAULT,
    LOGIN_TIMEOUT_DEFAULT, RATE_DEFAULT, WINDOW_DEFAULT, WINDOW_MAX, WINDOW_MIN,
};
use crate::manual::Flag;

pub(super) const MEMBERS_DEFAULT: &str = "members.txt";
pub(super) const HISTORY_DEFAULT: &str = "history";

/// All of them, in the order in which they are listed.
pub fn flags() -> Vec<Flag> {
    [places(), cluster(), limits(), running()].concat()
}

/// Addresses, and files on the disk.
fn places() -> Vec<Flag> {
    vec![
        Flag::taking("listen", "IP:PORT", "where to listen for plain text; `none`: TLS only")
            .short("l")
            .default(LISTEN_DEFAULT),
        Flag::taking("tls-listen", "IP:PORT", "where to listen for TLS").without("nowhere"),
        Flag::taking("web-listen", "IP:PORT", "where to listen for browsers; beyond this machine with TLS")
            .without("nowhere")
            .more("[docs/web.md](web.md) says how to put a proxy in front."),
        Flag::taking(
            "web-origin",
            "URL",
            "where others find the page, for the links of invitations and behind a proxy: `https://HOST`",
        ),
        Flag::taking(
            "metrics-listen",
            "IP:PORT",
            "where to answer monitors: `/metrics` and `/healthz` over HTTP",
        )
        .without("nowhere")
        .more("Whoever can connect there is told; it has no password and no TLS.")
        .more("[docs/operating.md](operating.md#monitoring) has what is told."),
        Flag::taking("tls-cert", "FILE", "the certificate with its chain, PEM, read again at SIGHUP")
            .without("one that the server makes"),
        Flag::taking("tls-key", "FILE", "the key of the certificate, PEM"),
        Flag::taking("members", "FILE", "the members file")
            .short("m")
            .default(MEMBERS_DEFAULT)
            .more("It is in the folder where the server was started."),
        Flag::taking("history", "DIR", "the folder of the history; `none`: memory only")
            .default(HISTORY_DEFAULT)
            .more("It is made if it does not exist, in the folder where the server was started."),
        Flag::taking("keep-days", "N", "delete history files older than N days")
            .without("all are kept")
            .more("A file is as old as its last event, or its last write if that was later."),
        Flag::taking(
            "past",
            "WHAT",
            "what members may read of the history: `own`, from the event that added them on, or `all`",
        )
        .words(&["own", "all"])
        .default("own"),
    ]
}

/// A group that many servers share.
fn cluster() -> Vec<Flag> {
    vec![
        Flag::taking("cluster", "URLS", "be a node of a cluster, through these brokers")
            .without("this server has the group for itself")
            .more("NATS brokers are named `nats://HOST:PORT` or `tls://HOST:PORT`, separated by commas.")
            .more("[docs/cluster.md](cluster.md) says how to set up three of each."),
        Flag::taking("node", "NAME", "this server's name among the nodes; no two have the same")
            .without("the host's name"),
        Flag::taking(
            "cluster-credentials",
            "FILE",
            "the login at the brokers; only its owner may read the file",
        )
        .more("The file has the lines `user NAME` and `password SECRET`, or `token SECRET`."),
        Flag::taking("cluster-ca", "FILE", "the authority that has signed the brokers' certificates, PEM")
            .without("those that the system trusts"),
        Flag::switch("cluster-anyway", "accept a single broker, or brokers that sync late, to try it out"),
        Flag::switch("make-cluster", "make the group of the members file at these brokers, and exit"),
        Flag::switch(
            "cluster-found",
            "turn this server's group into one of a cluster, with its history, and exit",
        )
        .more("For a server that has had its group for itself, and when the brokers have lost the stream."),
    ]
}

/// Limits.
fn limits() -> Vec<Flag> {
    vec![
        Flag::taking("max-line", "BYTES", "the longest line in bytes, with its line end")
            .default(LINE_MAX_DEFAULT.to_string())
            .more(format!("At most {LINE_MAX_CEILING}.")),
        Flag::taking("max-connections", "N", "connections at once")
            .without("all file descriptors less a reserve"),
        Flag::taking("max-connections-before-login", "N", "connections before login")
            .default(CONNECTIONS_BEFORE_LOGIN_DEFAULT.to_string())
            .more("One more evicts the oldest from the address that has the most of them."),
        Flag::taking("max-connections-per-address", "N", "connections from one IPv4 address or IPv6 /64")
            .default(CONNECTIONS_PER_ADDRESS_DEFAULT.to_string())
            .more(
                "A proxy is one address; [docs/clients.md](clients.md#between-a-client-and-the-server) has \
                 settings for some.",
            ),
        Flag::taking(
            "max-connections-per-member",
            "N",
            "connections of one member; one more replaces a silent one",
        )
        .default(CONNECTIONS_PER_MEMBER_DEFAULT.to_string())
        .more("It replaces the same device's connection that has been silent longest."),
        Flag::taking(
            "rate",
            "N",
            format!("lines a second from one member, 0: no limit; a list counts as {LIST_COST}"),
        )
        .default(RATE_DEFAULT.to_string())
        .more("All connections of a member count together; before login the limit is per connection.")
        .more(
            "Lists are the answers to WHO, MEMBERS, HISTORY, FIND, INFO, STATS and HELP; PASSWD and NAME count as 5, too.",
        )
        .more("Lines beyond that are read later; nothing is dropped."),
        Flag::taking("burst", "N", "lines that one member may send at once after a pause")
            .default(BURST_DEFAULT.to_string()),
        Flag::taking("window", "SIZE", "event bytes kept in memory, with K, M or G")
            .default(format!("{}M", WINDOW_DEFAULT >> 20))
            .more(format!("From `{}M` to `{}G`.", WINDOW_MIN >> 20, WINDOW_MAX >> 30))
            .more(
                "A reader further behind is served from the files; with `--history none` it is disconnected.",
            ),
        Flag::taking("login-timeout", "SECONDS", "seconds from connecting to being logged in")
            .default(LOGIN_TIMEOUT_DEFAULT.as_secs().to_string()),
    ]
}

/// How the server runs, and what it does instead of serving.
fn running() -> Vec<Flag> {
    vec![
        Flag::switch(
            "plaintext-anyway",
            "listen unencrypted beyond this machine, for lines and for browsers",
        ),
        Flag::taking("log-file", "FILE", "append the log to this file, reopened at SIGHUP")
            .without("standard error"),
        Flag::taking(
            "log-level",
            "LEVEL",
            "what is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`",
        )
        .words(&["off", "error", "warn", "info", "debug", "trace"])
        .default("info"),
        Flag::taking("log-format", "FORMAT", "`text`, or `json`: an object a line")
            .words(&["text", "json"])
            .default("text")
            .more("Objects have `time`, `level` and `message`, and `mail`, `from`, `by` and the like where the message has them."),
        Flag::taking("init", "MAIL", "make the members file with this admin, asking for the password, and exit"),
        Flag::switch("check", "check everything that serving would use, say what is wrong or unwise, and exit")
            .more(
                "It reads the members file, the whole history, the key, the certificate and its dates, and sees whether \
                 the addresses are free and the files that a start makes can be made.",
            )
            .more(
                "Files that others can read are unwise, for example, or a members file that no command could \
                 change.",
            )
            .more("The exit status is 1 if something is wrong."),
        Flag::taking("backup", "DIR", "copy all that a start needs into this new folder, and exit")
            .more("A server may be running meanwhile. The copy has `members.txt`, `history`, and the certificate with its key.")
            .more("Full files of events are linked where the file system can do that, and take no room there."),
        Flag::switch("help", "print the options and exit").short("h"),
        Flag::switch("version", "print the version and exit").short("V"),
    ]
}
