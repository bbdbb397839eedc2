//! Text strings outside content streams: titles, notes, field values. Pure.

/// PDFDocEncoding from 0x18 to 0x1f and 0x80 to 0xa0, where it is not Latin-1.
const LOW: &str = "\u{2d8}\u{2c7}\u{2c6}\u{2d9}\u{2dd}\u{2db}\u{2da}\u{2dc}";
const HIGH: &str = "•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž\u{fffd}€";

/// UTF-16 or UTF-8 with a mark, else PDFDocEncoding.
pub(super) fn text(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => {
            let text = encoding.decode_without_bom_handling(&bytes[mark..]).0;
            without_language(&text)
        }
        None => bytes
            .iter()
            .map(|byte| match byte {
                0x18..=0x1f => LOW.chars().nth(usize::from(*byte) - 0x18).unwrap_or(' '),
                0x80..=0xa0 => HIGH.chars().nth(usize::from(*byte) - 0x80).unwrap_or(' '),
                _ => char::from(*byte),
            })
            .collect(),
    }
}

/// On one line, without controls.
pub(super) fn line(bytes: &[u8]) -> String {
    text(bytes).chars().filter(|character| !character.is_control()).collect::<String>().trim().to_owned()
}

/// Language marks between escapes are no text.
fn without_language(text: &str) -> String {
    text.split('\u{1b}').enumerate().filter(|(index, _)| index % 2 == 0).map(|(_, part)| part).collect()
}
