//! The certificate and its key: read from the admin's files, or made by the server and kept beside members.txt.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::{Level, info, log};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, ServerConfig};
use zeroize::Zeroizing;

use crate::fingerprint::Fingerprint;
use crate::limits::PEM_FILE_MAX;
use crate::pem;
use crate::protocol::Time;
use crate::server::files::{NONBLOCK, Problem, folders, shown};
use crate::server::net::validity::{Age, Validity};
use crate::server::wall_clock;

/// The self-signed certificate with its key, beside the members file.
pub const SELF_SIGNED: &str = "self-signed.pem";

/// Where a certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The admin's PEM files. The first may hold a chain, which begins with the server's own certificate.
    Files {
        /// `--tls-cert`.
        cert: PathBuf,
        /// `--tls-key`.
        key: PathBuf,
    },
    /// This file, which is made if it does not exist.
    SelfSigned(PathBuf),
}

/// A certificate that can be served.
#[derive(Clone, derive_more::Debug)]
#[debug("Certificate({fingerprint})")]
pub struct Certificate {
    pub(in crate::server) config: Arc<ServerConfig>,
    /// The fingerprint by which clients know it.
    pub fingerprint: Fingerprint,
    pub(super) validity: Validity,
}

impl Certificate {
    /// What is wrong with its dates, or soon will be, and how bad that is; `None`: clients accept them. The clock may be
    /// wrong instead.
    pub(in crate::server) fn complaint(&self, now: Time) -> Option<(Level, String)> {
        let age = self.validity.at(now);
        let level = match age {
            Age::Valid => return None,
            Age::EndsSoon(_) => Level::Warn,
            Age::Urgent(_) | Age::Expired(_) | Age::Early(_) => Level::Error,
        };
        Some((level, format!("{age}; it is {now} now")))
    }

    /// Logs that.
    pub fn log_dates(&self, source: &Source) {
        self.log_dates_at(source, wall_clock());
    }

    pub(super) fn log_dates_at(&self, source: &Source, now: Time) {
        let (Source::Files { cert: path, .. } | Source::SelfSigned(path)) = source;
        if let Some((level, told)) = self.complaint(now) {
            log!(level, "{}: {told}", shown(path));
        }
    }

    /// Reads it, or makes it.
    pub fn load(source: &Source) -> Result<Certificate, Problem> {
        match source {
            Source::Files { cert, key } => Certificate::read(cert, key),
            Source::SelfSigned(path) => {
                if let Err(error) = path.symlink_metadata() {
                    if error.kind() != ErrorKind::NotFound {
                        return Err(Problem::of(path, format_args!("cannot be read: {error}")));
                    }
                    make_self_signed(path)?;
                    info!("{}: made, the server's own certificate and its key", shown(path));
                }
                Certificate::read(path, path)
            }
        }
    }

    fn read(cert_path: &Path, key_path: &Path) -> Result<Certificate, Problem> {
        let bytes = read(cert_path)?;
        let of_chain = |what: String| Problem::of(cert_path, what);
        let chain = pem::certificates(&bytes).map_err(of_chain)?;
        let fingerprint = Fingerprint::of(&chain[0]);
        let validity = Validity::of(&chain[0])
            .ok_or_else(|| Problem::of(cert_path, "holds no certificate with dates"))?;
        let key = pem::private_key(&read(key_path)?).map_err(|what| Problem::of(key_path, what))?;
        if let Some(why) = pem::why_unsupported(&key) {
            return Err(Problem::of(key_path, format_args!("this key cannot be served: {why}")));
        }
        let served = fitting(chain, &key).map_err(|why| {
            of_chain(format!("cannot be served with the key in {}: {why}", shown(key_path)))
        })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(served)));
        // A ticket holds the session's secrets, encrypted, so nothing is kept here. A client with a ticket from an older
        // certificate makes a full handshake and sees the new certificate. One is enough: each session brings a new one.
        config.ticketer =
            Ticketer::new().map_err(|why| Problem::of(cert_path, format_args!("no tickets: {why}")))?;
        config.send_tls13_tickets = 1;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Certificate { config: Arc::new(config), fingerprint, validity })
    }
}

/// A chain whose first certificate belongs to this key, or the reason why it does not.
fn fitting(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Result<CertifiedKey, String> {
    let key = any_supported_type(key).map_err(|why| why.to_string())?;
    let fits = |chain: &[CertificateDer<'static>]| {
        match CertifiedKey::new(chain.to_vec(), Arc::clone(&key)).keys_match() {
            // This kind of key cannot be compared.
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
            told => told,
        }
    };
    match fits(&chain) {
        Ok(()) => Ok(CertifiedKey::new(chain, key)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(match (1..chain.len()).find(|at| fits(&chain[*at..]).is_ok()) {
                Some(at) => format!(
                    "the server's own certificate comes first, then its issuers; here it is number {}",
                    at + 1
                ),
                None => "they are not a pair".to_owned(),
            })
        }
        // rustls passes on the parser's reason as an opaque error.
        Err(why) if why.to_string().contains("UnsupportedCertVersion") => {
            let sentence = "its first certificate is of X.509 version 1, and clients take version 3; openssl x509 -req makes \
                            one with -copy_extensions copy or -extfile FILE";
            Err(sentence.to_owned())
        }
        Err(why) => Err(format!("its first certificate cannot be used: {why}")),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let cannot = |error: io::Error| Problem::of(path, format_args!("cannot be read: {error}"));
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path).map_err(cannot)?;
    // Capacity for all of it, so that growing leaves no copy of a key behind.
    let meta = file.metadata().map_err(cannot)?;
    if !meta.is_file() {
        return Err(Problem::of(path, "is not a file"));
    }
    let len = meta.len();
    if len > PEM_FILE_MAX {
        return Err(Problem::of(path, "is too large for a certificate or a key"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1));
    file.take(PEM_FILE_MAX).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

/// Makes a certificate, to be known by its fingerprint, and writes its file: readable by the owner alone, and complete or
/// not at all.
fn make_self_signed(path: &Path) -> Result<(), Problem> {
    let made = || -> Result<Zeroizing<String>, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names())?;
        params.distinguished_name.push(DnType::CommonName, "chat-room");
        let certificate = params.self_signed(&key)?;
        Ok(Zeroizing::new(certificate.pem() + &Zeroizing::new(key.serialize_pem())))
    };
    let pem = made().map_err(|why| Problem::of(path, format_args!("cannot be made: {why}")))?;
    let kept = folders::replace(path, |file| file.write_all(pem.as_bytes()));
    kept.map_err(|error| Problem::of(path, format_args!("cannot be made: {error}")))
}

/// Names by which the server may be reached, for users who give the certificate to a client as its authority.
fn names() -> Vec<String> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let mut names = vec!["localhost".to_owned()];
    names.extend(is_name.then_some(host));
    names.extend(loopback.map(|ip| ip.to_string()));
    names
}
