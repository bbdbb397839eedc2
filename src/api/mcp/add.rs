//! `add_document`: a text becomes a document; answered when it is on disk.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use crate::domain::{Scope, Timestamp};
use crate::ingest::intake::NewText;

use super::Mcp;
use super::answer::{Answer, Refusal, address, text_within};
use super::tools::{ToolInfo, schemas};

pub(super) const NAME: &str = "add_document";
const LONGEST_TEXT: usize = 1_000_000;
const LONGEST_TITLE: usize = 500;
const LONGEST_TAG: usize = 100;
const MOST_TAGS: usize = 50;

pub(super) const TOOL: ToolInfo = ToolInfo {
    name: NAME,
    title: "Add a document",
    about: "Keeps a text (plain or Markdown) as a new document. Answers when it is on disk; search_facts finds it at once. The \
            same title and text a second time change nothing and give the id of the first.",
    needs: Scope::Write,
    schemas: schemas::<Arguments, Receipt>,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The text, plain or Markdown; `[[Name]]` links to another document
    #[schemars(length(min = 1, max = 1_000_000))]
    text: String,
    /// Title; the first line of the text when missing
    #[serde(default)]
    #[schemars(length(max = 500))]
    title: Option<String>,
    /// Tags, with or without #; each up to 100 characters
    #[serde(default)]
    #[schemars(length(max = 50))]
    tags: Vec<String>,
    /// The text's own date, 2024-09-12 or 2024-09-12T08:30:00Z; now when missing
    #[serde(default)]
    #[schemars(length(max = 40))]
    date: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Receipt {
    /// The document that holds the text.
    document_id: String,
    /// It as a resource.
    uri: String,
    /// Whether it is new; otherwise a document held this text already.
    added: bool,
    /// What of the text was left out because it goes over a budget, one sentence each; mostly nothing.
    left_out: Vec<String>,
}

pub(super) async fn call(mcp: &Mcp, arguments: Arguments) -> Result<Answer, Refusal> {
    text_within("text", &arguments.text, LONGEST_TEXT)?;
    let title = arguments.title.unwrap_or_default();
    if !title.is_empty() {
        text_within("title", &title, LONGEST_TITLE)?;
    }
    if arguments.tags.len() > MOST_TAGS {
        return Err(Refusal::new(format!("{} tags are given; at most {MOST_TAGS}", arguments.tags.len())));
    }
    for tag in &arguments.tags {
        text_within("a tag", tag, LONGEST_TAG)?;
    }
    let dated_at = arguments.date.as_deref().map(date).transpose()?;
    let new = NewText { title, text: arguments.text, tags: arguments.tags, dated_at };
    let receipt = mcp.intake.take_text(new, None).await?;
    let added = Receipt {
        document_id: receipt.document_id.to_string(),
        uri: address(receipt.document_id),
        added: receipt.added,
        left_out: receipt.left_out,
    };
    let mut text = if receipt.added {
        format!("Added as {} ({}).", added.document_id, added.uri)
    } else {
        format!("A document held this text already: {} ({}).", added.document_id, added.uri)
    };
    if !added.left_out.is_empty() {
        text.push_str("\nNot all of it was kept: ");
        text.push_str(&added.left_out.join("; "));
    }
    Answer::new(&added, text)
}

/// A day (its beginning, in this machine's time zone) or a moment.
fn date(text: &str) -> Result<Timestamp, Refusal> {
    let text = text.trim();
    let moment = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let day: jiff::civil::Date = text.parse().ok()?;
        Some(day.to_zoned_datetime(jiff::tz::TimeZone::system()).ok()?.timestamp())
    });
    let moment = moment
        .ok_or_else(|| Refusal::new("date is not a date: write 2024-09-12 or 2024-09-12T08:30:00Z, or leave it out"))?;
    Ok(Timestamp(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_or_moments() {
        assert_eq!(date("2024-09-12T08:33:20Z").unwrap(), Timestamp(1_726_130_000_000));
        assert_eq!(date(" 2024-09-12T10:33:20+02:00 ").unwrap(), Timestamp(1_726_130_000_000));
        assert!((date("2024-09-12").unwrap().0 - 1_726_130_000_000).abs() < 24 * 3_600_000);
        for wrong in ["", "yesterday", "2024-13-01", "12.9.2024"] {
            assert!(date(wrong).unwrap_err().message().contains("2024-09-12"), "{wrong}");
        }
    }
}
