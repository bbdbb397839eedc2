//! `peanut keys create|list|revoke|rotate`: keys to the HTTP door. A secret is printed once, alone on standard output.

use clap::{Args, Subcommand, ValueEnum};
use color_eyre::eyre::{self, WrapErr, eyre};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::api::keys::secret;
use crate::config::Config;
use crate::domain::key::{KeyRecord, KeyState};
use crate::domain::{Clock, Scope, Secret, SystemClock, Timestamp};
use crate::runtime::wiring::open_store;
use crate::store::{SharedStore, StoreError, StoreErrorKind};

use super::{EXIT_NONE, EXIT_OK, output, runtime};

/// Longest name of a key, in characters.
const LONGEST_NAME: usize = 100;

#[derive(Args, Debug)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key; its secret is printed this once
    Create {
        /// What it is for: "laptop", "prometheus"
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = ScopeName::Read)]
        scope: ScopeName,
        /// When it ends: 90d, 12w, 6mo, 1y, 2027-01-31, or never
        #[arg(long, value_name = "WHEN", default_value = "never")]
        expires: String,
    },
    /// Show all keys, without their secrets
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key; it stops within a second, wherever it is used
    Revoke {
        /// Its id, as the list shows it
        id: String,
        /// Remove it from the list as well. When no key is left, a door on loopback asks for none again
        #[arg(long)]
        forget: bool,
    },
    /// Give a key another secret, printed this once; the old one stops within a second
    Rotate {
        /// Its id, as the list shows it
        id: String,
        /// When it ends from now on [default: as before]
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScopeName {
    /// Search, read documents, status, graph, events
    Read,
    /// And take documents in
    Write,
    /// And everything else, settings among it
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Write => Self::Write,
            ScopeName::Admin => Self::Admin,
        }
    }
}

pub(super) fn run(config: Config, arguments: KeysArgs) -> eyre::Result<u8> {
    let now = SystemClock.now();
    runtime()?.block_on(async {
        let store = open_store(&config).await?;
        let done = match arguments.command {
            KeysCommand::Create { name, scope, expires } => create(&store, &name, scope.into(), &expires, now).await,
            KeysCommand::List { json } => list(&store, json, now).await,
            KeysCommand::Revoke { id, forget } => revoke(&store, &id, forget, now).await,
            KeysCommand::Rotate { id, expires } => rotate(&store, &id, expires.as_deref(), now).await,
        };
        store.close().await;
        done
    })
}

async fn create(store: &SharedStore, name: &str, scope: Scope, expires: &str, now: Timestamp) -> eyre::Result<u8> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(eyre!("a key's name has 1 to {LONGEST_NAME} characters on one line: say what the key is for"));
    }
    let (key, secret) = secret::issue(name, scope, moment(expires, now)?, now)?;
    store.add_key(&key).await?;
    tracing::info!(key = key.id, scope = scope.as_str(), "key_created");
    hand_over(&key, &secret)
}

async fn list(store: &SharedStore, json: bool, now: Timestamp) -> eyre::Result<u8> {
    let keys = store.keys().await?;
    if json {
        let listed: Vec<ListedKey> = keys.iter().map(|key| ListedKey { key, state: key.state(now) }).collect();
        output::json(&listed)?;
    } else {
        if !keys.is_empty() {
            let head = row(["id", "scope", "state", "created", "expires", "last used", "name"].map(str::to_owned));
            output::styled(&[output::faint(&head)])?;
        }
        for key in &keys {
            output::line(line_of(key, now))?;
        }
        if keys.is_empty() {
            output::note("peanut: there is no key; `peanut keys create NAME` makes one");
        }
    }
    Ok(if keys.is_empty() { EXIT_NONE } else { EXIT_OK })
}

async fn revoke(store: &SharedStore, id: &str, forget: bool, now: Timestamp) -> eyre::Result<u8> {
    if forget {
        store.forget_key(id).await.map_err(|error| explain(error, id))?;
        tracing::info!(key = id, "key_forgotten");
        output::note(format!("peanut: key {id} is forgotten"));
        return Ok(EXIT_OK);
    }
    let key = store.revoke_key(id, now).await.map_err(|error| explain(error, id))?;
    tracing::info!(key = id, "key_revoked");
    output::note(format!("peanut: key {id} ({}) is revoked", key.name));
    Ok(EXIT_OK)
}

