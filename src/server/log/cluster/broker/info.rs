//! What a broker says of itself when a connection begins.

use bytes::Bytes;
use serde_json::Value;

/// INFO, as far as a connection needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// `server_name`.
    pub name: String,
    /// `version`, for example `2.15.0`.
    pub version: String,
    /// The broker takes nothing in plain text.
    pub tls_required: bool,
    /// It would talk TLS.
    pub tls_available: bool,
    /// It is one of several, or could be.
    pub in_cluster: bool,
    /// The most bytes that it lets anybody publish at once: `max_payload`. It ends the connection of whoever tries more.
    pub max_payload: Option<u64>,
    /// All of it.
    pub json: Bytes,
}

impl Info {
    /// `None`: it is not what brokers say.
    pub fn parse(json: &Bytes) -> Option<Info> {
        let value: Value = serde_json::from_slice(json).ok()?;
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let flag = |name: &str| value[name].as_bool().unwrap_or_default();
        Some(Info {
            name: text("server_name").or_else(|| text("server_id"))?,
            version: text("version")?,
            tls_required: flag("tls_required"),
            tls_available: flag("tls_available"),
            in_cluster: value["cluster"].is_string(),
            max_payload: value["max_payload"].as_u64(),
            json: json.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infos() {
        let info = |json: &'static str| Info::parse(&Bytes::from_static(json.as_bytes()));
        let found =
            info(r#"{"server_name":"n1","version":"2.15.0","tls_required":true,"connect_urls":["a"]}"#);
        let found = found.expect("it is one");
        assert_eq!((&found.name[..], &found.version[..]), ("n1", "2.15.0"));
        assert_eq!((found.tls_required, found.tls_available, found.in_cluster), (true, false, false));
        let one_of_three =
            info(r#"{"server_name":"n1","version":"2.15.0","cluster":"room","max_payload":1048576}"#);
        let one_of_three = one_of_three.expect("it is one");
        assert!(
            one_of_three.in_cluster
                && one_of_three.max_payload == Some(1 << 20)
                && found.max_payload.is_none()
        );
        for no_info in
            ["", "{}", "[]", "null", "{\"server_name\":\"n1\"}", "{\"server_name\":1,\"version\":\"2\"}", "{"]
        {
            assert_eq!(info(no_info), None, "{no_info}");
        }
    }
}
