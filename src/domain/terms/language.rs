//! Which language a paragraph in Latin letters is written in: counts its function words and the letters only few languages
//! have. Pure; called by `terms`.
//!
//! A guess decides only how words are stemmed in the index, and terms say which language stemmed them. A query looks for
//! its words as every language would stem them, so that both sides need not guess the same.

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use rust_stemmers::Algorithm;

use super::function_words::{ENGLISH, FUNCTION_WORDS, UNKNOWN};

/// A language words in Latin letters are stemmed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English, and whatever is not recognised as another one.
    Plain,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Italian.
    Italian,
    /// Portuguese.
    Portuguese,
    /// Dutch.
    Dutch,
    /// Swedish.
    Swedish,
    /// Norwegian.
    Norwegian,
    /// Danish.
    Danish,
    /// Finnish.
    Finnish,
    /// Hungarian.
    Hungarian,
    /// Romanian.
    Romanian,
    /// Turkish.
    Turkish,
}

use Language::{
    Danish, Dutch, Finnish, French, German, Hungarian, Italian, Norwegian, Plain, Portuguese, Romanian, Spanish,
    Swedish, Turkish,
};

/// Languages known; one more is counted, for those that have no stemmer.
const KNOWN: usize = 14;

impl Language {
    /// Every one, English first.
    pub(super) const ALL: [Self; KNOWN] = [
        Plain, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Norwegian, Danish, Finnish, Hungarian,
        Romanian, Turkish,
    ];

    /// How it stems.
    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Plain => Algorithm::English,
            German => Algorithm::German,
            French => Algorithm::French,
            Spanish => Algorithm::Spanish,
            Italian => Algorithm::Italian,
            Portuguese => Algorithm::Portuguese,
            Dutch => Algorithm::Dutch,
            Swedish => Algorithm::Swedish,
            Norwegian => Algorithm::Norwegian,
            Danish => Algorithm::Danish,
            Finnish => Algorithm::Finnish,
            Hungarian => Algorithm::Hungarian,
            Romanian => Algorithm::Romanian,
            Turkish => Algorithm::Turkish,
        }
    }

    /// The end of its terms: a sign that is no part of any word. `None` for English, whose terms are as they are.
    pub(super) fn mark(self) -> Option<char> {
        const MARKS: [char; KNOWN - 1] = ['¡', '¢', '£', '¤', '¥', '¦', '§', '«', '¬', '°', '±', '¶', '·'];
        MARKS.get((self as usize).checked_sub(1)?).copied()
    }

    /// The language whose mark a term ends with.
    pub(super) fn of_term(term: &str) -> Self {
        // Most terms end with a letter; whoever looks through all of them asks this of each.
        if term.as_bytes().last().is_none_or(u8::is_ascii) {
            return Plain;
        }
        let last = term.chars().next_back();
        Self::ALL.into_iter().find(|language| language.mark().is_some_and(|mark| Some(mark) == last)).unwrap_or(Plain)
    }
}

/// Bits of the languages that have a word, by the word as a number: asked for every short word of every text.
static KNOWN_WORDS: LazyLock<HashMap<u64, u16, RandomState>> = LazyLock::new(|| {
    let mut known: HashMap<u64, u16, RandomState> = HashMap::default();
    let languages = [(Plain as usize, ENGLISH)].into_iter().chain((1..).zip(FUNCTION_WORDS.iter().copied()));
    for (number, words) in languages.chain([(KNOWN, UNKNOWN)]) {
        for word in words.split(' ').filter_map(packed) {
            *known.entry(word).or_default() |= 1 << number;
        }
    }
    known
});

/// A word of at most eight bytes as a number; hardly any function word is longer.
fn packed(word: &str) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..word.len())?.copy_from_slice(word.as_bytes());
    Some(u64::from_le_bytes(bytes))
}

/// What a word counts that only one language has.
const WHOLE: u32 = 60;
/// Whether a paragraph is English is known after so many words, if so much says it.
const SETTLED_AFTER: u32 = 32;
const SETTLED_BY: u32 = WHOLE * 4;

/// What speaks for which language.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    words: u32,
    counts: [u32; KNOWN + 1],
    /// How many words and letters they are from.
    signs: [u32; KNOWN + 1],
    /// So clearly English that no more words need to be looked up.
    is_settled: bool,
}

impl Evidence {
    /// Notes a folded word.
    pub(super) fn word(&mut self, folded: &str) {
        if self.is_settled {
            return;
        }
        self.words += 1;
        if self.words.is_multiple_of(SETTLED_AFTER) {
            let others = self.counts[1..].iter().max().copied().unwrap_or(0);
            self.is_settled = self.counts[Plain as usize] > SETTLED_BY.max(others * 3);
        }
        if let Some(languages) = packed(folded).and_then(|word| KNOWN_WORDS.get(&word)) {
            self.add(*languages, WHOLE);
        }
    }

