//! Fingerprints of certificates.

use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;

const LEN: usize = 32;

/// SHA-256 of a certificate, written as openssl does: `AB:CD:…`.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
#[display("{}", _0.map(|byte| format!("{byte:02X}")).join(":"))]
pub struct Fingerprint([u8; LEN]);

impl Fingerprint {
    /// Of this certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Fingerprint {
        let digest = digest(&SHA256, certificate);
        Fingerprint(digest.as_ref().try_into().expect("SHA-256 has 256 bits"))
    }

    /// Reads what `Display` writes, in any case. `None`: the text is no fingerprint.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let is_byte = |word: &&str| word.len() == 2 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = |word: &str| Some(word).filter(is_byte).and_then(|word| u8::from_str_radix(word, 16).ok());
        let bytes: Vec<u8> = text.split(':').map(byte).collect::<Option<_>>()?;
        Some(Fingerprint(bytes.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        // SHA-256 of "abc", from FIPS 180-4's examples.
        let text =
            "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        let fingerprint = Fingerprint::of(&CertificateDer::from(b"abc".to_vec()));
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(Fingerprint::parse(text), Some(fingerprint));
        for bad in [
            "",
            "AB",
            &text[3..],
            &format!("{text}:00"),
            &text.replace("BA", "+A"),
            &text.replace("BA", "xx"),
        ] {
            assert_eq!(Fingerprint::parse(bad), None, "{bad}");
        }
    }
}
