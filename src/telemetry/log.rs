//! The log: JSON lines with `timestamp service level event` and fields, one file a day, a week kept.
//!
//! Also keeps the last lines in memory for the crash report, and reads the tail back for the Log screen.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::domain::{Clock, SystemClock};

use super::redact;

/// Lines kept in memory for a crash report.
const RECENT_LINES: usize = 100;
/// Files kept, one a day.
const KEPT_FILES: usize = 7;
/// Read back at most this much for the Log screen.
const TAIL_BYTES: u64 = 512 * 1024;

static RECENT: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Keeps the writers alive; dropping it flushes the last lines.
#[must_use]
pub struct LogGuard(#[expect(dead_code, reason = "held for its Drop")] Vec<WorkerGuard>);

/// Starts logging into `folder` at `level` (a tracing filter), and to standard error as well when a service manager or a
/// container listens there. Call once.
///
/// # Errors
/// When the folder cannot be made or written, or the level is no filter.
pub fn start(folder: &Path, level: &str, to_standard_error: bool) -> io::Result<LogGuard> {
    std::fs::create_dir_all(folder)?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("peanut")
        .filename_suffix("log")
        .max_log_files(KEPT_FILES)
        .build(folder)
        .map_err(io::Error::other)?;
    let (writer, guard) = tracing_appender::non_blocking(appender);
    let filter = EnvFilter::try_new(format!(
        "{level},sqlx=warn,rmcp=warn,hayro_syntax=off,hayro_font=off,rten=warn,html5ever=error,selectors=error"
    ))
    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("log level {level:?}: {error}")))?;
    let mut writers = vec![writer];
    let mut guards = vec![guard];
    if to_standard_error {
        // Whoever reads it slowly holds up nobody.
        let (writer, guard) = tracing_appender::non_blocking(io::stderr());
        writers.push(writer);
        guards.push(guard);
    }
    let layer = JsonLines { writers }.with_filter(filter);
    tracing_subscriber::registry().with(layer).try_init().map_err(io::Error::other)?;
    Ok(LogGuard(guards))
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
    let Some(path) = newest_file(folder)? else { return Ok(Vec::new()) };
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

fn newest_file(folder: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // The date is part of the name, so the greatest name is the newest file.
    Ok(entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .max())
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
        let mut text = Value::Object(line).to_string();
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
