//! Lines that introduce a quote: "On Monday, Ann wrote:" in many languages, also broken over lines.
//!
//! Pure tests on text; called by `quotes`.

/// "wrote" in the languages whose mailers write it, lower-case.
const VERBS: [&str; 66] = [
    "wrote",
    "writes",
    "said",
    "says",
    "schrieb",
    "schreibt",
    "geschrieben",
    "a écrit",
    "a ecrit",
    "écrivait",
    "écrit",
    "a répondu",
    "escribió",
    "escribio",
    "escribía",
    "ha scritto",
    "scrisse",
    "scriveva",
    "ha escrit",
    "va escriure",
    "escreveu",
    "escrebeu",
    "schreef",
    "heeft geschreven",
    "geschreven",
    "skrev",
    "skreiv",
    "skrifaði",
    "kirjoitti",
    "napsal",
    "napísal",
    "napisał",
    "napisała",
    "napisao",
    "napisala",
    "je napisal",
    "pisze",
    "píše",
    "a scris",
    "írta",
    "rašė",
    "rakstīja",
    "kirjutas",
    "shkroi",
    "yazdı",
    "yazmış",
    "đã viết",
    "viết",
    "menulis",
    "написал",
    "написала",
    "написав",
    "пишет",
    "пише",
    "писал",
    "написа",
    "έγραψε",
    "כתב",
    "كتب",
    "نوشت",
    "เขียน",
    "写道",
    "寫道",
    "写到",
    "님이 작성",
    "書きました",
];

/// How an attribution starts when it has no verb or spans lines, lower-case.
const OPENINGS: [&str; 45] = [
    "on ",
    "am ",
    "le ",
    "el ",
    "il ",
    "il giorno ",
    "op ",
    "em ",
    "den ",
    "dne ",
    "dňa ",
    "dnia ",
    "w dniu ",
    "w liście ",
    "vào ",
    "pe ",
    "la data ",
    "în data ",
    "la ",
    "на ",
    "στις ",
    "at ",
    "in article",
    "in message",
    "in ",
    "quoting ",
    "thus spake",
    "--- on",
    "--- am",
    "--- le",
    "---",
    "* ",
    "*** ",
    "von ",
    "from ",
    "à ",
    "a(z) ",
    "kuna ",
    "quoth ",
    "date: ",
    "пользователь ",
    "mnemonic ",
    "this one time, ",
    "zitat von ",
    "citando ",
];

const MONTHS: [&str; 30] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mär", "mai", "okt", "dez",
    "janv", "fév", "avr", "juin", "juil", "août", "déc", "ene", "abr", "ago", "dic", "gen", "янв", "年",
];

/// Longest attribution, in bytes; real ones with two long addresses stay well below.
pub(super) const LENGTH_LIMIT: usize = 500;

fn has_address(text: &str) -> bool {
    text.char_indices().any(|(at, character)| {
        let before = text.get(..at).unwrap_or_default().chars().next_back();
        let after = text.get(at + 1..).unwrap_or_default().chars().next();
        character == '@'
            && before.is_some_and(|character| !character.is_whitespace())
            && after.is_some_and(char::is_alphanumeric)
    }) || text.contains("<mailto:")
}

/// Whether the text has a date in it: a year and a month or two separators, or a clock time.
fn has_date(text: &str) -> bool {
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let lower = text.to_lowercase();
    let has_time = lower.split(|character: char| !character.is_ascii_digit() && character != ':').any(|word| {
        word.split_once(':').is_some_and(|(hour, rest)| {
            (1..=2).contains(&hour.len())
                && rest.get(..2).is_some_and(|minute| minute.bytes().all(|b| b.is_ascii_digit()))
        })
    });
    let has_numbers = lower
        .split(|character: char| !character.is_ascii_digit() && !"./-".contains(character))
        .any(|word| word.split(['.', '/', '-']).filter(|field| !field.is_empty()).count() == 3 && word.len() >= 6);
    let has_month = lower.split(|character: char| !character.is_alphabetic()).any(|word| {
        !word.is_empty() && MONTHS.iter().any(|month| word.starts_with(month)) && word.chars().count() <= 10
    });
    has_numbers || has_month || has_time
}

/// Whether `text` (lower-case) has the verb as a word of its own near its end.
fn ends_with_verb(text: &str) -> bool {
    let text = text.trim_end_matches([':', '：', ' ', '.', '…', '-', ')', '(', '*', '>', '،']);
    VERBS.iter().any(|verb| {
        let Some(at) = text.rfind(verb) else { return false };
        let before = text.get(..at).unwrap_or_default().chars().next_back();
        let after = text.get(at + verb.len()..).unwrap_or_default();
        let is_word = before.is_none_or(|character| !character.is_alphanumeric())
            || !verb.chars().next().is_some_and(|first| first.is_alphabetic() && first < '\u{0e00}');
        // In some languages the name follows the verb: `schrieb Ann Lee <ann@x.org>:`, `написал(а)`, `a écrit :`.
        is_word && after.chars().count() <= 120 && !after.contains(". ")
    })
}

