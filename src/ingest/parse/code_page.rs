//! Windows code page numbers, as RTF and TNEF name the encoding of their text. Called by `rtf` and `mail::tnef`.

use encoding_rs::{Encoding, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;

/// An encoding that a number stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum CodePage {
    /// One that the web knows.
    Known(&'static Encoding),
    /// One of DOS.
    Old(fn(&[u8]) -> String),
}

impl CodePage {
    /// Windows Latin: what is meant when nobody says.
    pub(super) const DEFAULT: Self = Self::Known(WINDOWS_1252);

    /// The encoding behind a number; `None` for numbers nobody uses.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        let label = label(number);
        let known = Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != encoding_rs::REPLACEMENT);
        known.map(Self::Known).or_else(|| charset_decoder(label.as_bytes()).map(Self::Old))
    }

    /// The text of bytes in it.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Known(encoding) => {
                // Some writers put UTF-8 where one byte a character was promised.
                if encoding.is_single_byte()
                    && !bytes.is_ascii()
                    && let Ok(text) = std::str::from_utf8(bytes)
                {
                    return text.to_owned();
                }
                encoding.decode_without_bom_handling(bytes).0.into_owned()
            }
            Self::Old(decoder) => decoder(bytes),
        }
    }
}

/// The charset label of a code page.
pub(super) fn label(number: u32) -> String {
    match number {
        437 | 850 | 852 | 855 | 857 | 858 | 860..=865 => format!("cp{number}"),
        866 => "ibm866".to_owned(),
        874 => "windows-874".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 | 1361 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        1200 => "utf-16le".to_owned(),
        1201 => "utf-16be".to_owned(),
        10000 => "macintosh".to_owned(),
        10007 => "x-mac-cyrillic".to_owned(),
        20127 => "us-ascii".to_owned(),
        20866 => "koi8-r".to_owned(),
        20932 | 51932 => "euc-jp".to_owned(),
        21866 => "koi8-u".to_owned(),
        28591..=28606 => format!("iso-8859-{}", number - 28590),
        38598 => "iso-8859-8-i".to_owned(),
        50220..=50222 => "iso-2022-jp".to_owned(),
        51936 => "gb2312".to_owned(),
        51949 => "euc-kr".to_owned(),
        54936 => "gb18030".to_owned(),
        65000 => "utf-7".to_owned(),
        65001 => "utf-8".to_owned(),
        _ => format!("windows-{number}"),
    }
}

/// The code page of a font's character set (`\fcharset`, LOGFONT): `None` where it says nothing.
pub(super) fn of_font_charset(charset: i32) -> Option<CodePage> {
    let number = match charset {
        77 => 10000,
        128 => 932,
        129 => 949,
        130 => 1361,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177..=181 if charset == 177 || charset == 181 => 1255,
        178..=180 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        254 => 437,
        255 => 850,
        _ => return None,
    };
    CodePage::from_number(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_font_charsets_have_encodings() {
        let text = |number: u32, bytes: &[u8]| CodePage::from_number(number).unwrap().decode(bytes);
        assert_eq!(text(1251, b"\xcf\xf0\xe8\xe2\xe5\xf2"), "Привет");
        assert_eq!(text(850, b"\x81ber"), "über");
        assert_eq!(text(932, b"\x83n\x83\x8d\x81["), "ハロー");
        assert_eq!(text(28605, b"\xa4"), "€");
        assert_eq!(of_font_charset(238).unwrap().decode(b"\xb3\xf3d\x9f"), "łódź");
        assert!(of_font_charset(0).is_none() && CodePage::from_number(99_999).is_none());
        assert_eq!(CodePage::DEFAULT.decode("größe".as_bytes()), "größe", "UTF-8 where Latin was said");
    }
}
