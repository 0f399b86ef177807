//! PEM files, read in full or refused with advice. The library's parser silently skips what it does not know, even
//! certificates.

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

const BEGIN: &[u8] = b"-----BEGIN ";

/// The certificates in a file, in their order, at least one. An error completes a sentence that begins with the file.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let labels = labels(pem)?;
    for (label, advice) in [
        ("TRUSTED CERTIFICATE", "openssl x509 converts it to a plain one"),
        ("X509 CERTIFICATE", "its first and last line have to say CERTIFICATE"),
    ] {
        if labels.contains(&label) {
            return Err(format!("holds a {label}, which only OpenSSL reads; {advice}"));
        }
    }
    let found: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|why| format!("is not PEM: {why}"))?;
    if found.is_empty() {
        return Err(format!("holds no certificate{}", instead(pem, &labels)));
    }
    if found.len() < labels.iter().filter(|label| **label == "CERTIFICATE").count() {
        return Err("is not PEM: a certificate in it has no end".to_owned());
    }
    Ok(found)
}

/// The only private key in a file. An error completes a sentence that begins with the file.
pub fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let labels = labels(pem)?;
    let is_encrypted = labels.contains(&"ENCRYPTED PRIVATE KEY")
        || pem.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"Proc-Type: 4,ENCRYPTED"));
    if is_encrypted {
        let sentence = "holds an encrypted key, and the server cannot ask for its password; openssl pkey \
                        -in FILE -out FILE writes an unencrypted one, which nobody else should be able to \
                        read (chmod 600)";
        return Err(sentence.to_owned());
    }
    if labels.contains(&"OPENSSH PRIVATE KEY") {
        return Err("holds an SSH key; ssh-keygen -p -m PKCS8 -f FILE rewrites it".to_owned());
    }
    let keys = labels.iter().filter(|label| label.ends_with("PRIVATE KEY")).count();
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(_) if keys > 1 => {
            Err(format!("holds {keys} keys, and only one can be served: keep only that one"))
        }
        Ok(key) => Ok(key),
        Err(_) if keys == 0 => Err(format!("holds no key{}", instead(pem, &labels))),
        Err(why) => Err(format!("holds no key: {why}")),
    }
}

/// Why this key cannot sign, if it cannot.
pub fn why_unsupported(key: &PrivateKeyDer<'_>) -> Option<String> {
    let why = any_supported_type(key).err()?;
    let der = key.secret_der();
    let kind = KINDS.iter().find(|(oid, _)| der.windows(oid.len()).any(|bytes| bytes == *oid));
    let is_rsa = matches!(key, PrivateKeyDer::Pkcs1(_));
    Some(match kind {
        Some((_, kind)) => format!("{kind}; {SUPPORTED}"),
        None if is_rsa => format!("{RSA}; {SUPPORTED}"),
        None => format!("it cannot be read ({why}); {SUPPORTED}"),
    })
}

const SUPPORTED: &str =
    "keys that can be served are ECDSA with P-256 or P-384, Ed25519, and RSA with 2048 to 4096 bits";
const RSA: &str = "it is an RSA key of another length, or a damaged one";

/// Kinds of keys by object identifier, with DER tag and length: RFC 5480, RFC 8410, RFC 5639, RFC 8017, SEC 2.
/// Curves come before the general entry for curves.
const KINDS: [(&[u8], &str); 8] = [
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23], "it is an ECDSA key with P-521"),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], "it is an ECDSA key with secp256k1"),
    (
        &[0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01],
        "it is an ECDSA key with a Brainpool curve",
    ),
    (&[0x06, 0x03, 0x2b, 0x65, 0x71], "it is an Ed448 key"),
    (&[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], "it is a DSA key"),
    (&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "it is a key for RSA-PSS alone"),
    (&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], RSA),
    (
        &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x01, 0x01],
        "it is an ECDSA key that spells its curve out (openssl pkey -ec_param_enc named_curve names it)",
    ),
];