/// How surely a text is an attribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sureness {
    /// It is none.
    No,
    /// Only when a quote follows at once: `Ann wrote:`.
    BeforeQuote,
    /// Also without quote marks behind it: it has a date or address, a verb and a colon.
    Alone,
}

/// Judges one or more lines joined by blanks.
pub(super) fn judge(text: &str) -> Sureness {
    let text = text.trim().trim_matches('*').trim();
    if text.is_empty() || text.len() > LENGTH_LIMIT {
        return Sureness::No;
    }
    let ends_with_colon = text.ends_with([':', '：']);
    let lower = text.to_lowercase();
    let opens = OPENINGS.iter().any(|opening| lower.starts_with(opening))
        || lower.starts_with(|first: char| first.is_ascii_digit() || "\"'<[(".contains(first));
    let tells_when_or_who = has_date(text) || has_address(text);
    if !ends_with_colon && !tells_when_or_who {
        return Sureness::No;
    }
    if ends_with_verb(&lower) {
        // `…, Ann wrote:` at the end of a long sentence is prose when it says neither when nor who and is not short.
        return match (tells_when_or_who && ends_with_colon && has_date(text), tells_when_or_who || text.len() <= 100) {
            (true, _) => Sureness::Alone,
            (false, true) => Sureness::BeforeQuote,
            (false, false) => Sureness::No,
        };
    }
    // `2012/4/2 Ann Lee <ann@x.org>`, `* Ann Lee <ann@x.org> [2012-04-02 10:00]:`, `Quoting Ann <ann@x.org>:`.
    if has_address(text) && (opens || ends_with_colon) && (has_date(text) || ends_with_colon) && text.len() <= 240 {
        return if has_date(text) && ends_with_colon { Sureness::Alone } else { Sureness::BeforeQuote };
    }
    // `On Sun, Aug 11, 2002, Kate mentioned:`: any verb will do when a quote follows.
    if opens && ends_with_colon && has_date(text) && text.len() <= 240 {
        return Sureness::BeforeQuote;
    }
    Sureness::No
}

/// Whether the text can be the first line of an attribution that goes on in the next.
pub(super) fn can_open(text: &str) -> bool {
    if text.len() > LENGTH_LIMIT {
        return false;
    }
    let lower = text.trim().trim_start_matches('*').to_lowercase();
    OPENINGS.iter().any(|opening| lower.starts_with(opening)) || has_date(text) || has_address(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributions_in_many_languages() {
        for text in [
            "On Mon, Apr 2, 2012 at 6:26 PM, Megan One <xxx@gmail.com> wrote:",
            "On 04/02/2012 06:26 PM, Megan One wrote:",
            "Am 02.04.2012 um 18:26 schrieb Megan One:",
            "Am 2. April 2012 18:26 schrieb Megan One <xxx@gmail.com>:",
            "Le 2 avr. 2012 à 18:26, Megan One a écrit :",
            "El lun., 2 abr. 2012 a las 18:26, Megan (<m@x.org>) escribió:",
            "Il giorno lun 2 apr 2012 alle ore 18:26 Megan <m@x.org> ha scritto:",
            "Op ma 2 apr. 2012 om 18:26 schreef Megan <m@x.org>:",
            "Em seg., 2 de abr. de 2012 às 18:26, Megan <m@x.org> escreveu:",
            "Den mån 2 apr. 2012 kl 18:26 skrev Megan <m@x.org>:",
            "W dniu 02.04.2012 o 18:26, Megan pisze:",
            "пн, 2 апр. 2012 г. в 18:26, Megan <m@x.org>:",
            "02.04.2012 14:20 пользователь \"bob@x.org\" <bob@x.org> написал:",
            "在 2012年4月2日 下午6:26，Megan <m@x.org>写道：",
            "2 Nis 2012 Pzt, 18:26 tarihinde Megan <m@x.org> şunu yazdı:",
            "Thu, 26 Jun 2014 14:00:51 +0400 от Alexander L <a@example.com>:",
            "2012/4/2 Megan <m@x.org>:",
        ] {
            assert_eq!(judge(text), Sureness::Alone, "{text}");
        }
        for text in [
            "Ann wrote:",
            "Ann Lee <ann@x.org> writes:",
            "In article <1@x>, ann@x.org says...",
            "Quoting Ann <a@x.org>:",
        ] {
            assert!(judge(text) >= Sureness::BeforeQuote, "{text}");
        }
    }

    #[test]
    fn prose_is_none() {
        for text in [
            "We met on Monday and Ann said she would come.",
            "Please note the following:",
            "On Monday we start at 10:00, as always.",
            "Here is what I wrote about it in the long report that nobody has ever read since, sad as that may be for all of us:",
            "Contact: ann@x.org",
            "",
        ] {
            assert_eq!(judge(text), Sureness::No, "{text}");
        }
    }
}
