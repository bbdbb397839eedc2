//! Builds what is committed from what was parsed: keys, titles, chunks, terms. Pure; vectors come later, from whoever has
//! the model (`embed`). Called by `work`, where parsing happens.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::domain::text::without_nul;
use crate::domain::visible::clean_name;
use crate::domain::{DocumentId, NewDocument, PersonRole, SourceType, Timestamp, findable, targets};
use crate::embed::{EmbedText, InstantEmbedder};
use crate::ingest::chunk::{ChunkOptions, chunk};
use crate::ingest::concepts::concepts;
use crate::ingest::parse::{ParseError, Parsed, date, markdown, text as plain};

use super::job::TextFacts;
use crate::ingest::intake::paths;

/// A document, and what of it was left out, one plain sentence each.
pub(super) type Built = (NewDocument, Vec<String>);

/// What is known of a document besides its content.
struct Source<'a> {
    key: String,
    kind: SourceType,
    path: &'a str,
    offset: Option<u64>,
    fallback_title: String,
    fallback_date: Option<Timestamp>,
}

/// The document of a whole file at `path`.
pub(super) fn of_file(
    path: &str,
    modified_at: Timestamp,
    kind: SourceType,
    bytes: &[u8],
    parsed: Parsed,
    options: ChunkOptions,
) -> Built {
    let message_key = parsed.message.as_ref().map(|message| format!("message:{}", message.message_id));
    let source = Source {
        key: message_key.unwrap_or_else(|| format!("file:{path}")),
        kind,
        path,
        offset: None,
        fallback_title: file_title(Path::new(path)),
        // A journal's page is dated by its name.
        fallback_date: name_date(kind, path).or(Some(modified_at)),
    };
    build(source, bytes, parsed, options)
}

/// The document of the message at `offset` of the archive at `path`; `dated_at` is when the archive says it came.
pub(super) fn of_message(
    path: &str,
    offset: u64,
    dated_at: Option<Timestamp>,
    bytes: &[u8],
    parsed: Parsed,
    options: ChunkOptions,
) -> Built {
    let id = parsed.message.as_ref().map(|message| message.message_id.clone()).unwrap_or_default();
    let source = Source {
        key: format!("message:{id}"),
        kind: SourceType::Mail,
        path,
        offset: Some(offset),
        fallback_title: "(no subject)".to_owned(),
        // Of the copy, not of the mail.
        fallback_date: dated_at,
    };
    build(source, bytes, parsed, options)
}

/// A text handed over by a program or written inside Peanut: a note with its own tags and date.
///
/// # Errors
/// When nothing readable is in it.
pub(super) fn of_text(facts: &TextFacts, text: &str, options: ChunkOptions) -> Result<Built, ParseError> {
    let title = facts.title.trim();
    let body = if text.trim().is_empty() { title } else { text };
    // What is nothing but marks to Markdown ("***") is a text all the same.
    let mut parsed = markdown::parse(body.as_bytes()).or_else(|_| plain::parse(body.as_bytes()))?;
    if !title.is_empty() {
        parsed.title = Some(title.to_owned());
    }
    for tag in &facts.tags {
        let tag = tag.trim().trim_start_matches('#').to_lowercase();
        if !tag.is_empty() && !parsed.tags.contains(&tag) {
            parsed.tags.push(tag);
        }
    }
    parsed.dated_at = facts.dated_at.or(parsed.dated_at);
    let first_line = body.lines().find(|line| !line.trim().is_empty()).unwrap_or("Note");
    let source = Source {
        key: format!("note:{}", DocumentId::from_source_key(&format!("{}\n{title}\n{text}", facts.now.0))),
        kind: SourceType::Note,
        path: "note",
        offset: None,
        fallback_title: first_line.chars().take(80).collect(),
        fallback_date: Some(facts.now),
    };
    Ok(build(source, format!("{title}\n{text}").as_bytes(), parsed, options))
}

/// Gives every text of the document its instant vector.
pub(crate) fn embed(document: &mut NewDocument, instant: &dyn InstantEmbedder) {
    for chunk in document.chunks.iter_mut().filter(|chunk| chunk.kind.is_text()) {
        let pieces = std::mem::take(&mut chunk.pieces);
        chunk.vector = if pieces.is_empty() {
            instant.embed_now(EmbedText { context: &chunk.context, text: &chunk.text })
        } else {
            instant.embed_pieces(&chunk.context, &pieces)
        };
    }
}

