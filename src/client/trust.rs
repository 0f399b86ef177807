//! Whether a server is the right one. With `--ca`, if what is in that file vouches for it. Else a server that was met
//! before has to be known by the same as then. Met for the first time it is trusted and remembered as one that the
//! system's authorities vouch for, or by its fingerprint, if a person says that it is right. That the other side holds the certificate's key is
//! checked in all cases.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::known::{self, Known, Trusted};
use super::login_error::Stranger;
use super::state::State;
use crate::fingerprint::Fingerprint;
use crate::pem;
use crate::protocol::Time;

/// Why a certificate is refused, in a sentence.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Decides about the certificate of one server.
#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    server: String,
    /// `None`: there is none, and so none that vouches.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// The file that was named for this time: it alone decides.
    named: Option<PathBuf>,
    /// Where servers are remembered, if there is a place.
    memory: Option<PathBuf>,
    known: Option<Known>,
    /// By what it is to be known, met for the first time; and why no authority vouches for it.
    met: Mutex<Option<(Trusted, String)>>,
}

/// Why nothing is sent to a server that has shown a certificate.
pub(super) enum Unmet {
    Stranger(Stranger),
    /// It could not be remembered: a sentence.
    Failed(String),
}

impl Verifier {
    /// An error is a sentence, too.
    pub(super) fn new(
        server: &str,
        ca: Option<&Path>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Verifier, String> {
        let (memory, known) = match (State::from_env().known_servers(), ca) {
            (Some(file), _) => match known::find(&file, server) {
                Ok(known) => (Some(file), known),
                // What is remembered decides nothing.
                Err(_) if ca.is_some() => (None, None),
                Err(why) => return Err(why.to_string()),
            },
            (None, Some(_)) => (None, None),
            (None, None) => {
                let sentence = "there is no place to remember servers: neither HOME nor XDG_STATE_HOME is set; --ca needs none";
                return Err(sentence.to_owned());
            }
        };
        let roots = match (ca, known.as_ref().map(|known| &known.trusted)) {
            (Some(file), _) => named(file).map_err(|why| format!("--ca {}: {why}", file.display()))?,
            (None, Some(Trusted::File(file))) => {
                named(file).map_err(|why| format!("{}: {why}", file.display()))?
            }
            (None, _) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                roots
            }
        };
        let authorities = (!roots.is_empty()).then(|| {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            builder.build().expect("there is an authority, and no list of revoked ones that could be wrong")
        });
        Ok(Verifier {
            provider: Arc::clone(provider),
            server: server.to_owned(),
            authorities,
            named: ca.map(Path::to_owned),
            memory,
            known,
            met: Mutex::new(None),
        })
    }

    /// After the handshake, which shows that the other side holds the key. Notes a server that was met for the first time
    /// and for which somebody vouches. One for which nobody does is a stranger: a person has to say whether it is right.
    pub(super) fn met(&self) -> Result<(), Unmet> {
        let met = self.met.lock().expect("nobody panics while holding it");
        let (Some(file), Some((trusted, why))) = (&self.memory, &*met) else { return Ok(()) };
        if let Trusted::Fingerprint(fingerprint) = trusted {
            return Err(Unmet::Stranger(Stranger { fingerprint: *fingerprint, why: why.clone() }));
        }
        match known::set(file, &self.server, trusted) {
            // Who names a file every time needs no memory.
            Err(_) if self.named.is_some() => Ok(()),
            Err(why) => Err(Unmet::Failed(format!(
                "{} could not be remembered in {}: {why}",
                self.server,
                file.display()
            ))),
            Ok(()) => Ok(()),
        }
    }

    /// Whether this certificate is right, for which an authority vouches or, so it says, does not.
    fn judge(&self, shown: Fingerprint, vouched: Result<(), rustls::Error>) -> Result<(), rustls::Error> {
        let server = &self.server;
        let advice = format!(
            "Somebody may be intercepting the connection, so nothing was sent. If its admin says that \
             this is right, run chat-room-client --forget --server {server}, and start again"
        );
        let another = |what: String| {
            let sentence = format!("THE CERTIFICATE HAS CHANGED: {server} shows {shown}, {what}. {advice}");
            Err(CertificateError::Other(OtherError(Arc::new(Refused(sentence)))).into())
        };
        let met = match (&self.named, &self.known) {
            (Some(file), known) => {
                vouched.clone()?;
                if known.as_ref().is_some_and(|known| known.trusted != Trusted::Forgotten) {
                    return Ok(());
                }
                Trusted::File(file.clone())
            }
            (None, Some(Known { trusted: Trusted::Fingerprint(known), place })) => {
                let remark = if vouched.is_ok() {
                    "; an authority that this system trusts vouches for it"
                } else {
                    ""
                };
                return if *known == shown {
                    Ok(())
                } else {
                    another(format!("{place} says {known}{remark}"))
                };
            }
            (None, Some(Known { trusted, place })) if *trusted != Trusted::Forgotten => {
                let who = match trusted {
                    Trusted::File(file) => file.display().to_string(),
                    _ => "an authority".to_owned(),
                };
                return vouched.or_else(|why| {
                    another(format!(
                        "for which no authority vouches ({}); {place} says that {who} does",
                        told(&why)
                    ))
                });
            }
            (None, _) if vouched.is_ok() => Trusted::Authority,
            (None, _) => Trusted::Fingerprint(shown),
        };
        let why = vouched.err().map_or_else(String::new, |why| told(&why));
        *self.met.lock().expect("nobody panics while holding it") = Some((met, why));
        Ok(())
    }
}

/// The certificates in a file, PEM.
fn named(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let bytes = std::fs::read(file).map_err(|why| why.to_string())?;
    for certificate in pem::certificates(&bytes).map_err(|what| format!("it {what}"))? {
        roots.add(certificate).map_err(|why| why.to_string())?;
    }
    Ok(roots)
}

/// Why a certificate is not trusted, as a person would say it. A clock that is wrong here looks like one that was wrong there.
pub(super) fn told(why: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(why) = why else { return why.to_string() };
    let dates = |what: &str, date: UnixTime, now: UnixTime| {
        format!(
            "it is valid {what} {}, and this machine's clock says {}: is that right?",
            day(date),
            day(now)
        )
    };
    match why {
        CertificateError::ExpiredContext { time, not_after } => dates("until", *not_after, *time),
        CertificateError::NotValidYetContext { time, not_before } => dates("from", *not_before, *time),
        CertificateError::UnknownIssuer => "nobody whom this system trusts has signed it".to_owned(),
        why => why.to_string(),
    }
}

/// `2026-01-02 03:04 UTC`.
fn day(time: UnixTime) -> String {
    let text = Time::from_unix_ms(time.as_secs().saturating_mul(1000)).to_string();
    let (day, clock) = text.split_once('T').expect("it has a T between day and clock");
    format!("{day} {} UTC", clock.get(..5).unwrap_or(clock))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let vouched = match &self.authorities {
            Some(authorities) => authorities.verify_server_cert(certificate, intermediates, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        self.judge(Fingerprint::of(certificate), vouched.map(drop))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
