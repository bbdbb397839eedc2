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
use tracing::{Event, Subscriber};
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
        let mut line = Map::new();
        line.insert("timestamp".into(), rfc3339().into());
        line.insert("service".into(), "peanut".into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("event".into(), fields.message.unwrap_or_else(|| event.metadata().name().to_owned()).into());
        line.insert("target".into(), event.metadata().target().into());
        line.extend(fields.values);
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
        self.put(field, redact(value).into());
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
        self.put(field, redact(&text).into());
    }
}