fn build(source: Source<'_>, bytes: &[u8], parsed: Parsed, options: ChunkOptions) -> Built {
    // Before anything is derived: hashes, terms and vectors are of the text that is stored.
    let mut parsed = parsed.without_nul();
    let left_out = std::mem::take(&mut parsed.left_out);
    let source = Source { key: without_nul(&source.key).into_owned(), ..source };
    let title = parsed.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
    // A file's name may hold anything; the path itself stays as it is, or the file would not be found.
    let title = title.map_or_else(|| clean_name(&source.fallback_title).trim().to_owned(), str::to_owned);
    let title = if title.is_empty() { "(no name)".to_owned() } else { title };
    let mut chunks = chunk(&parsed, &title, findable::sender(&parsed.people).as_deref(), options);
    let known = findable::Known {
        title: &title,
        source_type: source.kind,
        source_path: source.path,
        is_part: source.offset.is_some(),
        people: &parsed.people,
        attachments: parsed.message.as_ref().map_or(&[], |message| &message.attachments),
    };
    findable::complete(&mut chunks, &known);
    targets::complete(&mut chunks, &parsed.targets, &parsed.links);
    let concepts = concepts(&parsed);
    let fingerprint = fingerprint(&parsed);
    let document = NewDocument {
        id: DocumentId::from_source_key(&source.key),
        source_key: source.key,
        source_type: source.kind,
        source_path: source.path.to_owned(),
        source_offset: source.offset,
        content_sha256: Sha256::digest(bytes).into(),
        fingerprint,
        title,
        dated_at: parsed.dated_at.or(source.fallback_date),
        tags: parsed.tags,
        concepts,
        aliases: parsed.aliases,
        links: parsed.links,
        people: parsed.people,
        message: parsed.message,
        chunks,
    };
    (document, left_out)
}

/// What a reader sees of a mail, as one hash: who wrote it, when, about what, what it says and what is attached. Not what
/// the way and the mailbox wrote (`Received`, `Delivered-To`, `Status`, labels), nor to whom this copy went: a sent copy
/// names blind recipients that a received one does not. Blanks and line ends do not count: transport folds them anew. Two
/// mails of one Message-ID are one mail when this is equal.
fn fingerprint(parsed: &Parsed) -> Option<[u8; 32]> {
    parsed.message.as_ref()?;
    // Gathered first: many small pieces cost more to hash than they hold.
    let mut seen = String::new();
    let mut part = |text: &str| {
        for word in text.split_whitespace() {
            seen.push_str(word);
            seen.push(' ');
        }
        seen.push('\0');
    };
    for person in parsed.people.iter().filter(|person| person.role == PersonRole::From) {
        part(&person.email.as_deref().or(person.name.as_deref()).unwrap_or_default().to_lowercase());
    }
    part(&parsed.dated_at.map(|at| at.0.to_string()).unwrap_or_default());
    part(parsed.title.as_deref().unwrap_or_default());
    for name in parsed.message.iter().flat_map(|message| &message.attachments) {
        part(name);
    }
    for section in &parsed.sections {
        part(&section.text);
    }
    Some(Sha256::digest(seen.as_bytes()).into())
}

fn name_date(kind: SourceType, path: &str) -> Option<Timestamp> {
    matches!(kind, SourceType::Markdown | SourceType::Text).then(|| date::of_name(Path::new(path))).flatten()
}

/// A title from a file's name: without extension, `-` and `_` as blanks when there are no others; a day as a day.
/// Logseq writes the slash of a page's name as `___` or `%2F`.
#[must_use]
pub fn file_title(path: &Path) -> String {
    let shown = paths::shown(&path.to_string_lossy());
    let path = Path::new(&shown);
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if stem.len() == 10 && date::of_name(path).is_some() {
        return stem.replace(['_', '.'], "-");
    }
    let stem = stem.replace("___", "/").replace("%2F", "/");
    let stem = if stem.is_empty() { path.display().to_string() } else { stem };
    if stem.contains(' ') { stem } else { stem.replace(['_', '-'], " ") }
}
