//! What values of a setting are possible, in words and as a check.

/// What values are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number within these.
    Number {
        /// The least.
        least: u32,
        /// The greatest.
        most: u32,
    },
    /// `auto`, or a number from 0 to 1.
    Share,
    /// Something that only its reader can judge; in words.
    Other(&'static str),
    /// A secret: never shown, kept better in a file of its own.
    Secret,
}

/// A slider moves by one of so many.
const STEPS: u32 = 20;

impl Bounds {
    /// Whether a value is within them, as far as its text tells.
    #[must_use]
    pub fn allow(self, value: &str) -> bool {
        match self {
            Self::Switch => matches!(value, "true" | "false"),
            Self::OneOf(possible) => possible.contains(&value),
            Self::Number { least, most } => value.parse().is_ok_and(|number| (least..=most).contains(&number)),
            Self::Share => value == "auto" || value.parse::<f32>().is_ok_and(|share| (0.0..=1.0).contains(&share)),
            Self::Other(_) | Self::Secret => !value.is_empty(),
        }
    }

    /// What would do.
    #[must_use]
    pub fn in_words(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::OneOf(possible) => match possible.split_last() {
                Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
                _ => possible.join(""),
            },
            Self::Number { least, most } => format!("a whole number from {least} to {most}"),
            Self::Share => "auto, or a number from 0 to 1".to_owned(),
            Self::Other(words) => words.to_owned(),
            Self::Secret => "a secret, better kept in a file".to_owned(),
        }
    }

    pub(super) fn next_to(self, value: &str, is_more: bool) -> Option<String> {
        match self {
            Self::Switch => Some((value != "true").to_string()),
            Self::OneOf(possible) => {
                let at = possible.iter().position(|word| *word == value).unwrap_or(0);
                let next = if is_more { at + 1 } else { at + possible.len() - 1 };
                Some(possible[next % possible.len()].to_owned())
            }
            Self::Number { least, most } => {
                let number: u32 = value.parse().ok()?;
                let step = ((most - least) / STEPS).clamp(1, 10);
                let next = if is_more { number.saturating_add(step) } else { number.saturating_sub(step) };
                Some(next.clamp(least, most).to_string())
            }
            Self::Share => {
                // Whatever the model would take, whoever begins to weigh begins in the middle.
                let Ok(share) = value.parse::<f32>() else { return Some("0.5".to_owned()) };
                let step = (share * STEPS as f32).round() as u32;
                let next = if is_more { step + 1 } else { step.saturating_sub(1) };
                let hundredths = next.min(STEPS) * (100 / STEPS);
                let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
                Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
            }
            Self::Other(_) | Self::Secret => None,
        }
    }
}
