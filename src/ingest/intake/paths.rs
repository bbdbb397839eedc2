//! Paths as people give them: typed, pasted, dropped on the terminal. Pure but for the current folder and HOME.

use std::path::{Path, PathBuf};

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
