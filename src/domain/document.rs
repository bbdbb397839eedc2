//! Documents: what the parsers produce, what one transaction commits, what a reader shows.

use serde::{Deserialize, Serialize};

use super::chunk::{NewChunk, StoredChunk};
use super::ids::DocumentId;
use super::person::PersonMention;
use super::status::EmbeddingProgress;
use super::time::Timestamp;

/// What kind of source a document was read from; the value of the `type:` filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceType {
    /// One mail message, from an mbox, a Maildir or an `.eml`.
    Mail,
    /// A PDF file.
    Pdf,
    /// A Markdown file.
    Markdown,
    /// An HTML page.
    Html,
    /// A Word document.
    Docx,
    /// Plain text.
    Text,
    /// A calendar: events, tasks.
    Event,
    /// Contact cards.
    Contact,
    /// A note written inside Peanut.
    Note,
}

impl SourceType {
    /// Every kind, in the order lists show them.
    pub const ALL: [Self; 9] = [
        Self::Mail,
        Self::Pdf,
        Self::Markdown,
        Self::Html,
        Self::Docx,
        Self::Text,
        Self::Event,
        Self::Contact,
        Self::Note,
    ];

    /// The stable lower-case name used in the store, on screen and in `type:`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Pdf => "pdf",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Docx => "docx",
            Self::Text => "text",
            Self::Event => "event",
            Self::Contact => "contact",
            Self::Note => "note",
        }
    }

    /// The kind people mean by `name`: the stable name or a common short form (`md`, `txt`, `htm`, `email`, `ics`, `vcf`).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "mail" | "email" | "eml" | "mbox" => Some(Self::Mail),
            "pdf" => Some(Self::Pdf),
            "markdown" | "md" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "docx" | "word" => Some(Self::Docx),
            "text" | "txt" | "rtf" => Some(Self::Text),
            "event" | "calendar" | "ics" => Some(Self::Event),
            "contact" | "contacts" | "vcf" | "vcard" => Some(Self::Contact),
            "note" => Some(Self::Note),
            _ => None,
        }
    }
}

/// How a link was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// `[[Target]]` or `![[Target]]`; the target is a note's name or path without extension.
    Wikilink,
    /// A relative path to another file.
    File,
    /// An absolute URL.
    Url,
}

/// A link out of a document, unresolved, without the fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// How it was written.
    pub kind: LinkKind,
    /// What it points at, as written.
    pub target: String,
}

/// What a mail adds to a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MessageMeta {
    /// `Message-ID` without angle brackets; a stable substitute derived from the content when the header is missing.
    pub message_id: String,
    /// First id of `In-Reply-To`, without angle brackets.
    pub in_reply_to: Option<String>,
    /// `References`, oldest first, without angle brackets.
    pub references: Vec<String>,
    /// Names of attachments, also of those without readable text.
    pub attachments: Vec<String>,
}

/// A document ready to be committed, whole or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewDocument {
    /// Its id: [`DocumentId::from_source_key`] of `source_key`.
    pub id: DocumentId,
    /// What the document is, whatever its place in a batch: `message:<Message-ID>` for mail,
    /// `file:<absolute path>` for files, `note:<uuid>` for notes. Unique in the store, which adds to it for a further mail
    /// of the same Message-ID.
    pub source_key: String,
    /// Kind of source.
    pub source_type: SourceType,
    /// Absolute path of the file it was read from; for notes `note`.
    pub source_path: String,
    /// Where in that file, for a file that holds many: byte offset of the message in its mbox.
    pub source_offset: Option<u64>,
    /// SHA-256 of the document's own bytes (the message, the file).
    pub content_sha256: [u8; 32],
    /// Mail only: SHA-256 of what a reader sees of it. Two mails of one Message-ID are one mail when it is equal; `None`
    /// leaves the title and the date to tell.
    pub fingerprint: Option<[u8; 32]>,
    /// Subject, title or file name; never empty.
    pub title: String,
    /// The document's own date (mail `Date`, frontmatter `date`), else the file's modification time.
    pub dated_at: Option<Timestamp>,
    /// Tags without `#`, lower-case, unique.
    pub tags: Vec<String>,
    /// Labels of concepts (tags, linked notes, link-bearing headings), as shown; unique when lower-cased.
    pub concepts: Vec<String>,
    /// Other names a wikilink may use for this document (frontmatter `aliases`).
    pub aliases: Vec<String>,
    /// Links out of it, unique.
    pub links: Vec<Link>,
    /// People it names.
    pub people: Vec<PersonMention>,
    /// Mail only.
    pub message: Option<MessageMeta>,
    /// Its text in order, then its names; at least one is a text ([`super::findable`] sees to it).
    pub chunks: Vec<NewChunk>,
}

