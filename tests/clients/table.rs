//! The programs, and what is known of each. [docs/clients.md](../../docs/clients.md) has the same table for people: the
//! names, and the commands word for word.
//!
//! Commands stand here as somebody types them. `127.0.0.1`, `7667` or `7668` and `self-signed.pem` are replaced by what
//! the server of the test has.

/// One program.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// What has to be installed.
    pub(crate) needs: &'static [&'static str],
    /// How a person uses it.
    pub(crate) seat: Seat,
    /// How a script does.
    pub(crate) piped: Piped,
}

/// A program at a terminal.
pub(crate) struct Seat {
    pub(crate) command: &'static str,
    pub(crate) letters: Letters,
    pub(crate) ends: Ends,
}

/// Which letters go through it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Letters {
    /// All of UTF-8.
    All,
    /// All are shown. Beyond ASCII some cannot be typed: it takes their bytes for keys.
    Shown,
    /// ASCII only.
    Ascii,
}

/// When the server has hung up, the program ends …
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ends {
    /// … too.
    Itself,
    /// … when the next line is typed, or the second.
    AtEnter,
    /// … by its own command, which is this.
    By(&'static str),
}

/// What a script does with it.
#[derive(Clone, Copy)]
pub(crate) enum Piped {
    /// Lines piped into this are answered: it ends its sending side, and reads on.
    HalfCloses(&'static str),
    /// So they are if the last is QUIT.
    Quits(&'static str),
    /// It has its lines in itself.
    Script(&'static str),
    /// It cannot.
    No,
}

const fn seat(command: &'static str, ends: Ends) -> Seat {
    Seat { command, letters: Letters::All, ends }
}

pub(crate) const PROGRAMS: &[Program] = &[
    Program {
        name: "nc (openbsd)",
        needs: &["nc.openbsd"],
        seat: seat("nc.openbsd 127.0.0.1 7667", Ends::AtEnter),
        piped: Piped::HalfCloses("nc.openbsd -N 127.0.0.1 7667"),
    },
    Program {
        name: "nc (traditional)",
        needs: &["nc.traditional"],
        seat: seat("nc.traditional 127.0.0.1 7667", Ends::Itself),
        piped: Piped::HalfCloses("nc.traditional -q 30 127.0.0.1 7667"),
    },
    Program {
        name: "nc (busybox)",
        needs: &["busybox"],
        seat: seat("busybox nc 127.0.0.1 7667", Ends::Itself),
        piped: Piped::HalfCloses("busybox nc 127.0.0.1 7667"),
    },
    Program {
        name: "ncat",
        needs: &["ncat"],
        seat: seat("ncat 127.0.0.1 7667", Ends::AtEnter),
        piped: Piped::HalfCloses("ncat 127.0.0.1 7667"),
    },
    Program {
        name: "ncat, TLS",
        needs: &["ncat"],
        seat: seat("ncat --ssl-verify --ssl-trustfile self-signed.pem localhost 7668", Ends::AtEnter),
        piped: Piped::HalfCloses("ncat --ssl-verify --ssl-trustfile self-signed.pem localhost 7668"),
    },
    Program {
        name: "telnet (inetutils)",
        needs: &["inetutils-telnet"],
        seat: Seat {
            command: "inetutils-telnet 127.0.0.1 7667",
            letters: Letters::Shown,
            ends: Ends::Itself,
        },
        piped: Piped::No,
    },
    Program {
        name: "telnet (inetutils), without keys",
        needs: &["inetutils-telnet"],
        seat: seat("stty intr undef quit undef susp undef; inetutils-telnet -E 127.0.0.1 7667", Ends::Itself),
        piped: Piped::No,
    },
    Program {
        name: "telnet (netkit: telnet-ssl)",
        needs: &["telnet-ssl"],
        seat: seat("telnet-ssl 127.0.0.1 7667", Ends::Itself),
        piped: Piped::Script(
            "(printf 'LOGIN bob@x bob-secret\\nMSG piped ü 日本\\nQUIT\\n'; sleep 3) | telnet-ssl 127.0.0.1 7667",
        ),
    },
    Program {
        name: "telnet-ssl, TLS",
        needs: &["telnet-ssl"],
        seat: seat("telnet-ssl -z ssl -z cacert=self-signed.pem -z verify=1 127.0.0.1 7668", Ends::Itself),
        piped: Piped::No,
    },
    Program {
        name: "telnet (busybox)",
        needs: &["busybox"],
        seat: seat("busybox telnet 127.0.0.1 7667", Ends::Itself),
        piped: Piped::Script(
            "(printf 'LOGIN bob@x bob-secret\\nMSG piped ü 日本\\nQUIT\\n'; sleep 3) | busybox telnet 127.0.0.1 7667",
        ),
    },
    Program {
        name: "plink, telnet",
        needs: &["plink"],
        seat: seat("plink -telnet -P 7667 127.0.0.1", Ends::Itself),
        piped: Piped::Quits("plink -telnet -P 7667 127.0.0.1"),
    },
    Program {
        name: "plink, raw",
        needs: &["plink"],
        seat: seat("plink -raw -P 7667 127.0.0.1", Ends::AtEnter),
        piped: Piped::HalfCloses("plink -raw -P 7667 127.0.0.1"),
    },
    Program {
        name: "C-Kermit",
        needs: &["kermit"],
        seat: seat("kermit -H -J 127.0.0.1 7667", Ends::Itself),
        piped: Piped::No,
    },
    Program {
        name: "socat",
        needs: &["socat"],
        seat: seat("socat - TCP:127.0.0.1:7667", Ends::Itself),
        piped: Piped::HalfCloses("socat -t 30 - TCP:127.0.0.1:7667"),
    },
    Program {
        name: "socat, TLS",
        needs: &["socat"],
        seat: seat("socat - OPENSSL:127.0.0.1:7668,cafile=self-signed.pem", Ends::Itself),
        piped: Piped::HalfCloses("socat -t 30 - OPENSSL:127.0.0.1:7668,cafile=self-signed.pem"),
    },
    Program {
        name: "openssl s_client",
        needs: &["openssl"],
        seat: seat(
            "openssl s_client -quiet -verify_return_error -CAfile self-signed.pem -connect 127.0.0.1:7668",
            Ends::Itself,
        ),
        piped: Piped::Quits(
            "openssl s_client -quiet -verify_return_error -CAfile self-signed.pem -connect 127.0.0.1:7668",
        ),
    },
    Program {
        name: "gnutls-cli",
        needs: &["gnutls-cli"],
        seat: seat("gnutls-cli --x509cafile self-signed.pem -p 7668 127.0.0.1", Ends::Itself),
        piped: Piped::HalfCloses("gnutls-cli --x509cafile self-signed.pem -p 7668 127.0.0.1"),
    },
    Program {
        name: "curl",
        needs: &["curl"],
        seat: seat("curl --no-progress-meter -NT . telnet://127.0.0.1:7667", Ends::Itself),
        piped: Piped::Quits("curl --no-progress-meter -NT . telnet://127.0.0.1:7667"),
    },
    Program {
        name: "rlwrap",
        needs: &["rlwrap", "nc.traditional"],
        seat: seat("rlwrap -H /dev/null nc.traditional 127.0.0.1 7667", Ends::Itself),
        piped: Piped::No,
    },
    Program {
        name: "expect",
        needs: &["expect", "nc.traditional"],
        seat: seat("expect -c 'spawn -noecho nc.traditional 127.0.0.1 7667; interact'", Ends::Itself),
        piped: Piped::Script(
            "expect -c 'spawn nc.traditional 127.0.0.1 7667
                 expect \"HELLO \"
                 send \"LOGIN bob@x bob-secret\\r\"
                 expect \"OK LOGIN \"
                 send \"MSG piped ü 日本\\r\"
                 expect -re {OK MSG \\d+}
                 send \"QUIT\\r\"
                 expect eof'",
        ),
    },
    Program {
        name: "bash",
        needs: &["bash"],
        seat: seat("exec 3<>/dev/tcp/127.0.0.1/7667; cat <&3 & cat >&3", Ends::AtEnter),
        piped: Piped::Script(
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/7667
                 echo \"LOGIN bob@x bob-secret\" >&3
                 echo \"MSG piped ü 日本\" >&3
                 echo QUIT >&3
                 cat <&3'",
        ),
    },
    Program {
        name: "Emacs (M-x telnet)",
        needs: &["emacs", "telnet-ssl"],
        seat: seat(
            "emacs -nw -Q --eval '(progn (setq telnet-program \"telnet-ssl\" confirm-kill-processes nil) (telnet \"127.0.0.1\" 7667))'",
            Ends::By("\x18\x03"),
        ),
        piped: Piped::No,
    },
    Program {
        name: "TinyFugue (tf5)",
        needs: &["tf5"],
        seat: Seat { command: "tf5 -n 127.0.0.1 7667", letters: Letters::Ascii, ends: Ends::By("/quit\r") },
        piped: Piped::No,
    },
    Program {
        name: "TinTin++ (tt++)",
        needs: &["/usr/games/tt++"],
        seat: seat("/usr/games/tt++ -G -e '#session chat 127.0.0.1 7667'", Ends::By("#end\r")),
        piped: Piped::No,
    },
    Program {
        name: "websocat",
        needs: &["websocat"],
        seat: seat("websocat -t - tcp:127.0.0.1:7667", Ends::AtEnter),
        piped: Piped::HalfCloses("websocat -t - tcp:127.0.0.1:7667"),
    },
];
