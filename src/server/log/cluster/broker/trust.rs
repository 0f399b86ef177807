//! Which brokers to believe: those whose certificate an authority has signed.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};

use crate::limits::PEM_FILE_MAX;
use crate::pem;
use crate::server::files::Problem;

/// TLS that trusts the authorities in this PEM file, or else those of the system.
pub fn trust(ca: Option<&Path>) -> Result<Arc<ClientConfig>, Problem> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let wrong = |why: std::io::Error| Problem::of(path, why);
            let mut pem = Vec::new();
            let file = File::open(path).map_err(wrong)?;
            file.take(PEM_FILE_MAX).read_to_end(&mut pem).map_err(wrong)?;
            for certificate in pem::certificates(&pem).map_err(|why| Problem::of(path, why))? {
                roots
                    .add(certificate)
                    .map_err(|why| Problem::of(path, format!("holds no authority: {why}")))?;
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has suites for both versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
