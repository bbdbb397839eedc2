//! Which document a link means. Pure: names, targets and the choice among candidates.
//!
//! A document is named by its path without a known extension (exactly, for file links), and by its lower-cased file
//! stem, title and aliases (for wikilinks). Mails have no such names: a subject is shared by whole threads, and the
//! path of an archive by thousands of messages; only a mail in a file of its own can be reached, by that path.
//! Called by the adapters' `documents` (what to store) and by `world` (what it means now).

use std::cmp::Reverse;

use crate::domain::{DocumentId, LinkKind, NewDocument, SourceType};

/// Extensions that links may leave out.
const EXTENSIONS: [&str; 9] = ["md", "markdown", "txt", "html", "htm", "pdf", "docx", "eml", "text"];

/// The names `document` can be linked by, sorted, unique.
pub(crate) fn names_of(document: &NewDocument) -> Vec<String> {
    let mut names = Vec::new();
    let in_own_file = document.source_offset.is_none() && document.source_type != SourceType::Note;
    if in_own_file {
        names.push(without_extension(&document.source_path).to_owned());
    }
    if document.source_type != SourceType::Mail {
        if in_own_file {
            names.push(without_extension(file_name(&document.source_path)).to_lowercase());
        }
        names.push(document.title.trim().to_lowercase());
        names.extend(document.aliases.iter().map(|alias| alias.trim().to_lowercase()));
    }
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    names
}

/// The name a link in the document at `source_path` looks for; `None` when it cannot lead to a document.
pub(crate) fn target_name(kind: LinkKind, target: &str, source_path: &str) -> Option<String> {
    match kind {
        LinkKind::Url => None,
        LinkKind::Wikilink => {
            let name = without_extension(file_name(target.trim())).trim().to_lowercase();
            (!name.is_empty()).then_some(name)
        }
        LinkKind::File => absolute(target, source_path).map(|path| without_extension(&path).to_owned()),
    }
}

/// The label of the concept an unresolved wikilink stands for.
pub(crate) fn wikilink_label(target: &str) -> Option<&str> {
    let label = without_extension(target.trim()).trim_matches('/').trim();
    (!label.is_empty()).then_some(label)
}

/// A document that bears the name a link looks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// Row number.
    pub(crate) seq: i64,
    /// Its id, the last resort in choosing.
    pub(crate) id: DocumentId,
    /// Its path.
    pub(crate) path: &'a str,
}

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// This document (row number).
    Document(i64),
    /// Only the linking document itself.
    Itself,
    /// No document.
    Nothing,
}

/// Chooses among live documents that bear the link's name: in the same folder first, then the shortest path.
pub(crate) fn resolve<'a>(
    kind: LinkKind,
    target: &str,
    source: Candidate<'_>,
    candidates: impl Iterator<Item = Candidate<'a>>,
) -> Resolution {
    let wanted_path = match kind {
        LinkKind::File => absolute(target, source.path),
        LinkKind::Wikilink => Some(target.trim().to_lowercase()),
        LinkKind::Url => None,
    };
    let Some(wanted_path) = wanted_path else { return Resolution::Nothing };
    let mut itself = false;
    let best = candidates
        .filter(|candidate| match kind {
            LinkKind::File => file_matches(&wanted_path, candidate.path),
            _ => wikilink_matches(&wanted_path, candidate.path),
        })
        .filter(|candidate| {
            itself |= candidate.seq == source.seq;
            candidate.seq != source.seq
        })
        .min_by_key(|candidate| {
            (
                Reverse(folder(candidate.path) == folder(source.path)),
                candidate.path.chars().count(),
                candidate.path,
                candidate.id,
            )
        });
    match best {
        Some(candidate) => Resolution::Document(candidate.seq),
        None if itself => Resolution::Itself,
        None => Resolution::Nothing,
    }
}

/// A file link that names an extension means that file; one without means any of that name.
fn file_matches(wanted: &str, path: &str) -> bool {
    wanted == path || (without_extension(wanted) == wanted && without_extension(path) == wanted)
}

