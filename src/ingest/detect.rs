//! What a file is: its first bytes decide, its name only between kinds of text. Pure; called by the pipeline.

mod containers;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ingest::parse::mail::maildir;
use crate::ingest::parse::mail::sniff::{self, Doubt};
use crate::ingest::parse::text;

/// What a file was recognised as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detected {
    /// An archive of messages.
    Mbox,
    /// One message.
    Mail,
    /// PDF.
    Pdf,
    /// Markdown.
    Markdown,
    /// HTML.
    Html,
    /// A web page saved with its parts.
    WebArchive,
    /// A message in a file of Apple Mail.
    Emlx,
    /// Events.
    Calendar,
    /// Contact cards.
    Contacts,
    /// Rich text.
    Rtf,
    /// Word document.
    Docx,
    /// Obsidian's canvas.
    Canvas,
    /// A drawing of Excalidraw.
    Excalidraw,
    /// Plain text.
    Text,
    /// Nothing in it.
    Empty,
    /// Nothing we read; the reason is for the ledger.
    Unsupported(String),
}

/// Bytes of the beginning that are looked at.
pub const HEAD_BYTES: usize = 64 * 1024;

/// Other formats by their first bytes, to say what a refused file is.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\xfd7zXZ", "an xz archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"RIFF", "audio, video or a WebP image"),
    (b"OggS", "audio or video"),
    (b"ID3", "audio"),
    (b"\0\0\x01\0", "an icon"),
    (b"\0asm", "a WebAssembly module"),
];

/// Recognises a file by its name and its first [`HEAD_BYTES`].
#[must_use]
pub fn detect(path: &Path, head: &[u8], total_len: u64) -> Detected {
    if total_len == 0 || head.iter().all(u8::is_ascii_whitespace) {
        return Detected::Empty;
    }
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    // Some PDFs carry junk before their magic; readers look into the first kilobyte.
    if head.len() >= 5 && head[..head.len().min(1024)].windows(5).any(|five| five == b"%PDF-") {
        return Detected::Pdf;
    }
    if head.starts_with(b"PK\x03\x04") {
        return zip_kind(head, &extension);
    }
    if head.starts_with(b"\xd0\xcf\x11\xe0") {
        return if extension == "docx" {
            // An encrypted docx is an OLE container; the parser says so.
            Detected::Docx
        } else {
            Detected::Unsupported("an old Office file: save it as .docx or .pdf".into())
        };
    }
    if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Detected::Unsupported((*name).to_owned());
    }
    if let Some(kind) = containers::recognise(&extension, head) {
        return kind;
    }
    let mail_name = is_mail_name(path, &extension);
    if mail_name && maildir::is_trashed(path) {
        return Detected::Unsupported("deleted: its Maildir marks it as trash (flag T)".into());
    }
    let doubt = match extension.as_str() {
        "md" | "markdown" | "mdown" | "mkd" | "mdx" => Doubt::Markdown,
        "txt" | "text" | "log" | "rst" | "org" | "adoc" | "asc" | "tex" | "csv" | "tsv" | "html" | "htm" => Doubt::Text,
        _ => Doubt::Unknown,
    };
    if sniff::is_archive(head, doubt) {
        return Detected::Mbox;
    }
    if sniff::is_message(head, doubt) || mail_name && sniff::has_header(head) {
        return Detected::Mail;
    }
    if matches!(extension.as_str(), "mbox" | "mbx") {
        // The reader reports what is wrong with it, item by item.
        return Detected::Mbox;
    }
    if mail_name {
        return Detected::Mail;
    }
    if !text::is_text(head) {
        return Detected::Unsupported("binary data of an unknown kind".into());
    }
    if is_html(&text::decode(head.get(..4096).unwrap_or(head))) {
        return Detected::Html;
    }
    match extension.as_str() {
        "html" | "htm" | "xhtml" => Detected::Html,
        "md" | "markdown" | "mdown" | "mkd" | "mdx" => Detected::Markdown,
        "canvas" => Detected::Canvas,
        "excalidraw" => Detected::Excalidraw,
        "pdf" => Detected::Pdf,
        "docx" => Detected::Docx,
        "" | "txt" | "text" | "log" | "rst" | "org" | "adoc" | "asc" | "tex" | "csv" | "tsv" => Detected::Text,
        "svg" | "json" | "xml" | "css" | "js" | "map" | "lock" => {
            Detected::Unsupported(format!(".{extension} is data, not a document"))
        }
        _ => Detected::Text,
    }
}

fn zip_kind(head: &[u8], extension: &str) -> Detected {
    let contains = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
    if contains(b"word/") || (extension == "docx" && contains(b"[Content_Types].xml")) {
        return Detected::Docx;
    }
    if contains(b"xl/") || contains(b"ppt/") {
        return Detected::Unsupported("a spreadsheet or presentation: save it as .pdf".into());
    }
    if extension == "docx" {
        return Detected::Docx;
    }
    Detected::Unsupported("a zip archive: unpack it first".into())
}

