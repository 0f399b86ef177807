//! Command lines and their options.

use crate::limits::LISTEN_DEFAULT;
use crate::manual::Default;
use crate::options::*;
use crate::server::log::cluster::NodeName;
use crate::server::net::certificate::Source;

fn serve(line: &str) -> Result<Options, String> {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    match parse(&args) {
        Ok(Invocation::Serve(options)) => Ok(*options),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error),
    }
}

#[test]
fn defaults() {
    let options = serve("").expect("no option is needed");
    assert_eq!(options.listen.plain.map(|addr| addr.to_string()).as_deref(), Some(LISTEN_DEFAULT));
    assert_eq!((options.listen.tls, options.listen.web, options.listen.certificate), (None, None, None));
    assert_eq!((options.line_max, options.window), (4096, 8 << 20));
    assert_eq!(options.connections.in_all, None);
}

#[test]
fn the_defaults_in_help_are_the_defaults() {
    let without = serve("").expect("no option is needed");
    let mut tried = 0;
    for flag in flags() {
        let Default::Value(value) = flag.default else { continue };
        let line = format!("--{} {value}", flag.long);
        assert_eq!(serve(&line).as_ref(), Ok(&without), "{line}");
        tried += 1;
    }
    assert!(tried >= 10, "{tried} options have a value without being given");
}

#[test]
fn all_values_that_are_listed_are_taken_and_in_the_help() {
    for flag in flags() {
        for word in flag.words {
            let line = format!("--{} {word}", flag.long);
            assert!(serve(&line).is_ok(), "{line}");
            assert!(flag.help.contains(&format!("`{word}`")), "{line}");
        }
    }
}

#[test]
fn init_refuses_options_without_meaning() {
    let allowed = ["members", "history", "init", "help", "version"];
    assert_eq!(WITH_INIT, allowed);
    for flag in flags() {
        if !allowed.contains(&flag.long) {
            let value = flag.value.unwrap_or_default();
            let error = serve(&format!("--init ann@x --{} {value}", flag.long)).expect_err("it is refused");
            assert!(error.starts_with(&format!("--{} has no meaning ", flag.long)), "{error}");
        }
    }
}

#[test]
fn a_node_has_the_hosts_name_unless_it_is_given_another() {
    let node = |line: &str| serve(line).map(|options| options.cluster.expect("a node"));
    assert_eq!(
        node("--cluster nats://m1,tls://m2 --node a-1").map(|node| node.node.to_string()),
        Ok("a-1".to_owned())
    );
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host = host.split('.').next().expect("split gives at least one piece");
    if NodeName::parse(host).is_ok() {
        assert_eq!(node("--cluster nats://m1").map(|node| node.node.to_string()).as_deref(), Ok(host));
    }
    let makes = ["--cluster", "nats://m1", "--node", "a", "--make-cluster", "--max-line", "8192"];
    let Ok(Invocation::MakeCluster(options)) = parse(&makes.map(str::to_owned)) else {
        panic!("it makes a group")
    };
    assert_eq!(options.line_max, 8192);
    let founds = ["--cluster", "nats://m1", "--node", "a", "--cluster-found"];
    assert!(matches!(parse(&founds.map(str::to_owned)), Ok(Invocation::FoundCluster(_))));
}

#[test]
fn values() {
    let options =
        serve("--listen [::1]:0 --window 16m --max-line 8192 --login-timeout 5 --max-connections 7")
            .expect("all are in range");
    assert_eq!((options.window, options.line_max), (16 << 20, 8192));
    assert_eq!((options.connections.login_timeout.as_secs(), options.connections.in_all), (5, Some(7)));
    assert!(serve("--listen 0.0.0.0:7667 --plaintext-anyway").is_ok());
    for (line, past) in [("", PastShown::Own), ("--past own", PastShown::Own), ("--past all", PastShown::All)]
    {
        assert_eq!(serve(line).expect("it is one of both").past, past, "{line}");
    }

    let options =
        serve("--members a/m.txt --tls-listen 0.0.0.0:7668 --listen none").expect("TLS may do that");
    let source = Source::SelfSigned(PathBuf::from("a/self-signed.pem"));
    let tls = "0.0.0.0:7668".parse().ok();
    assert_eq!(
        options.listen,
        ListenOptions { plain: None, tls, web: None, metrics: None, certificate: Some(source) }
    );
    let options = serve("--tls-listen [::]:7668 --tls-cert c --tls-key k").expect("all that is needed");
    let source = Source::Files { cert: "c".into(), key: "k".into() };
    assert_eq!(options.listen.certificate, Some(source));
    assert!(options.listen.plain.is_some());
    assert!(serve("--listen [::1]:7668 --tls-listen 0.0.0.0:7668").is_ok());
}

