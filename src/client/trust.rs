//! Whether a server is the right one. With `--ca`, the certificates in that file have to vouch for it. Otherwise a known server
//! has to be the same as before: by an authority, or by its fingerprint. An unknown one is trusted and remembered if an authority
//! of the system vouches for it, or if a person confirms its fingerprint. That the server holds the certificate's key is checked
//! in all cases.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::failure::LoginError;
use super::known::{self, Known, Trusted};
use super::state::State;
use crate::fingerprint::Fingerprint;
use crate::pem;
use crate::protocol::Time;

/// Decides about the certificate of one server.
#[derive(Debug)]
pub(super) struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    server: String,
    /// `None`: there are none.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// The file of `--ca`: it alone decides.
    named: Option<PathBuf>,
    /// The file of known servers, if there is a folder for it.
    memory: Option<PathBuf>,
    /// Why the server is trusted, unless its certificate was forgotten.
    known: Option<Known>,
    /// For an unknown server: how it is to be remembered, and why no authority vouches for it.
    shown: Mutex<Option<(Trusted, String)>>,
}

impl Verifier {
    /// An error is a sentence.
    pub(super) fn new(
        server: &str,
        ca: Option<&Path>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Verifier, String> {
        let memory = State::from_env().known_servers();
        let known = match memory.as_deref().map(|file| known::find(file, server)).transpose() {
            Ok(None) if ca.is_none() => {
                let sentence = "there is no place to remember servers: neither HOME nor XDG_STATE_HOME is set; --ca needs none";
                return Err(sentence.to_owned());
            }
            Err(why) if ca.is_none() => return Err(why.to_string()),
            // With --ca the file does not decide.
            known => known.map(Option::flatten),
        };
        // A file that cannot be read is left alone.
        let memory = memory.filter(|_| known.is_ok());
        let known = known.ok().flatten().filter(|known| known.trusted != Trusted::Forgotten);
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
        let (server, named) = (server.to_owned(), ca.map(Path::to_owned));
        let algorithms = provider.signature_verification_algorithms;
        Ok(Verifier { algorithms, server, authorities, named, memory, known, shown: Mutex::new(None) })
    }

    /// After the handshake, which shows that the server holds the key. Remembers an unknown server for which an authority or a
    /// file vouches; any other one has to be confirmed by a person.
    pub(super) fn remember(&self) -> Result<(), LoginError> {
        let shown = self.shown.lock().expect("no thread panics while holding it");
        let (Some(file), Some((trusted, why))) = (&self.memory, &*shown) else { return Ok(()) };
        if let Trusted::Fingerprint(fingerprint) = trusted {
            return Err(LoginError::UnknownServer(self.server.clone(), *fingerprint, why.clone()));
        }
        match known::set(file, &self.server, trusted) {
            // With --ca it need not be remembered.
            Err(why) if self.named.is_none() => {
                Err(LoginError::undecided(&self.server, &known::not_remembered(&self.server, file, &why)))
            }
            _ => Ok(()),
        }
    }

    /// Whether this certificate is right. `vouched`: whether an authority vouches for it.
    fn judge(&self, shown: Fingerprint, vouched: Result<(), rustls::Error>) -> Result<(), rustls::Error> {
        let remembered = match (&self.named, &self.known) {
            (Some(_), Some(_)) => return vouched,
            (Some(file), None) => {
                vouched.clone()?;
                Trusted::File(file.clone())
            }
            (None, Some(known)) => return self.is_as_before(known, shown, vouched),
            (None, None) if vouched.is_ok() => Trusted::Authority,
            (None, None) => Trusted::Fingerprint(shown),
        };
        let why = vouched.err().map_or_else(String::new, |why| why_untrusted(&why));
        *self.shown.lock().expect("no thread panics while holding it") = Some((remembered, why));
        Ok(())
    }

    /// Whether a server that is known shows what it has shown before.
    fn is_as_before(
        &self,
        Known { trusted, place }: &Known,
        shown: Fingerprint,
        vouched: Result<(), rustls::Error>,
    ) -> Result<(), rustls::Error> {
        let authority = match trusted {
            Trusted::Fingerprint(known) if *known == shown => return Ok(()),
            Trusted::Fingerprint(_) => None,
            Trusted::File(file) => Some(file.display().to_string()),
            Trusted::Authority | Trusted::Forgotten => Some("an authority".to_owned()),
        };
        let what = match (authority, vouched) {
            (Some(_), Ok(())) => return Ok(()),
            (Some(authority), Err(why)) => format!(
                "for which no authority vouches ({}); {place} says that {authority} does",
                why_untrusted(&why)
            ),
            (None, Ok(())) => {
                format!("{place} says {trusted}; an authority that this system trusts vouches for it")
            }
            (None, Err(_)) => format!("{place} says {trusted}"),
        };
        let server = &self.server;
        let sentence = format!(
            "THE CERTIFICATE HAS CHANGED: {server} shows {shown}, {what}. Somebody may be intercepting the \
             connection, so nothing was sent. If its admin says that this is right, run chat-room-client \
             --forget --server {server}, and start again"
        );
        let sentence: Box<dyn Error + Send + Sync> = sentence.into();
        Err(CertificateError::Other(OtherError(sentence.into())).into())
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

/// Why a certificate is not trusted, for a person. If a date is wrong, the reason may be the clock of this machine.
pub(super) fn why_untrusted(why: &rustls::Error) -> String {
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
        CertificateError::UnknownIssuer => {
            "it is not signed by an authority that this system trusts".to_owned()
        }
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
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
