//! The time in which a certificate is valid. rustls serves it at any time, but clients accept it only then.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use yasna::tags::TAG_UTCTIME;
use yasna::{ASN1Result, BERReader, Tag};

use crate::limits::{
    CERTIFICATE_ENDS_DIVISOR, CERTIFICATE_ENDS_SOON, CERTIFICATE_LOOK_MAX, CERTIFICATE_LOOK_MIN,
    CERTIFICATE_LOOKS, CERTIFICATE_URGENT_DIVISOR,
};
use crate::protocol::Time;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Validity {
    from: Time,
    until: Time,
}

/// How clients see the dates of a certificate.
#[derive(Clone, Copy, Debug, derive_more::Display, PartialEq, Eq)]
pub(in crate::server) enum Age {
    /// Valid for some time.
    #[display("the certificate is valid")]
    Valid,
    /// It expires soon and should be renewed.
    #[display("the certificate expires at {_0}; renew it")]
    EndsSoon(Time),
    /// It expires so soon that it should have been renewed long ago.
    #[display("the certificate expires at {_0}; renew it now")]
    Urgent(Time),
    /// It has expired.
    #[display("the certificate expired at {_0}; clients that check it do not connect")]
    Expired(Time),
    /// It is not valid yet, or a clock is wrong.
    #[display(
        "the certificate is valid from {_0} on, or the clock is wrong; clients that check it do not connect"
    )]
    Early(Time),
}

impl Validity {
    /// The validity of this certificate; `None`: it cannot be parsed.
    pub(in crate::server) fn of(certificate: &CertificateDer<'_>) -> Option<Validity> {
        yasna::parse_der(certificate, certificate_dates).ok()
    }

    /// How long until it is checked again: several times while warnings are due.
    pub(in crate::server) fn look_after(self) -> Duration {
        let life = Duration::from_millis(self.until.unix_ms().saturating_sub(self.from.unix_ms()));
        (life / CERTIFICATE_LOOKS).clamp(CERTIFICATE_LOOK_MIN, CERTIFICATE_LOOK_MAX)
    }

    /// Its state at this time.
    pub(in crate::server) fn at(self, now: Time) -> Age {
        let Validity { from, until } = self;
        let life = until.unix_ms().saturating_sub(from.unix_ms());
        let soon = (life / CERTIFICATE_ENDS_DIVISOR).min(CERTIFICATE_ENDS_SOON.as_secs() * 1000);
        if now < from {
            Age::Early(from)
        } else if now > until {
            Age::Expired(until)
        } else {
            match until.unix_ms() - now.unix_ms() {
                left if left < soon / CERTIFICATE_URGENT_DIVISOR => Age::Urgent(until),
                left if left < soon => Age::EndsSoon(until),
                _ => Age::Valid,
            }
        }
    }
}

/// RFC 5280, section 4.1.
fn certificate_dates(reader: BERReader<'_, '_>) -> ASN1Result<Validity> {
    reader.read_sequence(|certificate| {
        let validity = certificate.next().read_sequence(|reader| {
            // The version, the serial number, the signature algorithm, the issuer.
            reader.read_optional(|version| version.read_tagged(Tag::context(0), skip))?;
            for _ in 0..3 {
                skip(reader.next())?;
            }
            let validity = reader.next().read_sequence(|dates| {
                Ok(Validity { from: date(dates.next())?, until: date(dates.next())? })
            })?;
            while reader.read_optional(skip)?.is_some() {}
            Ok(validity)
        })?;
        for _ in 0..2 {
            skip(certificate.next())?;
        }
        Ok(validity)
    })
}

fn skip(reader: BERReader<'_, '_>) -> ASN1Result<()> {
    reader.read_der().map(drop)
}

fn date(reader: BERReader<'_, '_>) -> ASN1Result<Time> {
    let time = if reader.lookahead_tag()? == TAG_UTCTIME {
        *reader.read_utctime()?.datetime()
    } else {
        *reader.read_generalized_time()?.datetime()
    };
    Ok(as_time(time))
}

/// A time before 1970 counts as 1970.
fn as_time(time: OffsetDateTime) -> Time {
    Time::from_unix_ms(u64::try_from(time.unix_timestamp()).unwrap_or(0).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn dates_are_read_and_judged() {
        let time = |text: &str| Time::parse(text).expect("a time");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        for (until, soon, urgent) in [
            ((2026, 4, 1), "2026-03-11", "2026-03-25"),
            ((2026, 2, 6), "2026-01-28", "2026-02-03"),
            ((2096, 1, 1), "2095-12-11", "2095-12-25"),
        ] {
            params.not_before = date_time_ymd(2026, 1, 1);
            params.not_after = date_time_ymd(until.0, until.1, until.2);
            let made = params.self_signed(&key).expect("a certificate");
            let validity = Validity::of(made.der()).expect("its dates");
            let end = as_time(params.not_after);
            let at = |text: &str| validity.at(time(text));
            assert_eq!(at("2025-12-31T23:59:59.999Z"), Age::Early(time("2026-01-01T00:00:00.000Z")));
            assert_eq!(at("2026-01-01T00:00:00.000Z"), Age::Valid);
            assert_eq!(at(&format!("{soon}T00:00:00.000Z")), Age::Valid);
            assert_eq!(at(&format!("{soon}T00:00:00.001Z")), Age::EndsSoon(end));
            assert_eq!(at(&format!("{urgent}T00:00:00.000Z")), Age::EndsSoon(end));
            assert_eq!(at(&format!("{urgent}T00:00:00.001Z")), Age::Urgent(end));
            assert_eq!(validity.at(end), Age::Urgent(end));
            assert_eq!(validity.at(Time::from_unix_ms(end.unix_ms() + 1)), Age::Expired(end));
        }
    }

    #[test]
    fn what_is_no_certificate_has_none() {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let made = params.self_signed(&key).expect("a certificate").der().to_vec();
        for len in 0..made.len() {
            assert_eq!(Validity::of(&CertificateDer::from(&made[..len])), None, "{len}");
        }
    }
}