/// The label of each block. A block that does not begin at the start of a line is an error, because the parser would silently
/// skip it.
fn labels(pem: &[u8]) -> Result<Vec<&str>, String> {
    let mut labels = Vec::new();
    for (at, line) in pem.split(|byte| *byte == b'\n').enumerate() {
        let mut lines = line.split(|byte| *byte == b'\r').filter(|line| !line.is_empty());
        let begins = lines.find_map(|line| memchr::memmem::find(line, BEGIN).map(|begin| (line, begin)));
        let Some((line, begin)) = begins else { continue };
        if begin > 0 {
            let at = at + 1;
            return Err(format!(
                "is not PEM: line {at} does not begin with its -----BEGIN; put a line end before that, \
                 and nothing else"
            ));
        }
        let label = &line[BEGIN.len()..];
        let end = memchr::memchr(b'-', label).unwrap_or(label.len());
        labels.extend(str::from_utf8(&label[..end]));
    }
    Ok(labels)
}

/// What the file holds instead of a certificate or a key.
fn instead(pem: &[u8], labels: &[&str]) -> String {
    match (labels, pem) {
        ([], []) => "; it is empty".to_owned(),
        // PFX ::= SEQUENCE { version INTEGER {v3(3)}, … (RFC 7292)
        ([], [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..]) => {
            "; it is PKCS#12; openssl pkcs12 -in FILE -nodes converts it to PEM".to_owned()
        }
        ([], [0x30, ..]) => {
            "; it is DER; openssl x509 or pkey with -inform der converts it to PEM".to_owned()
        }
        ([], _) => String::new(),
        ([label, ..], _) => {
            format!(", but {} {label}", if label.starts_with(['A', 'E', 'O']) { "an" } else { "a" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pem: &str, certificates_in_it: &str, key_in_it: &str) {
        let found = certificates(pem.as_bytes()).map(|found| found.len().to_string());
        assert_eq!(found.unwrap_or_else(|why| why), certificates_in_it);
        assert_eq!(private_key(pem.as_bytes()).map_or_else(|why| why, |_| "1".to_owned()), key_in_it);
    }

    #[test]
    fn read_in_full_or_refused() {
        let cert = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let begins = "does not begin with its -----BEGIN; put a line end before that, and nothing else";
        check(&format!("# ours\n{cert}{key}{cert}"), "2", "1");
        check(&format!("{cert}{key}").replace('\n', "\r\n"), "1", "1");
        check(cert, "1", "holds no key, but a CERTIFICATE");
        check(key, "holds no certificate, but a PRIVATE KEY", "1");
        check(
            &format!("{key}{key}"),
            "holds no certificate, but a PRIVATE KEY",
            "holds 2 keys, and only one can be served: keep only that one",
        );
        for (joined, line) in [
            (format!("{}{cert}", cert.trim_end()), 3),
            (format!("{cert}{}{key}", cert.trim_end()), 6),
            (format!("\u{feff}{cert}"), 1),
            (format!("{cert}  {cert}"), 4),
        ] {
            let refused = format!("is not PEM: line {line} {begins}");
            check(&joined, &refused, &refused);
        }
        check("", "holds no certificate; it is empty", "holds no key; it is empty");
        check("hello\n", "holds no certificate", "holds no key");
        check(
            "0abc",
            "holds no certificate; it is DER; openssl x509 or pkey with -inform der converts it to PEM",
            "holds no key; it is DER; openssl x509 or pkey with -inform der converts it to PEM",
        );
        check(
            &cert.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
            "holds a TRUSTED CERTIFICATE, which only OpenSSL reads; openssl x509 converts it to a plain one",
            "holds no key, but a TRUSTED CERTIFICATE",
        );
        check(
            &cert.replace("CERTIFICATE", "EC PARAMETERS"),
            "holds no certificate, but an EC PARAMETERS",
            "holds no key, but an EC PARAMETERS",
        );
        let (_, end) = cert.split_once('\n').expect("lines");
        check(
            &format!("{}{cert}", cert.replace(end, "")),
            "is not PEM: a certificate in it has no end",
            "holds no key, but a CERTIFICATE",
        );
    }
}
