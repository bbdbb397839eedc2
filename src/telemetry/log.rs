//! The log: JSON lines with `timestamp service level event` and fields, one file a day, a week kept.
//!
//! Also keeps the last lines in memory for the crash report, and reads the tail back for the Log screen.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use thiserror::Error;

use crate::domain::visible::visible_json;
use crate::domain::{Clock, SystemClock};

use super::redact;
use super::rolling::{self, RollingFile};

/// Lines kept in memory for a crash report.
const RECENT_LINES: usize = 100;
/// Longest value of a field, in bytes: a statement of the store may have a hundred thousand.
const LONGEST_VALUE: usize = 2 * 1024;
/// Read back at most this much for the Log screen.
const TAIL_BYTES: u64 = 512 * 1024;

static RECENT: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Keeps the writers alive; dropping it flushes the last lines.
#[must_use]
pub struct LogGuard(#[expect(dead_code, reason = "held for its Drop")] Vec<WorkerGuard>);

/// Why nothing can be logged at all.
#[derive(Debug, Error)]
pub enum LogError {
    /// The level is none.
    #[error("log level {level:?}: write error, warn, info, debug or trace ({reason})")]
    Level {
        /// What was given.
        level: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It was started before.
    #[error("start the log: {0}")]
    Twice(String),
}

/// Starts logging into `folder` at `level` (a tracing filter), and to standard error as well when a service manager or a
/// container listens there. Call once. A folder that cannot be written ends nothing: the newest lines are kept in
/// memory all the same, and the second answer says why there is no file.
///
/// # Errors
/// When the level is no filter.
pub fn start(folder: &Path, level: &str, to_standard_error: bool) -> Result<(LogGuard, Option<io::Error>), LogError> {
    let filter = EnvFilter::try_new(format!(
        "{level},sqlx=warn,rmcp=warn,hayro_syntax=off,hayro_font=off,rten=warn,html5ever=error,selectors=error"
    ))
    .map_err(|error| LogError::Level { level: level.to_owned(), reason: error.to_string() })?;
    let (mut writers, mut guards) = (Vec::new(), Vec::new());
    let unwritten = match RollingFile::open(folder) {
        Ok(file) => {
            let (writer, guard) = tracing_appender::non_blocking(file);
            writers.push(writer);
            guards.push(guard);
            None
        }
        Err(error) => Some(error),
    };
    if to_standard_error {
        // Whoever reads it slowly holds up nobody.
        let (writer, guard) = tracing_appender::non_blocking(io::stderr());
        writers.push(writer);
        guards.push(guard);
    }
    let layer = JsonLines { writers }.with_filter(filter);
    tracing_subscriber::registry().with(layer).try_init().map_err(|error| LogError::Twice(error.to_string()))?;
    Ok((LogGuard(guards), unwritten))
}

/// Whether today's file in `folder` can be written.
///
/// # Errors
/// Why it cannot.
pub fn can_be_written(folder: &Path) -> io::Result<()> {
    RollingFile::open(folder).map(drop)
}

/// The newest lines that were logged, oldest first.
#[must_use]
pub fn recent_lines() -> Vec<String> {
    RECENT.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// The newest `count` lines of the newest log file in `folder`, oldest first.
///
/// # Errors
/// When the folder or file cannot be read; a folder without a log gives no lines.
pub fn tail(folder: &Path, count: usize) -> io::Result<Vec<String>> {
    let Some(path) = rolling::files(folder)?.pop() else { return Ok(Vec::new()) };
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<&str> = text.lines().rev().take(count).collect();
    lines.reverse();
    Ok(lines.into_iter().map(str::to_owned).collect())
}

struct JsonLines {
    writers: Vec<NonBlocking>,
}

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = line(event.metadata(), fields);
        // A log is read on terminals: the same JSON, with nothing in it that steers one.
        let mut text = visible_json(&Value::Object(line).to_string()).into_owned();
        text.push('\n');
        {
            let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
            if recent.len() == RECENT_LINES {
                recent.pop_front();
            }
            recent.push_back(text.trim_end().to_owned());
        }
        // A full disk must not stop the program; the ring above still has the line.
        for writer in &self.writers {
            let _ = io::Write::write_all(&mut writer.clone(), text.as_bytes());
        }
    }
}

/// The line's own fields, then the event's. One that has the name of a line's own stands beside it; only `event` may say
/// what an event is called, and what was said in words then stands as `message`.
fn line(metadata: &Metadata<'_>, mut fields: Fields) -> Map<String, Value> {
    let named = fields.values.remove("event");
    let mut line = Map::new();
    line.insert("timestamp".into(), rfc3339().into());
    line.insert("service".into(), "peanut".into());
    line.insert("level".into(), metadata.level().as_str().into());
    line.insert("target".into(), metadata.target().into());
    let said = fields.message.map(Value::from);
    match (named, said) {
        (Some(name), said) => {
            line.insert("event".into(), name);
            line.extend(said.map(|said| ("message".to_owned(), said)));
        }
        (None, said) => {
            line.insert("event".into(), said.unwrap_or_else(|| metadata.name().into()));
        }
    }
    for (name, value) in fields.values {
        let name = if line.contains_key(&name) { format!("{name}_field") } else { name };
        line.insert(name, value);
    }
    line
}

/// A value of a line: secrets are struck out, and what is too long is cut. Looks at a little more than it keeps, so that
/// no half of a secret stands at the end.
fn bounded(text: &str) -> String {
    let head = beginning(text, 2 * LONGEST_VALUE);
    let shown = redact(head);
    if head.len() == text.len() && shown.len() <= LONGEST_VALUE {
        return shown;
    }
    format!("{} … ({} bytes in all)", beginning(&shown, LONGEST_VALUE), text.len())
}

/// At most so many bytes, whole characters.
fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

fn rfc3339() -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default();
    format!("{now:.3}")
}