async fn rotate(store: &SharedStore, id: &str, expires: Option<&str>, now: Timestamp) -> eyre::Result<u8> {
    let keys = store.keys().await?;
    let held = keys.iter().find(|key| key.id == id);
    let held = held.ok_or_else(|| explain(StoreError::not_found("rotate key", id), id))?;
    let expires_at = match expires {
        Some(text) => moment(text, now)?,
        None if held.state(now) == KeyState::Expired => {
            return Err(eyre!("key {id} has expired: say with --expires when it is to end now"));
        }
        None => held.expires_at,
    };
    let (secret, hash) = secret::fresh_secret()?;
    let key = store.rotate_key(id, &hash, expires_at, now).await.map_err(|error| explain(error, id))?;
    tracing::info!(key = id, "key_rotated");
    hand_over(&key, &secret)
}

/// The secret alone on standard output, so that scripts can take it; everything else beside it.
fn hand_over(key: &KeyRecord, secret: &Secret) -> eyre::Result<u8> {
    output::line(secret.reveal())?;
    let ends = key.expires_at.map_or_else(|| "does not end".to_owned(), |at| format!("ends {}", date(Some(at))));
    output::note(format!(
        "peanut: key {} ({}), scope {}, {ends}. The secret is shown this once; send it as X-API-Key or bearer token.",
        key.id,
        key.name,
        key.scope.as_str()
    ));
    Ok(EXIT_OK)
}

fn explain(error: StoreError, id: &str) -> eyre::Report {
    match error.kind {
        StoreErrorKind::NotFound => eyre!("there is no key {id}; `peanut keys list` shows them"),
        StoreErrorKind::Invariant => eyre!("key {id} {}", error.message),
        _ => error.into(),
    }
}

#[derive(Serialize)]
struct ListedKey<'a> {
    #[serde(flatten)]
    key: &'a KeyRecord,
    state: KeyState,
}

fn line_of(key: &KeyRecord, now: Timestamp) -> String {
    let state = match key.state(now) {
        KeyState::Active => "active",
        KeyState::Expired => "expired",
        KeyState::Revoked => "revoked",
    };
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    row([
        key.id.clone(),
        key.scope.as_str().to_owned(),
        state.to_owned(),
        date(Some(key.created_at)),
        or(date(key.expires_at), "never"),
        or(date(key.last_used_at), "never"),
        key.name.clone(),
    ])
}

fn row([id, scope, state, created, expires, used, name]: [String; 7]) -> String {
    format!("{id:<12} {scope:<6} {state:<8} {created:<11} {expires:<11} {used:<11} {name}")
}

fn date(moment: Option<Timestamp>) -> String {
    output::date(moment)
}

/// When a key ends: a time from now, a day (its beginning, in the machine's time zone), or never.
fn moment(text: &str, now: Timestamp) -> eyre::Result<Option<Timestamp>> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("never") {
        return Ok(None);
    }
    let expected = || format!("{text:?} is no time a key could end at: write 90d, 12w, 6mo, 1y, 2027-01-31 or never");
    let zone = TimeZone::system();
    let start = jiff::Timestamp::from_millisecond(now.0).wrap_err_with(expected)?.to_zoned_datetime(zone.clone());
    let end = if let Ok(day) = text.parse::<jiff::civil::Date>() {
        day.to_zoned_datetime(zone).wrap_err_with(expected)?
    } else {
        let span: jiff::Span = text.parse().wrap_err_with(expected)?;
        start.checked_add(span).wrap_err_with(expected)?
    };
    let end = Timestamp(end.timestamp().as_millisecond());
    if end <= now { Err(eyre!("{text} is not in the future: a key must end later than now")) } else { Ok(Some(end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const DAY: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn times_are_read_as_people_write_them() {
        let days = |text: &str| moment(text, NOW).unwrap().map(|end| (end.0 - NOW.0) / DAY);
        assert_eq!(days("never"), None);
        assert_eq!(days("90d"), Some(90));
        assert_eq!(days("12w"), Some(84));
        assert_eq!(days("1y"), Some(366), "2024 has a leap day");
        assert_eq!(days("6mo"), Some(182));
        assert!(matches!(days("2024-01-31"), Some(77..=79)));
        assert_eq!(moment("36h", NOW).unwrap(), Some(Timestamp(NOW.0 + 36 * 3_600_000)));
    }

    #[test]
    fn impossible_times_say_what_would_do() {
        for text in ["soon", "", "90", "2024-02-31", "-", "99999999999999y"] {
            let message = format!("{:#}", moment(text, NOW).unwrap_err());
            assert!(message.contains("90d") && message.contains("never"), "{message}");
        }
        for past in ["2023-01-01", "-3d", "0d"] {
            let message = moment(past, NOW).unwrap_err().to_string();
            assert!(message.contains("future"), "{message}");
        }
    }
}
