//! What other programs print, and what people type.

use crate::room::group::foreign::*;

/// Printed by real programs for the password `pw12345678`.
const PRINTED: &[(&str, &str)] = &[
    // argon2 -i, -d; php's password_hash
    (
        "$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHRzYWx0$gGiQCPAPuzNQsZ/BV5zF9th3PLYZtH7GZBPT1ERkILE",
        "an Argon2i hash",
    ),
    (
        "$argon2d$v=19$m=4096,t=3,p=1$c29tZXNhbHRzYWx0$I2hXD/r6pHvlQsjJTi3TEYJWcETYGGMSDpYIUMNb2S0",
        "an Argon2d hash",
    ),
    ("$2y$10$YWPaqe5lNLGvZcrJd65i6OJ6TGiktTVb04hRc2aROvRMwhRjLed8W", "a bcrypt hash"),
    // mkpasswd
    ("$y$j9T$nyoeDXHVa82DybqBNjxFD.$6DF7eRa45ngfRe8n8jNwm4XDrW8YZY05t69W9qnx5q8", "a yescrypt hash"),
    ("$gy$j9T$JxCrvJoJGEcImuu8MNevO1$/2tugVZ95vtJsuv3t2cK6SvRSpOACRT0DPQJBsrpN08", "a gost-yescrypt hash"),
    ("$7$CU..../....0hqFMEY1SSlEL5CLXVgzS0$Jll2Fsrpc33wJWU7WX/xL3/gn6ptf4gx3gn7/6gWOx5", "an scrypt hash"),
    ("$2b$05$pPa4vq.HRRnVdPi.0pWlmOEQplhHp0H47Vj28Dms2dyuH20.xwASm", "a bcrypt hash"),
    (
        "$6$abcdefgh$YhG271QxzTw9hwrI6/BwNGx/prvyFxoPSrK6B6LucgCVv5Molfd9PI8xnEpfroEe/DEkIo/Bblq5ZPN.0KHQc.",
        "a SHA-512 crypt hash",
    ),
    ("$5$abcdefgh$pQlsfB/bQbLJIcpsHR3B6W/6QjruvDtj7rat4A1wIZC", "a SHA-256 crypt hash"),
    ("$md5,rounds=58358$IDZAKcdl$$wyilJ/3LnCvJBvJZ7d62V1", "a SunMD5 hash"),
    ("$1$abcdefgh$HbvkTmvYfShx4ct1DwD3b0", "an MD5 crypt hash"),
    ("$3$$2fec8b310caabd7ad121e28dc2a4214d", "an NT hash"),
    ("_J9..T6nifFEs.5Kn4nc", "a BSDi crypt hash"),
    ("mgKw2rO3LZEIU", "a DES crypt hash"),
    // htpasswd -nb, with the name and without
    ("$apr1$/e62Ouyf$yabEpvUv3m5.LyRmqfSK1/", "an MD5 hash of Apache's htpasswd"),
    ("bob:$apr1$/e62Ouyf$yabEpvUv3m5.LyRmqfSK1/", "an MD5 hash of Apache's htpasswd"),
    ("bob:$2y$05$SOyZTkb1kig18x8hOTOdZO13iDO/R5Wc4VrmugMG46wquCrWxqFxq", "a bcrypt hash"),
    ("bob:{SHA}xWPcY6kQLMSmiTgDIUTzyMwlGs4=", "a hash of Dovecot or LDAP, with its kind in braces"),
    ("bob:rlGi1ZrLEaQ86", "a DES crypt hash"),
    // openssl passwd -aixmd5
    ("abcdefgh$5eg6RS7EKmC/Oo4TCkuiz1", "an MD5 hash of AIX"),
    // A line of /etc/shadow after its name
    ("!$6$abcdefgh$YhG271QxzTw9hwrI6/BwNGx/prvyFxo:19000:0:99999:7:::", "a SHA-512 crypt hash"),
    // The same, locked on Solaris and BSD
    ("*LK*$6$abcdefgh$YhG271QxzTw9hwrI6/BwNGx/prvyFxo:19000::::::", "a SHA-512 crypt hash"),
    ("*$2b$05$pPa4vq.HRRnVdPi.0pWlmOEQplhHp0H47Vj28Dms2dyuH20.xwASm", "a bcrypt hash"),
    // doveadm pw, slappasswd, passlib
    ("{SSHA}ZIADJ5srNZ0R0ghUibWnuyYcSaZ61xkg", "a hash of Dovecot or LDAP, with its kind in braces"),
    (
        "{BLF-CRYPT}$2y$05$f.aovQAXBRBguo9SMLuFTe/5dA./vHkU625yaGC6buyLornF6ohCW",
        "a hash of Dovecot or LDAP, with its kind in braces",
    ),
    (
        "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$py0JT0ZjB/x9q3JsZUg4vA$ZcnHcYvsWGZXAMb8f4VYHSNphkRSzNTI7afyzrJrFBM",
        "a hash of Dovecot or LDAP, with its kind in braces",
    ),
    ("{PLAIN}pw12345678", "a hash of Dovecot or LDAP, with its kind in braces"),
    ("{FSHP1|16|4096}0OHf8Tpb3mLNAXzPtVrVsg==", "a hash of Dovecot or LDAP, with its kind in braces"),
    (
        "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk",
        "a PBKDF2 hash",
    ),
    ("$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "a bcrypt hash"),
    (
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD.iCs5E",
        "an scrypt hash",
    ),
    ("$P$8ohUJ.1sdFw09/bMaAQPTGDNi2BIUt1", "a phpass hash"),
    // Web frameworks and databases
    (
        "pbkdf2_sha256$600000$2Z5bMqUvJDqMRrNEwbQzqs$vYQ8gU0xHqo2n2q0d9kZ3TqGf1xjYq8rK0pQyHqQJ0k=",
        "a PBKDF2 hash of Django",
    ),
    ("scrypt:32768:8:1$PmfJ8jHnMRB2xvQe$b6a30e1c", "an scrypt hash of Werkzeug"),
    ("scrypt$16384$FZV3XrtuLh5X$8$1$hvEQ3ZVMBGjF", "an scrypt hash of Django"),
    ("sha1$3ada8$7cfb5a0bcb6fd4b0c8d2d8f2f4b1a1a3c3a8e3e1", "a SHA-1 hash of Django or Werkzeug"),
    ("sha256$pDrMcVkn$0d1f1c8b5e0a6f5c", "a SHA-256 hash of Werkzeug"),
    ("md5$3ada8$d5c1e9a0b0c84b1e5b0c7a5a6f0e4f9d", "an MD5 hash of Django or Werkzeug"),
    ("crypt$$abN3wS8m5yqBw", "a DES crypt hash of Django"),
    ("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", "a MySQL hash"),
    ("md532e12f215ba27cb750c9e093ce4b5127", "an MD5 hash of PostgreSQL"),
    // Digests in hex, as md5sum and sha512sum print them; htdigest with name and realm
    ("b55a2901d68927617f9c2f962ad9302b", "an MD5 or NT hash in hex digits"),
    ("bob:realm:b55a2901d68927617f9c2f962ad9302b", "an MD5 or NT hash in hex digits"),
    ("C563DC63A9102CC4A68938032144F3C8CC251ACE", "a SHA-1 hash in hex digits"),
    ("8d1bcc720731778ba30c865d8ecd4a8bf3bb1e779595795f9ea19eeed5b3b1f6", "a SHA-256 hash in hex digits"),
];

#[test]
fn what_programs_print_is_no_password() {
    for (printed, what) in PRINTED {
        let found = Foreign::of(printed).unwrap_or_else(|| panic!("{printed} is taken for a password"));
        let sentence = found.to_string();
        assert!(sentence.starts_with(&format!("this looks like {what}, and only ")), "{printed}: {sentence}");
        assert!(!sentence.contains(printed));
        // In quotes, as in a program or a JSON file.
        for (before, after) in [("\"", "\""), ("'", "',"), ("“", "”")] {
            let quoted = format!("{before}{printed}{after}");
            assert!(Foreign::of(&quoted).is_some(), "{quoted} is taken for a password");
        }
    }
    let hash = "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHRzYWx0$XYPtYRZQjM06wSvA6bY1nLP6ISHthu73kvEVedxZcXs";
    for wrapped in [format!("\"{hash}\""), format!("'{hash}',"), format!("bob:{hash}"), format!("!{hash}")] {
        assert_eq!(Foreign::of(&wrapped), Some(Foreign::Wrapped), "{wrapped}");
    }
    assert_eq!(Foreign::of("$what$ever"), Some(Foreign::Hash("a hash, of which system is not known")));
}

#[test]
fn what_people_type_is_a_password() {
    for typed in [
        "typed-by-hand",
        "correcthorse1",
        "Donnerstag123",
        "secret",
        "ge$heim#$x",
        "a$b$c$d$e$f",
        "{}secret",
        "{secret}",
        "{secret",
        "12:34:56:78:90:ab",
        "b55a2901d68927617f9c2f962ad9302",
        "xb55a2901d68927617f9c2f962ad9302b",
        "550e8400-e29b-41d4-a716-446655440000",
        "SCRAM-SHA-1",
        "sha1$or-md5",
        "*$tarlight-2026*",
        "xWPcY6kQLMSmiTgDIUTzyMwlGs4=",
        "xmgKw2rO3LZEIU",
        "_J9..T6nifFEs",
        "it's:late,go;home",
    ] {
        assert_eq!(Foreign::of(typed), None, "{typed}");
    }
}

#[test]
fn one_more_character_makes_a_password_of_what_could_be_one() {
    for (printed, _) in PRINTED {
        if let Some(Foreign::Perhaps(_)) = Foreign::of(printed) {
            assert_eq!(Foreign::of(&format!("x{printed}")), None, "{printed}");
        }
    }
}

#[test]
fn dovecots_mark_of_argon2id_is_known() {
    for (field, phc) in [
        ("{ARGON2ID}$argon2id$v=19$x", "$argon2id$v=19$x"),
        ("{argon2}$argon2id$v=19$x", "$argon2id$v=19$x"),
        ("{ARGON2I}$argon2i$v=19$x", "{ARGON2I}$argon2i$v=19$x"),
        ("{ARGON2I", "{ARGON2I"),
        ("ä{ARGON2ID}", "ä{ARGON2ID}"),
    ] {
        assert_eq!(without_mark(field), phc);
    }
}
