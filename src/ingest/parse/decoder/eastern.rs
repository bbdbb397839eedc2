//! Text in the alphabets of two bytes a character that no label names, or a wrong one: told by how many of its pairs of
//! bytes are characters that everybody writes. Accents of the West, read in pairs, hardly ever are.

use encoding_rs::{BIG5, DecoderResult, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS, WINDOWS_1252};

/// The look is at no more than this many bytes.
const LIMIT_BYTES: usize = 64 << 10;
/// Everyday characters among a hundred of a text that is in its alphabet.
const WELL: usize = 65;
/// Fewer characters than these tell nothing.
const FEWEST: usize = 6;

/// What a pair of bytes is in one of the alphabets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pair {
    /// A character of everyday.
    Common,
    /// A mark, or a rare character.
    Other,
    /// None.
    Broken,
}

/// An alphabet and what its pairs are.
type Alphabet = (&'static Encoding, fn(u8, u8) -> Pair);

const ALPHABETS: [Alphabet; 5] =
    [(BIG5, big5), (GBK, gb2312), (EUC_KR, euc_kr), (SHIFT_JIS, shift_jis), (EUC_JP, euc_jp)];

fn big5(lead: u8, trail: u8) -> Pair {
    match (lead, trail) {
        (0xA4..=0xC6, 0x40..=0x7E | 0xA1..=0xFE) => Pair::Common,
        (0x81..=0xFE, 0x40..=0x7E | 0xA1..=0xFE) => Pair::Other,
        _ => Pair::Broken,
    }
}

fn gb2312(lead: u8, trail: u8) -> Pair {
    match (lead, trail) {
        (0xB0..=0xD7, 0xA1..=0xFE) => Pair::Common,
        (0x81..=0xFE, 0x40..=0x7E | 0x80..=0xFE) => Pair::Other,
        _ => Pair::Broken,
    }
}

fn euc_kr(lead: u8, trail: u8) -> Pair {
    match (lead, trail) {
        (0xB0..=0xC8, 0xA1..=0xFE) => Pair::Common,
        (0xA1..=0xFD, 0xA1..=0xFE) => Pair::Other,
        _ => Pair::Broken,
    }
}

fn shift_jis(lead: u8, trail: u8) -> Pair {
    match (lead, trail) {
        (0x82, 0x9F..=0xF1) | (0x83, 0x40..=0x7E | 0x80..=0x96) => Pair::Common,
        (0x88..=0x98, 0x40..=0x7E | 0x80..=0xFC) => Pair::Common,
        (0x81..=0x9F | 0xE0..=0xFC, 0x40..=0x7E | 0x80..=0xFC) => Pair::Other,
        _ => Pair::Broken,
    }
}

fn euc_jp(lead: u8, trail: u8) -> Pair {
    match (lead, trail) {
        (0xA4, 0xA1..=0xF3) | (0xA5, 0xA1..=0xF6) | (0xB0..=0xCF, 0xA1..=0xFE) => Pair::Common,
        (0xA1..=0xFE, 0xA1..=0xFE) => Pair::Other,
        _ => Pair::Broken,
    }
}

/// How well bytes read in an alphabet: everyday characters, all of them, and how many stand beside another.
#[derive(Clone, Copy, Default)]
struct Look {
    common: usize,
    all: usize,
    in_rows: usize,
    /// Signs of syllables, which no other language has: kana.
    syllables: usize,
}

impl Look {
    fn at(bytes: &[u8], kind: fn(u8, u8) -> Pair, is_syllable: fn(u8) -> bool) -> Self {
        let mut look = Self::default();
        let (mut at, mut before) = (0, usize::MAX);
        while let Some(&lead) = bytes.get(at) {
            if lead.is_ascii() {
                at += 1;
                continue;
            }
            let pair = bytes.get(at + 1).map_or(Pair::Broken, |trail| kind(lead, *trail));
            look.all += 1;
            look.common += usize::from(pair == Pair::Common);
            look.in_rows += usize::from(before == at);
            look.syllables += usize::from(pair == Pair::Common && is_syllable(lead));
            at += if pair == Pair::Broken { 1 } else { 2 };
            before = at;
        }
        look
    }

    /// Everyday characters among a hundred.
    fn share(self) -> usize {
        self.common * 100 / self.all.max(1)
    }
}

fn look(bytes: &[u8], (encoding, kind): Alphabet) -> Look {
    let is_syllable: fn(u8) -> bool = match encoding.name() {
        "EUC-JP" => |lead| matches!(lead, 0xA4 | 0xA5),
        "Shift_JIS" => |lead| matches!(lead, 0x82 | 0x83),
        _ => |_| false,
    };
    Look::at(bytes, kind, is_syllable)
}

/// The stretch of `bytes` that is looked at: from the first byte beyond ASCII on.
fn sample(bytes: &[u8]) -> &[u8] {
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
    let rest = &bytes[first..];
    rest.get(..LIMIT_BYTES).unwrap_or(rest)
}

/// The alphabet that nearly all of the bytes beyond ASCII are in, if there is one.
pub(super) fn encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = sample(bytes);
    let looks = ALPHABETS.map(|alphabet| (alphabet.0, look(sample, alphabet)));
    // Kana are in every Japanese text and in no other; read as another alphabet they may pass for letters of it.
    let japanese =
        looks.iter().find(|(_, look)| look.share() >= 85 && look.syllables * 4 >= look.all && look.all >= FEWEST);
    let best = japanese.or_else(|| looks[..3].iter().max_by_key(|(_, look)| look.share()))?;
    let (encoding, look) = *best;
    let is_text = look.common >= FEWEST && look.share() >= 75 && look.in_rows * 2 >= look.all;
    // Korean and Chinese share their places; what is all in those of the smaller alphabet is in that one.
    let is_korean = encoding == GBK && looks[2].1.common * 100 >= look.common * 95;
    let encoding = if is_korean { EUC_KR } else { encoding };
    is_text.then_some(encoding)
}

