//! Rows of the lists, as far as their filters let them through. Read by `update` and the panes, so that both count the same.

use crate::domain::health::WorkerRecord;
use crate::domain::intake::{DeadLetter, WatchedFolder};
use crate::domain::outbox::DeadEvent;
use crate::domain::settings::SettingNow;

use super::{LogLine, State};

/// Numbers are counted every second; a store that takes longer than this does not answer.
const FRESH_SECONDS: f64 = 5.0;

impl State {
    /// Lines of the log that pass level and filter.
    #[must_use]
    pub fn log_lines(&self) -> Vec<&LogLine> {
        let wanted = self.log_list.filter.text().to_lowercase();
        let level = |line: &LogLine| match line.level.as_str() {
            "ERROR" => 2,
            "WARN" => 1,
            _ => 0,
        };
        let passes = |line: &&LogLine| {
            level(line) >= self.log_level
                && (wanted.is_empty()
                    || format!("{} {} {}", line.level, line.target, line.text).to_lowercase().contains(&wanted))
        };
        self.log.iter().filter(passes).collect()
    }

    /// Dead letters that pass the filter.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<&DeadLetter> {
        let passes = |letter: &&DeadLetter| self.intake.passes(&[&letter.path, &letter.error]);
        self.status.dead_letters.iter().filter(passes).collect()
    }

    /// Watched folders that pass the filter.
    #[must_use]
    pub fn folders(&self) -> Vec<&WatchedFolder> {
        self.status.folders.iter().filter(|folder| self.intake.passes(&[&folder.path])).collect()
    }

    /// Dead events that pass the filter.
    #[must_use]
    pub fn dead_events(&self) -> Vec<&DeadEvent> {
        let passes = |event: &&DeadEvent| {
            self.outbox.passes(&[event.event_type.as_str(), &event.entity_id.to_string(), &event.error])
        };
        self.status.dead_events.iter().filter(passes).collect()
    }

    /// How old the numbers shown are in seconds, when nobody could count anew for a while: the store does not answer.
    #[must_use]
    pub fn stale_seconds(&self) -> Option<f64> {
        let age = self.now.seconds_since(self.status.at);
        (self.has_status && age > FRESH_SECONDS).then_some(age)
    }

    /// Workers that pass the filter.
    #[must_use]
    pub fn workers(&self) -> Vec<&WorkerRecord> {
        let passes = |worker: &&WorkerRecord| {
            self.services.passes(&[&worker.name, &worker.host, worker.state.as_str(), &worker.detail])
        };
        self.status.workers.iter().filter(passes).collect()
    }

    /// Settings that pass the filter.
    #[must_use]
    pub fn settings_rows(&self) -> Vec<&SettingNow> {
        let passes = |row: &&SettingNow| {
            self.settings_list.passes(&[row.setting.name, &row.value, row.setting.about, &row.origin.in_words()])
        };
        self.settings.iter().filter(passes).collect()
    }

    /// The selected setting.
    #[must_use]
    pub fn setting(&self) -> Option<&SettingNow> {
        self.settings_rows().get(self.settings_list.selected).copied()
    }
}
