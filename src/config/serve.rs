//! Where and how the HTTP door opens. Called by [`super::Config::load`]; the flags of `peanut serve` go before it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, Environment, bad};

/// The port when nobody names one.
pub const DEFAULT_PORT: u16 = 8000;

/// Settings of the HTTP door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeSettings {
    /// TCP address; `None` when turned off in favour of a Unix-domain socket.
    pub listen: Option<SocketAddr>,
    /// Unix-domain socket.
    pub unix_socket: Option<PathBuf>,
    /// An address of its own for `/metrics`, without keys.
    pub metrics_listen: Option<SocketAddr>,
    /// PEM files of certificate and key: the TCP address speaks TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Addresses and ranges of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// Origins whose pages may read answers.
    pub allowed_origins: Vec<String>,
    /// Whether the full-screen app opens the door too.
    pub in_app: bool,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT)),
            unix_socket: None,
            metrics_listen: None,
            tls: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            in_app: false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ServeValues {
    listen: Option<String>,
    unix_socket: Option<PathBuf>,
    metrics_listen: Option<String>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    trusted_proxies: Vec<String>,
    allowed_origins: Vec<String>,
    in_app: Option<bool>,
}

/// An address to listen on: `127.0.0.1:8000`, `[::1]:8000`, or a port alone, which is one of 127.0.0.1.
///
/// # Errors
/// When it is none; the message says what would do.
pub fn listen_address(name: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    let address = text.parse().ok().or_else(|| {
        let port = text.parse::<u16>().ok()?;
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    });
    address.ok_or_else(|| bad(name, text, "an address with a port, like 127.0.0.1:8000, or a port alone"))
}

pub(super) fn read(values: &ServeValues, environment: &Environment) -> Result<ServeSettings, ConfigError> {
    let given = |variables: &[&'static str], in_file: Option<&String>, setting: &'static str| {
        let named = variables.iter().find_map(|name| Some((*name, environment.text(name)?)));
        named.or_else(|| Some((setting, in_file?.clone())))
    };
    let listen = match given(&["PEANUT_LISTEN", "API_PORT"], values.listen.as_ref(), "serve.listen") {
        None => ServeSettings::default().listen,
        Some((_, text)) if text == "off" => None,
        Some((name, text)) => Some(listen_address(name, &text)?),
    };
    let metrics_listen = given(&["METRICS_ADDR"], values.metrics_listen.as_ref(), "serve.metrics_listen");
    let certificate = environment.path("PEANUT_TLS_CERTIFICATE").or_else(|| values.tls_certificate.clone());
    let key = environment.path("PEANUT_TLS_KEY").or_else(|| values.tls_key.clone());
    let tls = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (Some(_), None) => return Err(bad("serve.tls_key", "", "the file of the key that belongs to tls_certificate")),
        (None, Some(_)) => return Err(bad("serve.tls_certificate", "", "the file of the certificate for tls_key")),
    };
    let unix_socket = environment.path("PEANUT_UNIX_SOCKET").or_else(|| values.unix_socket.clone());
    if listen.is_none() && unix_socket.is_none() {
        return Err(bad("serve.listen", "off", "an address, or a path in serve.unix_socket"));
    }
    Ok(ServeSettings {
        listen,
        unix_socket,
        metrics_listen: metrics_listen.map(|(name, text)| listen_address(name, &text)).transpose()?,
        tls,
        trusted_proxies: values.trusted_proxies.clone(),
        allowed_origins: values.allowed_origins.clone(),
        in_app: values.in_app.unwrap_or(false),
    })
}
