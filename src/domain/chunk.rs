//! Pieces of documents: the unit of indexing. Made by `ingest::chunk` and `findable`, stored by the store, embedded by
//! `embed`.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ids::{ChunkId, DocumentId};
use super::shape::Shape;

/// What a chunk's text is to its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChunkKind {
    /// The author's own text: searched by words and by meaning.
    Body,
    /// Text of an attachment: searched by words and by meaning.
    Attachment,
    /// Text beside the document's own, such as a page's aside or footer: found by words, below texts.
    Aside,
    /// A quoted reply: found by words. Below texts when the message it answers is in the store, for that holds the words
    /// too; like a text when it is not.
    Quoted,
    /// A mail signature: found by words, below texts.
    Signature,
    /// Names the document goes by and knows: its file's, its attachments', its people's. Found by words, below texts;
    /// never shown as text of the document.
    Names,
}

impl ChunkKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Body, Self::Attachment, Self::Aside, Self::Quoted, Self::Signature, Self::Names];

    /// Whether it is a text of the document's own: it is embedded, counts in the statistics that words are weighed by,
    /// and ranks above everything that is not.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Body | Self::Attachment)
    }

    /// Whether it is part of what a reader of the document sees.
    #[must_use]
    pub fn is_shown(self) -> bool {
        self != Self::Names
    }

    /// Whether a screen folds it away until somebody asks for it.
    #[must_use]
    pub fn is_folded(self) -> bool {
        matches!(self, Self::Quoted | Self::Signature)
    }

    /// The part of a text's score that a match in such a chunk is worth, 1 for texts.
    #[must_use]
    pub fn weight(self) -> f32 {
        match self {
            Self::Body | Self::Attachment => 1.0,
            Self::Aside | Self::Quoted => 0.4,
            Self::Signature | Self::Names => 0.3,
        }
    }

    /// The stable lower-case name used in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Attachment => "attachment",
            Self::Aside => "aside",
            Self::Quoted => "quoted",
            Self::Signature => "signature",
            Self::Names => "names",
        }
    }

    /// The kind with the stable name `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where in its document a chunk stands, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Place {
    /// Headings from the outermost to the innermost, empty at the top.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<String>,
    /// First page the chunk stands on, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Line of the source file where the chunk starts, from 1; for `$EDITOR +line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Name of the attachment the text comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<String>,
    /// What parts of the chunk's text are, in the order they begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<Shape>,
}

impl Place {
    /// One line for the screen: `Guide › Install · p. 3 · notes.txt`; empty when there is nothing to say.
    #[must_use]
    pub fn label(&self) -> String {
        let mut parts = Vec::new();
        if !self.headings.is_empty() {
            parts.push(self.headings.join(" › "));
        }
        if let Some(page) = self.page {
            parts.push(format!("p. {page}"));
        }
        if let Some(name) = &self.attachment {
            parts.push(name.clone());
        }
        parts.join(" · ")
    }
}

/// A place on its way between processes, whose form has no names: nothing of it is left out.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Place")]
struct WholePlace {
    headings: Vec<String>,
    page: Option<u32>,
    line: Option<u32>,
    attachment: Option<String>,
    shapes: Vec<Shape>,
}

/// A chunk before it is stored. `ordinal` counts from 0 within the document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewChunk {
    /// Position within the document.
    pub ordinal: u32,
    /// What the text is.
    pub kind: ChunkKind,
    /// The text as read; overlaps its predecessor of the same run by `overlap_bytes`.
    pub text: String,
    /// How many leading bytes of `text` repeat the end of the previous chunk; a reader skips them.
    pub overlap_bytes: u32,
    /// Title, headings and sender: indexed and embedded with the text, not part of it. Empty for all that is no text of
    /// the document's own, or its title would be found once more for each of them.
    pub context: String,
    /// Where it stands.
    #[serde(with = "WholePlace")]
    pub place: Place,
    /// WordPiece tokens in `text`.
    pub token_count: u32,
    /// SHA-256 of `context`, a zero byte and `text`: equal hashes never need a second embedding.
    pub text_sha256: [u8; 32],
    /// Space-separated search terms of context and text (see `search::terms`), as the word index stores them.
    pub terms: String,
    /// The pieces of `text` ([`super::wordpiece::pieces`]) on the way from where it is cut to where it is embedded; empty
    /// elsewhere, and for what is not embedded.
    pub pieces: Vec<u16>,
    /// The instant model's vector; `None` when the chunk is no text or has no known word.
    pub vector: Option<Vec<f32>>,
}

impl NewChunk {
    /// SHA-256 as [`Self::text_sha256`] has it.
    #[must_use]
    pub fn hash(context: &str, text: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(context.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.finalize().into()
    }
}

/// A chunk read back from the store.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StoredChunk {
    /// Its row.
    pub id: ChunkId,
    /// The document it belongs to.
    pub document_id: DocumentId,
    /// Position within the document, from 0.
    pub ordinal: u32,
    /// What the text is.
    pub kind: ChunkKind,
    /// The text.
    pub text: String,
    /// Leading bytes shared with the previous chunk.
    pub overlap_bytes: u32,
    /// Title, headings, sender, as indexed.
    pub context: String,
    /// Where it stands.
    pub place: Place,
    /// WordPiece tokens in `text`.
    pub token_count: u32,
}
