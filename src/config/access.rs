//! Who may use the doors, and how much: keys of the environment, limits, what MCP may tell. Called by [`super::Config::load`].

use serde::Deserialize;

use crate::domain::Secret;

use super::secrets::secret;
use super::{ConfigError, Environment, bad};

/// A shorter key could be guessed within the limits.
const SHORTEST_KEY_BYTES: usize = 16;
const PER_ADDRESS_PER_MINUTE: u32 = 100;
/// No more a minute than this can be told from no limit.
const MOST_PER_MINUTE: u32 = 1_000_000;

/// Who may use the doors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSettings {
    /// `API_KEY_READ`: a key with the scope read.
    pub key_read: Option<Secret>,
    /// `API_KEY_WRITE`: a key with the scope write.
    pub key_write: Option<Secret>,
    /// Requests a minute let through for one address; 0 for any number.
    pub per_address_per_minute: u32,
    /// Requests a minute let through for one key; 0 for any number.
    pub per_key_per_minute: u32,
    /// Whether MCP tells of people that are marked as personal data.
    pub mcp_personal_data: bool,
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self {
            key_read: None,
            key_write: None,
            per_address_per_minute: PER_ADDRESS_PER_MINUTE,
            per_key_per_minute: 0,
            mcp_personal_data: false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitValues {
    per_address: Option<u32>,
    per_key: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct McpValues {
    personal_data: Option<bool>,
}

pub(super) fn read(
    limits: &LimitValues,
    mcp: &McpValues,
    environment: &Environment,
) -> Result<AccessSettings, ConfigError> {
    let personal_data = match environment.text("PEANUT_MCP_PERSONAL_DATA").as_deref() {
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(other) => return Err(bad("PEANUT_MCP_PERSONAL_DATA", other, "true or false")),
        None => mcp.personal_data,
    };
    Ok(AccessSettings {
        key_read: key(environment, "API_KEY_READ")?,
        key_write: key(environment, "API_KEY_WRITE")?,
        per_address_per_minute: per_minute(
            environment,
            ("PEANUT_LIMIT_PER_ADDRESS", "limits.per_address"),
            limits.per_address,
            PER_ADDRESS_PER_MINUTE,
        )?,
        per_key_per_minute: per_minute(environment, ("PEANUT_LIMIT_PER_KEY", "limits.per_key"), limits.per_key, 0)?,
        mcp_personal_data: personal_data.unwrap_or(false),
    })
}

fn key(environment: &Environment, name: &str) -> Result<Option<Secret>, ConfigError> {
    let key = secret(environment, name, None)?;
    if key.as_ref().is_some_and(|key| key.reveal().len() < SHORTEST_KEY_BYTES) {
        // The value itself stays out of the message.
        return Err(bad(name, "…", "at least 16 characters; `openssl rand -hex 32` makes a good one"));
    }
    Ok(key)
}

fn per_minute(
    environment: &Environment,
    (variable, setting): (&str, &str),
    in_file: Option<u32>,
    default: u32,
) -> Result<u32, ConfigError> {
    let expected = "requests a minute, up to 1000000; 0 for no limit";
    let (name, value) = match environment.text(variable) {
        Some(text) => (variable, text.parse().map_err(|_| bad(variable, &text, expected))?),
        None => (setting, in_file.unwrap_or(default)),
    };
    if value > MOST_PER_MINUTE { Err(bad(name, &value.to_string(), expected)) } else { Ok(value) }
}
