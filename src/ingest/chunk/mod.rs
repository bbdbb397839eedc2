//! Cuts a parsed document into chunks at its own structure: sections, paragraphs, sentences, words. Pure; called by the
//! pipeline.
//!
//! Small neighbouring sections share a chunk; a long one is cut with an overlap, so that what stands at a cut can be
//! found from both sides. Joining chunks without their overlaps gives the text back once.

mod split;

use serde::{Deserialize, Serialize};

use crate::domain::shape::{self, Shape, ShapeKind};
use crate::domain::{ChunkKind, NewChunk, Place, terms, wordpiece};

use super::parse::{Parsed, Section};

/// Sizes, in word pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkOptions {
    /// Most tokens of one chunk.
    pub max_tokens: usize,
    /// Tokens that neighbouring chunks of one run share.
    pub overlap_tokens: usize,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self { max_tokens: 512, overlap_tokens: 50 }
    }
}

/// A run of text on its way to becoming chunks: one or more sections of one kind and place.
struct Run {
    kind: ChunkKind,
    place: Place,
    text: String,
    /// Its word pieces.
    pieces: Vec<u16>,
}

/// The document's chunks in order. `title` and `sender` go into the context of every text.
#[must_use]
pub fn chunk(parsed: &Parsed, title: &str, sender: Option<&str>, options: ChunkOptions) -> Vec<NewChunk> {
    let mut chunks = Vec::new();
    for run in runs(&parsed.sections, options) {
        // Quotes and signatures are found by their own words.
        let context =
            |text: &str| if run.kind.is_text() { context(title, sender, &run.place, text) } else { String::new() };
        if run.pieces.len() <= options.max_tokens && run.text.len() <= split::most_bytes(options) {
            let context = context(&run.text);
            push(&mut chunks, run.kind, context, Cut { text: run.text, overlap: 0, pieces: run.pieces }, run.place);
            continue;
        }
        let (mut counted, mut lines) = (0, 0);
        for piece in split::split(&run.text, options) {
            let mut place = run.place.clone();
            if let Some(line) = place.line {
                lines += run.text[counted..piece.start].matches('\n').count() as u32;
                counted = piece.start;
                place.line = Some(line + lines);
            }
            let text = run.text[piece.start..piece.end].to_owned();
            place.shapes = shape::cut(&run.place.shapes, &(piece.start..piece.end), 0);
            let context = context(&text);
            let pieces = wordpiece::pieces(&text);
            push(&mut chunks, run.kind, context, Cut { text, overlap: piece.overlap, pieces }, place);
        }
    }
    chunks
}

/// Joins small neighbours of the same kind under a common heading (or none), up to the size of a chunk.
fn runs(sections: &[Section], options: ChunkOptions) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for section in sections {
        let text = section.text.trim_matches(['\n', '\r']).trim_end();
        if text.trim().is_empty() {
            continue;
        }
        let kind = section.kind.unwrap_or(ChunkKind::Body);
        let heading = section.headings.last().map_or("", String::as_str);
        let pieces = wordpiece::pieces(text);
        let heading_pieces = wordpiece::pieces(heading);
        if let Some(last) = runs.last_mut()
            && last.kind == kind
            && last.place.attachment == section.attachment
            && last.place.page == section.page
            && related(&last.place.headings, &section.headings)
            && last.pieces.len() + pieces.len() + heading_pieces.len() <= options.max_tokens
            && last.text.len() + text.len() <= split::most_bytes(options)
        {
            let shared = common(&last.place.headings, &section.headings);
            last.text.push_str("\n\n");
            // The heading of a joined section would be lost from the place, so it stands in the text.
            if section.headings.len() > shared && !text.starts_with(heading) {
                last.place.shapes.extend(heading_shape(heading, section, last.text.len()));
                last.text.push_str(heading);
                last.text.push_str("\n\n");
                last.pieces.extend(heading_pieces);
            }
            last.place.shapes.extend(shapes(section, text, last.text.len()));
            last.text.push_str(text);
            last.pieces.extend(pieces);
            continue;
        }
        let place = Place {
            headings: section.headings.clone(),
            page: section.page,
            line: section.line,
            attachment: section.attachment.clone(),
            shapes: shapes(section, text, 0),
        };
        runs.push(Run { kind, place, text: text.to_owned(), pieces });
    }
    runs
}

/// What the parts of a section's text are, where that text begins at `at`; first the heading that it begins with.
fn shapes(section: &Section, text: &str, at: usize) -> Vec<Shape> {
    let heading = section.headings.last().map_or("", String::as_str);
    let begins = text.strip_prefix(heading).is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'));
    let before = section.text.find(text).unwrap_or(0);
    let mut shapes: Vec<Shape> =
        if begins { heading_shape(heading, section, at).into_iter().collect() } else { Vec::new() };
    shapes.extend(shape::cut(&section.shapes, &(before..before + text.len()), at));
    shapes
}

fn heading_shape(heading: &str, section: &Section, at: usize) -> Option<Shape> {
    let level = u8::try_from(section.headings.len()).unwrap_or(u8::MAX);
    (!heading.is_empty()).then(|| Shape::new(at..at + heading.len(), ShapeKind::Heading(level)))
}

fn common(a: &[String], b: &[String]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// Whether two sections may share a chunk: same heading, one below the other, or below the same one.
fn related(a: &[String], b: &[String]) -> bool {
    let shared = common(a, b);
    shared + 1 >= a.len() || (shared > 0 && shared + 1 >= b.len())
}

/// What every search for the text may name besides it. A heading that the text begins with is not named twice.
fn context(title: &str, sender: Option<&str>, place: &Place, text: &str) -> String {
    let begins =
        |heading: &str| text.strip_prefix(heading).is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'));
    let headings = place.headings.iter().filter(|heading| *heading != title && !begins(heading)).map(String::as_str);
    let named: Vec<&str> =
        std::iter::once(title).chain(headings).chain(place.attachment.as_deref()).chain(sender).collect();
    named.join("\n")
}

/// A text as it was cut from its run.
struct Cut {
    text: String,
    /// Bytes it begins with that the chunk before has too.
    overlap: usize,
    pieces: Vec<u16>,
}

fn push(chunks: &mut Vec<NewChunk>, kind: ChunkKind, context: String, cut: Cut, mut place: Place) {
    place.shapes.truncate(shape::MOST_SHAPES);
    let Cut { text, overlap, pieces } = cut;
    let terms = terms::chunk_terms(&context, &text);
    chunks.push(NewChunk {
        ordinal: chunks.len() as u32,
        kind,
        text_sha256: NewChunk::hash(&context, &text),
        text,
        overlap_bytes: overlap as u32,
        context,
        place,
        token_count: pieces.len() as u32,
        terms,
        pieces: if kind.is_text() { pieces } else { Vec::new() },
        vector: None,
    });
}

#[cfg(test)]
mod tests;