    /// Notes the letters of a word as it is written.
    pub(super) fn letters(&mut self, written: &str) {
        for character in written.chars().filter(|character| !character.is_ascii()) {
            let lower = character.to_lowercase().next().unwrap_or(character);
            let (languages, weight): (&[Language], u32) = match lower {
                'ß' => (&[German], WHOLE),
                'ä' => (&[German, Swedish, Finnish], WHOLE),
                'ö' => (&[German, Swedish, Finnish, Hungarian, Turkish], WHOLE),
                'ü' => (&[German, Hungarian, Turkish], WHOLE),
                'ñ' => (&[Spanish], WHOLE),
                'ã' | 'õ' => (&[Portuguese], WHOLE),
                'œ' | 'ù' | 'û' => (&[French], WHOLE / 2),
                'ê' => (&[French, Portuguese], WHOLE / 2),
                'ç' => (&[French, Portuguese, Turkish], WHOLE / 2),
                'è' => (&[French, Italian], WHOLE / 2),
                'à' | 'ì' | 'ò' => (&[Italian, French], WHOLE / 2),
                'ő' | 'ű' => (&[Hungarian], WHOLE),
                'ı' | 'ğ' => (&[Turkish], WHOLE),
                'ş' => (&[Turkish, Romanian], WHOLE),
                'ț' | 'ș' | 'ă' | 'ţ' => (&[Romanian], WHOLE),
                'å' => (&[Swedish, Norwegian, Danish], WHOLE),
                'ø' | 'æ' => (&[Norwegian, Danish], WHOLE),
                'ą' | 'ę' | 'ł' | 'ś' | 'ż' | 'ź' | 'ć' | 'č' | 'ř' | 'ž' | 'š' | 'đ' | 'ů' | 'ě' | 'ń' | 'ơ' | 'ư'
                | 'ā' | 'ē' | 'ī' | 'ū' | 'ģ' | 'ķ' | 'ļ' | 'ņ' | 'ė' | 'į' | 'ų' => {
                    self.add(1 << KNOWN, WHOLE);
                    continue;
                }
                '\u{1ea0}'..='\u{1ef9}' => {
                    self.add(1 << KNOWN, WHOLE);
                    continue;
                }
                _ => continue,
            };
            self.add(languages.iter().fold(0, |bits, language| bits | 1 << (*language as u16)), weight);
        }
    }

    fn add(&mut self, languages: u16, weight: u32) {
        let share = weight / languages.count_ones().max(1);
        let mut left = languages;
        while left != 0 {
            let number = left.trailing_zeros() as usize;
            self.counts[number] += share;
            self.signs[number] += 1;
            left &= left - 1;
        }
    }

    /// Adds what was found elsewhere in the same text.
    pub(super) fn join(&mut self, other: &Self) {
        self.words += other.words;
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
        self.signs.iter_mut().zip(&other.signs).for_each(|(sum, count)| *sum += count);
    }

    /// The language it speaks for; `None` when it says too little.
    pub(super) fn language(&self) -> Option<Language> {
        let (best, most) = (0..).zip(self.counts).max_by_key(|(number, count)| (*count, usize::MAX - number))?;
        let second = (0..).zip(self.counts).filter(|(number, _)| *number != best).map(|(_, count)| count).max();
        // What English has in common with others must be said against them clearly.
        let rival = if best == Plain as usize { second.unwrap_or(0) } else { self.counts[Plain as usize] };
        let enough = if self.words <= 12 { WHOLE * 9 / 10 } else { WHOLE * 3 / 2 };
        // A single sign may be a name.
        let is_clear = self.signs[best] > 1
            && most >= enough
            && most * 10 >= rival * 13
            && u64::from(most) * 12 >= u64::from(self.words * WHOLE);
        is_clear.then(|| Language::ALL.get(best).copied().unwrap_or(Plain))
    }
}

#[cfg(test)]
mod tests {
    use super::super::language_of;
    use super::*;

    #[test]
    fn function_words_tell_languages_apart() {
        for (text, language) in [
            ("The house stands next to the river, and nobody has lived in it for years.", Plain),
            ("Die Häuser stehen neben dem Haus und die Strasse ist gesperrt.", German),
            ("Les maisons sont dans la rue et le jardin est derrière.", French),
            ("Las casas están en la calle y el jardín está detrás.", Spanish),
            ("Le case sono nella strada e il giardino è dietro di loro.", Italian),
            ("As casas estão na rua e o jardim fica atrás, mas não é nosso.", Portuguese),
            ("De huizen staan naast het kerkje en zijn niet van ons.", Dutch),
            ("Husen står bredvid kyrkan och är inte våra, men det går bra.", Swedish),
            ("Husene står ved siden av kirken og er ikke våre, men jeg liker dem.", Norwegian),
            ("Husene ligger ved siden af kirken og er ikke vores, men jeg kan godt lide dem.", Danish),
            ("Talot ovat kirkon vieressä ja ne eivät ole meidän, mutta se on hyvä.", Finnish),
            ("A házak a templom mellett állnak, és nem a mieink, de ez jó.", Hungarian),
            ("Casele sunt lângă biserică și nu sunt ale noastre, dar este bine.", Romanian),
            ("Evler kilisenin yanında ve bizim değil, ama bu çok iyi.", Turkish),
            ("error: cannot find value `x` in this scope --> src/main.rs:3:5", Plain),
            ("2024-01-05 INFO request id=17 path=/api/v1/items status=200", Plain),
            ("Łódź i Wrocław, zażółć gęślą jaźń", Plain),
            ("El año del niño", Spanish),
            ("Işık açık kaldı. IŞIK söndü.", Turkish),
        ] {
            assert_eq!(language_of(text), language, "{text}");
        }
    }

    #[test]
    fn marks_are_told_apart_and_are_no_letters() {
        for language in Language::ALL {
            let term = format!("haus{}", language.mark().map(String::from).unwrap_or_default());
            assert_eq!(Language::of_term(&term), language);
            assert!(language.mark().is_none_or(|mark| !mark.is_alphanumeric()));
        }
    }
}
