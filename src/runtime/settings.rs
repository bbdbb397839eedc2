//! Settings that change while the program runs: their names, meaning and limits. Called by `services`, read by the rooms.
//!
//! They live in the store, so every process that shares it agrees.

use crate::health::gather::{EMBEDDING_PAUSED, INTAKE_PAUSED};

/// One setting as the screen shows it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Key in the store.
    pub key: &'static str,
    /// Value when nobody set one.
    pub default: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    check: fn(&str) -> Result<(), &'static str>,
}

impl Setting {
    /// Whether `value` is possible; the error says what would do.
    ///
    /// # Errors
    /// The sentence for the user.
    pub fn validate(&self, value: &str) -> Result<(), String> {
        (self.check)(value).map_err(|expected| format!("{} = {value}: {expected}", self.key))
    }
}

/// All of them, in the order the screen lists them.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "search.fusion",
        default: "auto",
        about: "how words and meaning are put together: score, rrf or zscore; auto takes what suits the model",
        check: |value| one_of(value, &["auto", "score", "rrf", "zscore"], "auto, score, rrf or zscore"),
    },
    Setting {
        key: "search.vector_weight",
        default: "auto",
        about: "weight of meaning, 0 (words only) to 1 (meaning only); auto takes the model's measured best",
        check: |value| {
            let possible = value == "auto" || value.parse::<f32>().is_ok_and(|weight| (0.0..=1.0).contains(&weight));
            if possible { Ok(()) } else { Err("auto, or a number from 0 to 1") }
        },
    },
    Setting {
        key: "search.rrf_k",
        default: "60",
        about: "constant of reciprocal rank fusion, when fusion is rrf",
        check: |value| number(value, 1..=1000, "a whole number from 1 to 1000"),
    },
    Setting {
        key: "search.candidates",
        default: "100",
        about: "candidates each leg gives to the fusion",
        check: |value| number(value, 10..=1000, "a whole number from 10 to 1000"),
    },
    Setting {
        key: INTAKE_PAUSED,
        default: "false",
        about: "files wait in the queue until intake goes on",
        check: |value| one_of(value, &["true", "false"], "true or false"),
    },
    Setting {
        key: EMBEDDING_PAUSED,
        default: "false",
        about: "the background model rests; searches use what it has made so far",
        check: |value| one_of(value, &["true", "false"], "true or false"),
    },
];

/// The setting with this key.
#[must_use]
pub fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

fn one_of(value: &str, possible: &[&str], expected: &'static str) -> Result<(), &'static str> {
    if possible.contains(&value) { Ok(()) } else { Err(expected) }
}

fn number(value: &str, range: std::ops::RangeInclusive<u32>, expected: &'static str) -> Result<(), &'static str> {
    if value.parse::<u32>().is_ok_and(|number| range.contains(&number)) { Ok(()) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_possible() {
        for setting in SETTINGS.iter().filter(|setting| setting.default != "auto") {
            assert_eq!(setting.validate(setting.default), Ok(()), "{}", setting.key);
        }
    }

    #[test]
    fn impossible_values_are_refused_in_words() {
        let message = setting("search.vector_weight").unwrap().validate("1.5").unwrap_err();
        assert_eq!(message, "search.vector_weight = 1.5: auto, or a number from 0 to 1");
        assert!(setting("search.rrf_k").unwrap().validate("0").is_err());
    }
}