fn is_mail_name(path: &Path, extension: &str) -> bool {
    if matches!(extension, "eml" | "msg822") {
        return true;
    }
    // Maildir: inside cur or new, a name such as 1234567890.M1P2.host:2,S.
    let parent = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    matches!(parent, "cur" | "new")
        && path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_html(start: &str) -> bool {
    let start = start.to_lowercase();
    let start = start.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| start.starts_with(tag))
        || (start.starts_with("<?xml") || start.starts_with("<!--")) && start.contains("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, head: &[u8]) -> Detected {
        detect(Path::new(name), head, head.len() as u64)
    }

    #[test]
    fn content_beats_the_name() {
        assert_eq!(kind("a.txt", b"%PDF-1.4\n"), Detected::Pdf);
        assert_eq!(kind("a.pdf", b"From: a@b\nTo: c@d\nSubject: x\n\nbody"), Detected::Mail);
        assert_eq!(kind("noext", b"From a@b Thu Jan  1 00:00:00 2024\nFrom: a@b\n\nx"), Detected::Mbox);
        assert_eq!(kind("a.md", b"<!DOCTYPE html><p>x"), Detected::Html);
        assert_eq!(kind("x.bin", b"PK\x03\x04....[Content_Types].xml...word/document.xml"), Detected::Docx);
    }

    #[test]
    fn the_name_decides_between_kinds_of_text() {
        assert_eq!(kind("a.md", b"# Hi"), Detected::Markdown);
        assert_eq!(kind("a.txt", b"# Hi"), Detected::Text);
        assert_eq!(kind("a.canvas", b"{\"nodes\":[]}"), Detected::Canvas);
        assert_eq!(kind("a.excalidraw", b"{\"type\":\"excalidraw\"}"), Detected::Excalidraw);
        assert_eq!(kind("README", b"Hello there: this is text"), Detected::Text);
        assert_eq!(kind("new/1700000000.M1P2.host:2,S", b"X-Odd: 1\n\nbody"), Detected::Mail);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(kind("a.txt", b""), Detected::Empty);
        assert_eq!(kind("a.txt", b" \n\n"), Detected::Empty);
        assert!(matches!(kind("a.txt", b"\x89PNG\r\n"), Detected::Unsupported(what) if what.contains("PNG")));
        assert!(matches!(kind("a", b"\x00\x01\x02\x03\x04"), Detected::Unsupported(_)));
        assert_eq!(kind("u.txt", b"\xff\xfeh\x00i\x00"), Detected::Text);
    }

    #[test]
    fn an_essay_with_colons_is_no_mail() {
        assert_eq!(kind("a.txt", b"Subject: life\n\nTo: whom it may concern"), Detected::Text);
    }

    #[test]
    fn letters_and_notes_are_no_mail() {
        for (name, text, wanted) in [
            ("desk.md", "From the desk of Jane\nTodo: buy milk\n\nMore.\n", Detected::Markdown),
            ("draft.md", "From: me\nTo: the board\nSubject: a letter\nDate: 2024-03-12\n\n# One\n", Detected::Markdown),
            (
                "draft.md",
                "From: a@x.org\nTo: b@x.org\nSubject: a letter\nDate: 2024-03-12 10:00\n\n# One\n",
                Detected::Markdown,
            ),
            ("study.txt", "Subject: maths\nDate: 2024\nFrom: chapter 3\n\nNotes\n", Detected::Text),
            ("trip.txt", "From London to Paris\nDay 1: we took the ferry.\nDay 2: rain.\n", Detected::Text),
            ("letter.txt", "From: me@x.org\nTo: you@x.org\nSubject: plan\nDate: tomorrow\n\nx\n", Detected::Text),
            ("notes", "From: me\nTo: the board\nSubject: a letter\nDate: 2024\n\nx\n", Detected::Text),
            ("a.txt", "From jane@x.org\nSubject: x\n\ny\n", Detected::Text),
        ] {
            assert_eq!(kind(name, text.as_bytes()), wanted, "{name} {text:?}");
        }
    }

    #[test]
    fn exported_mail_is_mail_under_any_name() {
        let mail = "Subject: Re: plan\nFrom: Ann <a@x.org>\nDate: Tue, 12 Mar 2024 10:00:00 +0000\nTo: b@x.org\n\nx\n";
        let raw = "Received: from a by b; Tue, 12 Mar 2024 10:00:00 +0000\nMessage-ID: <1@x.org>\nFrom: a@x.org\n\nx\n";
        for (name, text) in [("a.txt", mail), ("a", mail), ("a.txt", raw), ("a.md", raw), ("a.bak", raw)] {
            assert_eq!(kind(name, text.as_bytes()), Detected::Mail, "{name} {text:?}");
        }
        let archives = [
            "From a@x.org Tue Mar 12 10:00:00 2024\nFrom: a@x.org\n\nx\n",
            "From - Tue Mar 12 10:00:00 2024\nX-Mozilla-Status: 0001\nFrom: a@x.org\n\nx\n",
            "From jjl at pobox.com  Thu Nov  1 11:19:12 2001\nFrom: jjl at pobox.com\nSubject: x\n\ny\n",
            "From \nFrom: a@x.org\nTo: b@x.org\nSubject: x\nDate: Tue, 12 Mar 2024 10:00:00 +0000\n\ny\n",
        ];
        for name in ["2001-November.txt", "INBOX", "export", "x.mbox"] {
            for text in archives {
                assert_eq!(kind(name, text.as_bytes()), Detected::Mbox, "{name} {text:?}");
                assert_eq!(kind(name, text.replace('\n', "\r\n").as_bytes()), Detected::Mbox, "{name} {text:?}");
            }
        }
    }

    #[test]
    fn what_its_maildir_calls_trash_is_left_out() {
        let mail = b"From: a@x.org\nSubject: x\n\ny\n";
        assert_eq!(kind("m/cur/1276.M3P6.host:2,S", mail), Detected::Mail);
        assert!(matches!(kind("m/cur/1276.M3P6.host:2,ST", mail), Detected::Unsupported(why) if why.contains("trash")));
    }

    #[test]
    fn text_in_wide_characters_is_text() {
        let wide: Vec<u8> = "Отправляю тебе отчёт".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(kind("a.txt", &wide), Detected::Text);
        let page: Vec<u8> = "<!doctype html><p>x".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(kind("a.md", &page), Detected::Html);
    }
}