/// The text of `bytes`, of which some are broken: these are read byte by byte, so that nothing of them is lost.
pub(super) fn patched(encoding: &'static Encoding, bytes: &[u8]) -> String {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::new();
    let mut at = 0;
    loop {
        let rest = &bytes[at..];
        text.reserve(decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len()));
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        at += read;
        match result {
            DecoderResult::Malformed(length, behind) => {
                let end = at.saturating_sub(usize::from(behind));
                let broken = bytes.get(end.saturating_sub(usize::from(length))..end).unwrap_or_default();
                text.push_str(&WINDOWS_1252.decode_without_bom_handling(broken).0);
                if at >= bytes.len() {
                    return text;
                }
            }
            DecoderResult::OutputFull if read > 0 => {}
            _ => return text,
        }
    }
}

/// Whether most of the text is in the alphabet that is stated, whatever else is broken in it.
pub(super) fn fits(stated: &'static Encoding, bytes: &[u8]) -> bool {
    let own = if stated == GB18030 { GBK } else { stated };
    let alphabet = ALPHABETS.iter().find(|(known, _)| *known == own);
    encoding(bytes).is_none_or(|meant| meant == own)
        && alphabet.is_some_and(|alphabet| look(sample(bytes), *alphabet).share() >= WELL)
}

/// The alphabet that was meant by a label of another.
pub(super) fn mended(stated: &'static Encoding, bytes: &[u8]) -> &'static Encoding {
    let own = if stated == GB18030 { GBK } else { stated };
    let Some(alphabet) = ALPHABETS.iter().find(|(known, _)| *known == own) else { return stated };
    let sample = sample(bytes);
    let (stated_look, meant) = (look(sample, *alphabet), encoding(bytes));
    // Every Korean text reads as Chinese; hardly any Chinese one keeps to the places of Korean letters.
    let korean = look(sample, ALPHABETS[2]);
    if own == GBK && korean.common >= 20 && korean.common * 100 >= stated_look.common * 98 {
        return EUC_KR;
    }
    match meant {
        // Only what reads badly as stated and well as another is another.
        Some(meant) if meant != own && stated_look.share() < WELL => meant,
        _ => stated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHINESE: &str = "这是一个测试，我们明天下午在办公室见面，请准时到达。";
    const TAIWAN: &str = "最新台灣省工商名錄，如何在家中利用網路兼職創業。";
    const KOREAN: &str = "오늘 회의가 목요일로 연기되었습니다. 확인 부탁드립니다.";
    const JAPANESE: &str = "会議は木曜日に延期されました。よろしくお願いします。";

    fn all() -> [(&'static Encoding, &'static str); 5] {
        [(GBK, CHINESE), (BIG5, TAIWAN), (EUC_KR, KOREAN), (SHIFT_JIS, JAPANESE), (EUC_JP, JAPANESE)]
    }

    #[test]
    fn every_alphabet_is_told_whatever_is_broken_in_it() {
        for (meant, text) in all() {
            let bytes = meant.encode(text).0;
            assert_eq!(encoding(&bytes), Some(meant), "{text}");
            let broken = [&bytes.repeat(4)[..], b"\xff\n"].concat();
            assert_eq!(encoding(&broken), Some(meant), "{text}, broken");
        }
    }

    #[test]
    fn other_languages_are_not_taken_for_them() {
        for text in [
            "Größe, Maß und Übung für schöne Bäume überall",
            "« Déjà vu » à l'été, où ça coûte 20 € — voilà",
            "Año niñez señor mañana también",
        ] {
            let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(text);
            assert_eq!(encoding(&bytes), None, "{text}");
        }
        assert_eq!(encoding(&b"\xa1".repeat(60)), None, "blanks only");
    }

    #[test]
    fn a_right_label_stays() {
        for (meant, text) in all() {
            let bytes = meant.encode(text).0;
            assert_eq!(mended(meant, &bytes), meant, "{text}");
        }
        assert_eq!(mended(GBK, &BIG5.encode(TAIWAN).0), BIG5);
        assert_eq!(mended(BIG5, &GBK.encode(CHINESE).0), GBK);
    }
}