/// A wikilink with folders means a document at the end of such a path; one with an extension a file with that extension.
fn wikilink_matches(wanted: &str, path: &str) -> bool {
    let wanted = wanted.trim_start_matches(['.', '/', '\\']);
    let has_folder = wanted.contains(['/', '\\']);
    let has_extension = without_extension(wanted) != wanted;
    if !has_folder && !has_extension {
        return true;
    }
    let path = path.to_lowercase();
    let path = if has_extension { path.as_str() } else { without_extension(&path) };
    let wanted = wanted.replace('\\', "/");
    path.strip_suffix(wanted.as_str()).is_some_and(|before| before.is_empty() || before.ends_with(['/', '\\']))
}

fn without_extension(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && !stem.ends_with(['/', '\\'])
                && EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)) =>
        {
            stem
        }
        _ => path,
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn folder(path: &str) -> &str {
    path.rfind(['/', '\\']).map_or("", |at| &path[..at])
}

/// The absolute path a relative one means in the file at `source_path`, `.` and `..` worked out, `%20` and the like decoded.
fn absolute(target: &str, source_path: &str) -> Option<String> {
    let target = decode_percent(target.trim());
    let mut parts: Vec<&str> = Vec::new();
    let base = if target.starts_with('/') { "" } else { folder(source_path) };
    if !target.starts_with('/') && base.is_empty() && !source_path.starts_with('/') {
        return None;
    }
    for part in base.split(['/', '\\']).chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return None;
    }
    let root = if source_path.starts_with('/') || target.starts_with('/') { "/" } else { "" };
    let separator = if source_path.contains('\\') && !source_path.contains('/') { "\\" } else { "/" };
    Some(format!("{root}{}", parts.join(separator)))
}

/// Decodes `%41` to `A`; text that does not decode to UTF-8 stays as it is.
fn decode_percent(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = digits
            .filter(|digits| first == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(first));
        rest = if byte.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_become_absolute() {
        for (target, source, path) in [
            ("b.md", "/v/a.md", Some("/v/b.md")),
            ("./x/../b.md", "/v/a.md", Some("/v/b.md")),
            ("../../../b", "/v/a.md", Some("/b")),
            ("/abs/b.md", "note", Some("/abs/b.md")),
            ("b.md", "note", None),
            ("..", "/v/a.md", None),
            ("a%20b%zz%4.md", "/v/a.md", Some("/v/a b%zz%4.md")),
            ("%ff", "/v/a.md", Some("/v/%ff")),
            ("sub/b.md", "C:\\v\\a.md", Some("C:\\v\\sub\\b.md")),
        ] {
            assert_eq!(absolute(target, source).as_deref(), path, "{target} from {source}");
        }
    }

    #[test]
    fn targets_look_for_names() {
        assert_eq!(target_name(LinkKind::Wikilink, " Folder/My Note.md ", "/a"), Some("my note".into()));
        assert_eq!(target_name(LinkKind::Wikilink, "v1.2", "/a"), Some("v1.2".into()));
        assert_eq!(target_name(LinkKind::Wikilink, "  ", "/a"), None);
        assert_eq!(target_name(LinkKind::File, "B.HTML", "/v/a.md"), Some("/v/B".into()));
        assert_eq!(target_name(LinkKind::Url, "https://example.org/b.md", "/v/a.md"), None);
        assert_eq!(wikilink_label("a/Note.md"), Some("a/Note"));
        assert_eq!(wikilink_label("/"), None);
    }

    #[test]
    fn extensions_and_hidden_files() {
        assert_eq!(without_extension("/v/.md"), "/v/.md");
        assert_eq!(without_extension("/v/a.tar.md"), "/v/a.tar");
        assert_eq!(without_extension("/v/a.rs"), "/v/a.rs");
        assert_eq!(without_extension("/v.md/a"), "/v.md/a");
    }
}
