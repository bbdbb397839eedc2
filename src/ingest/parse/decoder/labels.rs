//! Names of charsets, as mail and web pages spell them, to charsets we can decode.

use encoding_rs::{EUC_KR, Encoding, GBK, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// A charset we can decode.
#[derive(Clone, Copy)]
pub(super) enum Charset {
    /// ASCII says nothing of other bytes.
    Ascii,
    /// One of the web's encodings.
    Known(&'static Encoding),
    /// Two bytes each, order told by a mark or the text.
    Utf16,
    /// Four bytes each, order told by a mark or the text.
    Utf32,
    /// Switched by escape sequences (ISO 2022, all languages).
    Escapes,
    /// GB 2312 between `~{` and `~}`.
    HzGb2312,
    /// From the mail parser's own tables: UTF-7, code pages of old systems.
    Other(fn(&[u8]) -> String),
}

/// Names that say that nothing is known.
const EMPTY: [&str; 11] = [
    "",
    "unknown-8bit",
    "x-unknown",
    "unknown",
    "default",
    "default_charset",
    "_default_charset_",
    "8bit",
    "binary",
    "none",
    "x-user-defined",
];

/// The charset `label` names, in any spelling; `None` when it names none we know.
pub(super) fn lookup(label: &str) -> Option<Charset> {
    let label = label.trim().trim_matches(['"', '\'', '<', '>', ' ', '=', ';']).to_ascii_lowercase();
    // RFC 2231 allows `charset*language`.
    let label = label.split('*').next().unwrap_or_default().trim();
    if EMPTY.contains(&label) {
        return None;
    }
    let encoding = match label {
        "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" | "cp367" | "ansi" | "7bit" => {
            return Some(Charset::Ascii);
        }
        "utf-16" | "utf16" | "unicode" | "ucs-2" | "iso-10646-ucs-2" | "csunicode" => return Some(Charset::Utf16),
        "utf-32" | "utf32" | "ucs-4" | "utf-32le" | "utf-32be" | "iso-10646-ucs-4" => return Some(Charset::Utf32),
        "hz-gb-2312" | "hz" => return Some(Charset::HzGb2312),
        _ if label.starts_with("iso-2022") || label.starts_with("iso2022") || label.starts_with("csiso2022") => {
            return Some(Charset::Escapes);
        }
        "utf-16be" => Some(UTF_16BE),
        "utf-16le" => Some(UTF_16LE),
        "utf8" | "utf_8" | "utf8mb4" | "cp65001" | "unicode-1-1-utf-8" | "utf-8-sig" | "utf-8n" => Some(UTF_8),
        "chinesebig5" | "big5-eten" | "cp950" | "ms950" => Encoding::for_label(b"big5"),
        "cp936" | "ms936" | "gb2312-80" | "chinese" | "euc-cn" => Some(GBK),
        "cp949" | "uhc" | "ms949" => Some(EUC_KR),
        "cp932" | "ms932" => Encoding::for_label(b"shift_jis"),
        "iso-8859-1" | "latin1" => Some(WINDOWS_1252),
        _ => Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != REPLACEMENT),
    };
    if let Some(encoding) = encoding {
        return Some(Charset::Known(encoding));
    }
    if let Some(encoding) = respelled(label) {
        return Some(Charset::Known(encoding));
    }
    charset_decoder(label.as_bytes()).map(Charset::Other)
}

/// `windows1252`, `win-1251`, `ISO8859-15`, `cp1250` and their like.
fn respelled(label: &str) -> Option<&'static Encoding> {
    let squeezed: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let families = [
        ("windows", "windows-"),
        ("win", "windows-"),
        ("cp", "windows-"),
        ("iso8859", "iso-8859-"),
        ("iso", "iso-"),
        ("koi8", "koi8-"),
        ("utf8", "utf-8"),
    ];
    families
        .iter()
        .filter_map(|(prefix, family)| squeezed.strip_prefix(prefix).map(|rest| format!("{family}{rest}")))
        .find_map(|name| Encoding::for_label(name.as_bytes()).filter(|encoding| *encoding != REPLACEMENT))
}