/// What a commit did with one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteOutcome {
    /// New in the store.
    Added,
    /// Was there with other content; replaced in place, unchanged chunks kept with their embeddings.
    Changed,
    /// Was there with the same content; nothing written.
    Unchanged,
    /// The same content is already held under another source; nothing written.
    Duplicate(DocumentId),
    /// The same content was held under a path that no longer exists; the document moved here.
    Moved,
}

/// A document read back whole, for the reader, `get` and the preview.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DocumentView {
    /// Its id.
    pub id: DocumentId,
    /// Kind of source.
    pub source_type: SourceType,
    /// Where it was read from.
    pub source_path: String,
    /// Byte offset of a message in its mbox.
    pub source_offset: Option<u64>,
    /// Title.
    pub title: String,
    /// Its own date.
    pub dated_at: Option<Timestamp>,
    /// When it was taken in.
    pub ingested_at: Timestamp,
    /// When it was deleted or its file vanished.
    pub deleted_at: Option<Timestamp>,
    /// Tags.
    pub tags: Vec<String>,
    /// People with their roles.
    pub people: Vec<PersonMention>,
    /// Mail headers.
    pub message: Option<MessageMeta>,
    /// All chunks in order, quotes, signatures and names included.
    pub chunks: Vec<StoredChunk>,
    /// Messages of the same thread, oldest first, this one included; empty for other documents.
    pub thread: Vec<ThreadEntry>,
}

impl DocumentView {
    /// The text as one string: chunks joined, overlaps dropped, a blank line between separate pieces. Names are no text.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = String::new();
        for chunk in self.chunks.iter().filter(|chunk| chunk.kind.is_shown()) {
            let skip = usize::try_from(chunk.overlap_bytes).unwrap_or(0);
            let rest = chunk.text.get(skip..).unwrap_or(&chunk.text);
            if skip == 0 && !body.is_empty() && !body.ends_with("\n\n") {
                body.push_str(if body.ends_with('\n') { "\n" } else { "\n\n" });
            }
            body.push_str(rest);
        }
        body
    }
}

/// A document that a link leads to or comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// Where it was read from.
    pub source_path: String,
}

/// A link out of a document to another file or note, and the document it leads to, if the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingLink {
    /// As written.
    pub link: Link,
    /// Where it leads.
    pub to: Option<LinkedDocument>,
}

/// How a document is linked with others, as the graph says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentLinks {
    /// Its links to notes and files, each once.
    pub out: Vec<OutgoingLink>,
    /// Live documents that link to it, by title.
    pub into: Vec<LinkedDocument>,
}

/// A document in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DocumentSummary {
    /// Its id.
    pub id: DocumentId,
    /// Kind of source.
    pub source_type: SourceType,
    /// Where it was read from.
    pub source_path: String,
    /// Title.
    pub title: String,
    /// Its own date.
    pub dated_at: Option<Timestamp>,
    /// When it was taken in.
    pub ingested_at: Timestamp,
    /// When it was deleted or its file vanished.
    pub deleted_at: Option<Timestamp>,
    /// Tags.
    pub tags: Vec<String>,
}

/// How far the work on one document is after it was taken in.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DocumentProgress {
    /// Its texts that searches by words see: all of them, from the commit on. Each gets a vector of every model; what is
    /// found by words alone (quotes, signatures, names) is not counted.
    pub searchable_chunks: u64,
    /// Vectors per model, the instant one first.
    pub embeddings: Vec<EmbeddingProgress>,
    /// Events of it that the graph has not taken yet.
    pub events_pending: u64,
    /// Events of it that were given up.
    pub events_dead: u64,
}

/// One message in a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ThreadEntry {
    /// The message's document.
    pub id: DocumentId,
    /// Its subject.
    pub title: String,
    /// Its sender, as shown.
    pub from: String,
    /// Its date.
    pub dated_at: Option<Timestamp>,
}
