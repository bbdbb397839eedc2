//! Paths as people give them: typed, pasted, dropped on the terminal. Pure but for the current folder and HOME.
//!
//! And paths as the store keeps them. A name on disk is bytes, a name in the store is text: bytes that are no UTF-8 stand in
//! it as characters of Unicode's private use, one for each, so that the file is found again by its row.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// Stands for byte 0; byte 0xFF stands 255 further on.
const FIRST_BYTE: u32 = 0xEE00;
/// The last of them.
const LAST_BYTE: u32 = FIRST_BYTE + 0xFF;

fn is_byte(character: char) -> bool {
    (FIRST_BYTE..=LAST_BYTE).contains(&u32::from(character))
}

/// A path as the store keeps it. Different paths never become the same text.
#[must_use]
pub fn text_of(path: &Path) -> String {
    let mut text = String::new();
    let push_bytes = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|byte| char::from_u32(FIRST_BYTE + u32::from(*byte))));
    };
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_byte(character) {
                // Somebody's own use of these characters: kept as bytes, or it would be read back as others.
                push_bytes(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text
}

/// The path that the store keeps as `text`.
#[must_use]
pub fn path_of(text: &str) -> PathBuf {
    if !text.chars().any(is_byte) {
        return PathBuf::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character).checked_sub(FIRST_BYTE).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// A path of the store for people to read: bytes that are no text as `\\xEF`.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_byte(character) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\x{:02X}", u32::from(character) - FIRST_BYTE);
        } else {
            shown.push(character);
        }
    }
    shown
}

/// An absolute path from what was typed: `~`, relative, or a `file://` URL. `.` and `..` are resolved by name.
#[must_use]
pub fn resolve(text: &str) -> PathBuf {
    let text = text.trim();
    let decoded;
    let text = match text.strip_prefix("file://") {
        Some(rest) => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            decoded = percent_decoded(path);
            decoded.as_str()
        }
        None => text,
    };
    let path = match (text.strip_prefix('~'), std::env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    };
    let absolute = std::path::absolute(&path).unwrap_or(path);
    normalised(&absolute)
}

fn normalised(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                out.pop();
            }
            std::path::Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        if let Some(byte) = hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Why a path cannot be read, in words a person can act on.
#[must_use]
pub fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "does not exist (check the spelling)".to_owned(),
        std::io::ErrorKind::PermissionDenied => "may not be read by this user (check its permissions)".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_text_come_back_as_they_were() {
        let names: [&[u8]; 5] =
            [b"/a/plain.md", b"/a/na\xefve.md", b"\xff\xfe", "/\u{ee41}/\u{efff}.md".as_bytes(), "/\u{e4}".as_bytes()];
        for name in names {
            let path = PathBuf::from(OsString::from_vec(name.to_vec()));
            assert_eq!(path_of(&text_of(&path)), path, "{name:?}");
        }
        assert_eq!(text_of(Path::new("/a/\u{e4}.md")), "/a/\u{e4}.md");
        let odd = PathBuf::from(OsString::from_vec(b"na\xefve.md".to_vec()));
        assert_eq!(shown(&text_of(&odd)), "na\\xEFve.md");
        assert_ne!(text_of(&odd), text_of(Path::new("na\u{ee41}ve.md")));
    }
}