#[test]
fn browsers_get_tls_beyond_this_machine() {
    for (line, wire, has_certificate) in [
        ("--web-listen 127.0.0.1:7680", Wire::Plain, false),
        ("--web-listen [::1]:7680 --tls-listen 127.0.0.1:7668", Wire::Plain, true),
        ("--web-listen 0.0.0.0:7680", Wire::Tls, true),
        ("--web-listen 0.0.0.0:7680 --listen none --tls-cert c --tls-key k", Wire::Tls, true),
        ("--web-listen 0.0.0.0:7680 --plaintext-anyway", Wire::Plain, false),
    ] {
        let listen = serve(line).expect(line).listen;
        assert_eq!(listen.web.map(|web| web.wire), Some(wire), "{line}");
        assert_eq!(listen.certificate.is_some(), has_certificate, "{line}");
    }
    let listen =
        serve("--web-listen 127.0.0.1:7680 --web-origin https://Chat.Example.org").expect("both").listen;
    let origin = listen.web.and_then(|web| web.origin).map(|origin| origin.to_string());
    assert_eq!(origin.as_deref(), Some("https://chat.example.org"));
}

#[test]
fn errors_name_the_option() {
    for (line, name) in [
        ("--listen here", "--listen"),
        ("--listen 0.0.0.0:7667", "--plaintext-anyway"),
        ("--listen none", "--listen"),
        ("--tls-listen 7668", "--tls-listen"),
        ("--tls-listen [::]:7668 --tls-cert c", "--tls-key"),
        ("--tls-listen [::]:7668 --tls-key k", "--tls-cert"),
        ("--tls-cert c --tls-key k", "--tls-listen"),
        ("--listen 127.0.0.1:7667 --tls-listen 127.0.0.1:7667", "--tls-listen"),
        ("--tls-listen [::]:7667", "--tls-listen"),
        ("--tls-listen 0.0.0.0:7667", "--tls-listen"),
        ("--web-listen 7680", "--web-listen"),
        ("--web-listen 127.0.0.1:7667", "--web-listen"),
        ("--web-listen 0.0.0.0:7668 --tls-listen 127.0.0.1:7668", "--web-listen"),
        ("--web-listen 127.0.0.1:7680 --tls-cert c --tls-key k", "--tls-cert"),
        ("--web-origin https://chat.example.org", "--web-listen"),
        ("--web-listen 127.0.0.1:7680 --web-origin chat.example.org", "--web-origin"),
        ("--web-listen 127.0.0.1:7680 --web-origin https://chat.example.org/", "--web-origin"),
        ("--history none --keep-days 3", "--keep-days"),
        ("--rate 0 --burst 3", "--burst"),
        ("--node a", "--node"),
        ("--cluster-anyway", "--cluster-anyway"),
        ("--cluster-found", "--cluster-found"),
        ("--cluster nats://m1 --cluster-found --history none", "--cluster"),
        ("--cluster nats://m1 --cluster-found --make-cluster", "--make-cluster"),
        ("--make-cluster", "--make-cluster"),
        ("--check --backup b", "--check has no meaning with --backup"),
        ("--cluster nats://m1 --backup b --make-cluster", "--make-cluster has no meaning with --backup"),
        ("--cluster nats://m1 --backup b --cluster-found", "--cluster-found has no meaning with --backup"),
        ("--cluster m1:4222", "--cluster"),
        ("--cluster nats://node:secret@m1", "--cluster"),
        ("--cluster nats://m1 --node a.b", "--node"),
        ("--cluster nats://m1 --history none", "--cluster"),
        ("--cluster nats://m1 --max-line 8192", "--max-line"),
        ("--window 3", "--window"),
        ("--window 9G", "--window"),
        ("--max-line 100", "--max-line"),
        ("--max-connections 0", "--max-connections"),
        ("--login-timeout soon", "--login-timeout"),
        ("--log-level loud", "--log-level"),
        ("--init nobody", "--init"),
        ("--dance", "dance"),
        ("--listen", "listen"),
        ("extra", "extra"),
    ] {
        let error = serve(line).expect_err(line);
        assert!(error.contains(name), "{line}: {error}");
    }
}