#[derive(Default)]
struct Fields {
    message: Option<String>,
    values: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        } else if !field.name().starts_with("log.") {
            self.values.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, bounded(value).into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.put(field, bounded(&text).into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps the lines instead of writing them.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Map<String, Value>>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.lock().unwrap().push(line(event.metadata(), fields));
        }
    }

    fn lines(log: impl FnOnce()) -> Vec<Map<String, Value>> {
        let kept = Kept::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(kept.clone()), log);
        kept.0.lock().unwrap().clone()
    }

    #[test]
    fn no_field_of_an_event_takes_the_place_of_a_lines_own() {
        let lines = lines(|| {
            tracing::info!(service = "postgres", level = 7, state = "down", "service_state_changed");
            tracing::warn!(event = "second_replica_ignored", "one is followed already");
        });
        let [first, second] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&first["service"], &first["level"]), (&"peanut".into(), &"INFO".into()));
        assert_eq!((&first["service_field"], &first["level_field"]), (&"postgres".into(), &7.into()));
        assert_eq!((&first["event"], &first["state"]), (&"service_state_changed".into(), &"down".into()));
        let told = (&second["event"], &second["message"]);
        assert_eq!(told, (&"second_replica_ignored".into(), &"one is followed already".into()));
    }

    #[test]
    fn long_values_are_cut_and_no_half_of_a_secret_is_left() {
        let statement = "SELECT ü ".repeat(10_000);
        let lines = lines(|| {
            tracing::warn!(db.statement = statement.as_str(), error = ?statement, "slow statement");
            tracing::warn!("{statement}");
        });
        for value in [&lines[0]["db.statement"], &lines[0]["error"], &lines[1]["event"]] {
            let value = value.as_str().unwrap();
            assert!(value.len() < LONGEST_VALUE + 100 && value.contains("bytes in all"), "{}", value.len());
        }
        for before in LONGEST_VALUE - 40..LONGEST_VALUE + 10 {
            let text = format!("{} postgres://peanut:hunter2hunter2@host/db {}", "x".repeat(before), "y".repeat(9_000));
            assert!(!bounded(&text).contains("hunter2"), "{before}");
        }
        assert_eq!(bounded("short"), "short");
    }
}
