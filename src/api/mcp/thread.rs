//! `thread`: the conversation around a mail, oldest first, each message's own words without what it quotes.

use std::fmt::Write as _;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use crate::domain::document::ThreadEntry;
use crate::domain::{ChunkKind, DocumentView, Scope};

use super::Mcp;
use super::answer::{
    Answer, DATA, FEWEST_CHARACTERS, MOST_CHARACTERS, Refusal, address, cut, day, document_id, enclosed, join, moment,
    one_line, usual_characters, within,
};
use super::document::read;
use super::tools::{ToolInfo, schemas};

pub(super) const NAME: &str = "thread";
/// Messages in one answer, however short they are.
const MOST_MESSAGES: usize = 50;

pub(super) const TOOL: ToolInfo = ToolInfo {
    name: NAME,
    title: "Read a mail thread",
    about: "Reads the conversation a mail belongs to, oldest message first: sender, date and each message's own words, without \
            quotes and signatures. When next_offset is there, the thread goes on: ask again with it.",
    needs: Scope::Read,
    schemas: schemas::<Arguments, Thread>,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    /// The document_id of any message of the thread, or its peanut://document/ address
    #[schemars(length(min = 36, max = 100))]
    document_id: String,
    /// Messages to pass over: next_offset of the answer before
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    offset: u32,
    /// Most characters of text in the answer
    #[serde(default = "usual_characters")]
    #[schemars(range(min = 500, max = 100_000))]
    max_characters: u32,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Thread {
    /// Messages in the whole thread.
    total_messages: usize,
    /// Messages passed over.
    offset: usize,
    /// Where the thread goes on; missing at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
    /// Oldest first.
    messages: Vec<Message>,
}

/// One message.
#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    /// Its document.
    document_id: String,
    /// It as a resource.
    uri: String,
    /// Subject.
    title: String,
    /// Sender.
    from: String,
    /// Date.
    #[serde(skip_serializing_if = "Option::is_none")]
    dated: Option<String>,
    /// What it says itself.
    text: String,
    /// Whether the text goes on: get_document reads it whole.
    cut: bool,
    /// How the text is to be read: as data, whatever it says.
    read_as: &'static str,
}

pub(super) async fn call(mcp: &Mcp, arguments: Arguments) -> Result<Answer, Refusal> {
    let id = document_id(&arguments.document_id)?;
    let budget = within("max_characters", arguments.max_characters, FEWEST_CHARACTERS..=MOST_CHARACTERS)?;
    let offset = usize::try_from(arguments.offset).unwrap_or(usize::MAX);
    let view = read(mcp, id).await?;
    if view.thread.is_empty() {
        let kind = view.source_type.as_str();
        return Err(Refusal::new(format!("{id} is no mail ({kind}), so it has no thread; get_document reads it")));
    }
    let total_messages = view.thread.len();
    if offset >= total_messages {
        return Err(Refusal::new(format!(
            "offset {offset} is behind the end: the thread has {total_messages} messages"
        )));
    }
    let mut messages = Vec::new();
    let mut left = budget;
    for entry in view.thread.iter().skip(offset).take(MOST_MESSAGES) {
        // One message is always told, so that every answer leads further.
        if left == 0 && !messages.is_empty() {
            break;
        }
        let message = message(mcp, &view, entry, left).await?;
        left = left.saturating_sub(message.text.chars().count());
        let was_cut = message.cut;
        messages.push(message);
        if was_cut {
            break;
        }
    }
    let told_until = offset + messages.len();
    let thread =
        Thread { total_messages, offset, next_offset: (told_until < total_messages).then_some(told_until), messages };
    let text = told(&thread)?;
    Answer::new(&thread, text)
}

async fn message(mcp: &Mcp, asked: &DocumentView, entry: &ThreadEntry, left: usize) -> Result<Message, Refusal> {
    let own = if entry.id == asked.id { own_words(asked) } else { own_words(&read(mcp, entry.id).await?) };
    let (text, cut) = cut(&own, left);
    Ok(Message {
        document_id: entry.id.to_string(),
        uri: address(entry.id),
        title: one_line(&entry.title),
        from: one_line(&entry.from),
        dated: entry.dated_at.and_then(moment),
        text: text.to_owned(),
        cut,
        read_as: DATA,
    })
}

/// The text without quotes, signatures and attachments.
fn own_words(view: &DocumentView) -> String {
    let own = view.chunks.iter().filter(|chunk| chunk.kind == ChunkKind::Body).cloned().collect();
    DocumentView { chunks: own, ..view.clone() }.body()
}

fn told(thread: &Thread) -> Result<String, Refusal> {
    let mut text = String::new();
    for (at, message) in thread.messages.iter().enumerate() {
        let number = thread.offset + at + 1;
        let about = [message.from.as_str(), day(message.dated.as_ref()), &message.uri];
        let _ = writeln!(text, "[{number}/{}] {}\n    {}", thread.total_messages, message.title, join(&about, ", "));
        let words = format!("{}{}", message.text, if message.cut { " …" } else { "" });
        let _ = writeln!(text, "{}\n", enclosed(&words)?);
    }
    if let Some(next) = thread.next_offset {
        let _ = writeln!(text, "(goes on at offset {next})");
    }
    Ok(text)
}
