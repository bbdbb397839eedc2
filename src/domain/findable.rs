//! What makes every document findable: its title where it has no text, and the names that belong to it.
//!
//! Called by `ingest::pipeline` for what comes in, and by the stores for what older versions left without. Pure.

use std::collections::HashSet;
use std::path::Path;

use super::chunk::{ChunkKind, NewChunk, Place};
use super::document::SourceType;
use super::person::{PersonMention, PersonRole};
use super::{terms, wordpiece};

/// Names of attachments, and names of people, take at most this many bytes each: a list of nine hundred recipients must
/// not weigh more than what it was sent. The filters (`with:`) know all of them.
const MOST_BYTES: usize = 4_096;
/// Longest name or address that is kept whole, in characters.
const LONGEST_NAME: usize = 120;
/// A name that falls into more words than this is a code, and is found as it stands.
const MOST_WORDS: usize = 24;

/// Letters between numbers are a word from so many on.
const SHORTEST_WORD: usize = 3;

/// Sorts of names, as a hit's place says them.
const FILE_NAME: &str = "file name";
const ATTACHMENT_NAMES: &str = "attachment names";
const PEOPLE: &str = "people";

/// What is known of a document besides its text.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its title.
    pub title: &'a str,
    /// What it was read as.
    pub source_type: SourceType,
    /// The file it was read from.
    pub source_path: &'a str,
    /// Whether it is one of many in that file: then the file's name is not its own.
    pub is_part: bool,
    /// People it names.
    pub people: &'a [PersonMention],
    /// Names of its attachments.
    pub attachments: &'a [String],
}

/// Completes the chunks of a document: without any text the title is one (of no words: nothing is made up to be read),
/// and its names come last.
pub fn complete(chunks: &mut Vec<NewChunk>, known: &Known<'_>) {
    if !chunks.iter().any(|chunk| chunk.kind.is_text()) {
        chunks.insert(0, title_chunk(known));
    }
    chunks.extend(names_chunk(known));
    for (ordinal, chunk) in (0..).zip(chunks) {
        chunk.ordinal = ordinal;
    }
}

/// The text of a document that has none: title and sender are found by words and by meaning, there is nothing to read.
#[must_use]
pub fn title_chunk(known: &Known<'_>) -> NewChunk {
    let mut context = known.title.to_owned();
    if let Some(sender) = sender(known.people) {
        context.push('\n');
        context.push_str(&sender);
    }
    of(ChunkKind::Body, context, String::new(), Place::default())
}

/// The names that belong to a document, one line a sort; `None` when its title says all of them.
#[must_use]
pub fn names_chunk(known: &Known<'_>) -> Option<NewChunk> {
    let sorts = [
        (FILE_NAME, file_name(known).unwrap_or_default()),
        (ATTACHMENT_NAMES, list(known.attachments.iter().map(|name| with_words(name)))),
        (PEOPLE, list(people(known.people))),
    ];
    let (labels, lines): (Vec<&str>, Vec<String>) = sorts.into_iter().filter(|(_, line)| !line.is_empty()).unzip();
    if lines.is_empty() {
        return None;
    }
    let place = Place { headings: labels.into_iter().map(str::to_owned).collect(), ..Place::default() };
    Some(of(ChunkKind::Names, String::new(), lines.join("\n"), place))
}

/// The sorts of names that hold one of the words, when a chunk of names with these sorts (as [`Place::label`] joins them)
/// and this text was found; all of them when none does.
#[must_use]
pub fn sorts_found(label: &str, text: &str, is_match: impl Fn(&str) -> bool) -> String {
    let sorts: Vec<&str> = label.split(" › ").collect();
    let holds = |line: &str| {
        let mut found = false;
        terms::each_token(line, |_, term| found = found || is_match(term));
        found
    };
    let found: Vec<&str> =
        sorts.iter().zip(text.lines()).filter(|(_, line)| holds(line)).map(|(sort, _)| *sort).collect();
    if found.is_empty() { sorts.join(", ") } else { found.join(", ") }
}

/// The sender as the context of every text names them: searching for a name finds their mail.
#[must_use]
pub fn sender(people: &[PersonMention]) -> Option<String> {
    let person = people.iter().find(|person| is_sender(person))?;
    match (&person.name, &person.email) {
        (Some(name), _) if !name.trim().is_empty() => Some(name.trim().to_owned()),
        (_, email) => email.clone(),
    }
}

fn is_sender(person: &PersonMention) -> bool {
    matches!(person.role, PersonRole::From | PersonRole::Author)
}

/// A chunk of which nothing is embedded.
pub(super) fn of(kind: ChunkKind, context: String, text: String, place: Place) -> NewChunk {
    NewChunk {
        pieces: Vec::new(),
        ordinal: 0,
        kind,
        overlap_bytes: 0,
        place,
        token_count: u32::try_from(wordpiece::count(&text)).unwrap_or(u32::MAX),
        text_sha256: NewChunk::hash(&context, &text),
        terms: terms::chunk_terms(&context, &text),
        vector: None,
        context,
        text,
    }
}

/// The stem of the document's own file, when it has one and the title does not say it all.
fn file_name(known: &Known<'_>) -> Option<String> {
    let path = Path::new(known.source_path);
    let is_in_maildir = || {
        let folder = path.parent().and_then(Path::file_name);
        folder.is_some_and(|name| ["cur", "new", "tmp"].iter().any(|known| name == *known))
    };
    let is_mail = known.source_type == SourceType::Mail;
    if known.is_part || known.source_type == SourceType::Note || (is_mail && is_in_maildir()) {
        return None;
    }
    let name = with_words(&path.file_stem()?.to_string_lossy());
    let said: HashSet<String> = terms::tokens(known.title).into_iter().map(|token| token.term).collect();
    let says_more = terms::tokens(&name).iter().any(|token| !said.contains(&token.term));
    says_more.then_some(name)
}

/// Everybody once, with name and address; of the sender only the address, for the name stands with every text.
fn people(people: &[PersonMention]) -> impl Iterator<Item = String> {
    let mut seen = HashSet::new();
    let mut has_sender = false;
    people.iter().filter_map(move |person| {
        let is_sender = is_sender(person) && !has_sender;
        has_sender |= is_sender;
        let part = |part: &Option<String>| {
            part.as_deref().unwrap_or_default().trim().chars().take(LONGEST_NAME).collect::<String>()
        };
        let (name, email) = (part(&person.name), part(&person.email));
        let address = match email.split_once('@') {
            Some((local, domain)) => match words_of(local) {
                Some(words) => format!("{email} ({words} {domain})"),
                None => email.clone(),
            },
            None => email.clone(),
        };
        let shown = match (is_sender, name.is_empty()) {
            (true, true) => String::new(),
            (true, false) => address,
            (false, _) => [name, address].join(" ").trim().to_owned(),
        };
        (!shown.is_empty() && seen.insert(shown.clone())).then_some(shown)
    })
}

/// Names on one line, as many as there is room for.
fn list(names: impl Iterator<Item = String>) -> String {
    let mut line = String::new();
    for name in names {
        // A name is one line, whatever is in it.
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let name = name.trim();
        if name.is_empty() || line.len() + name.len() > MOST_BYTES {
            continue;
        }
        if !line.is_empty() {
            line.push_str(" · ");
        }
        line.push_str(name);
    }
    line
}

/// A name, and behind it the words it is made of when they are written together.
fn with_words(name: &str) -> String {
    let name: String = name.chars().take(LONGEST_NAME).collect();
    match words_of(&name) {
        Some(words) => format!("{name} ({words})"),
        None => name,
    }
}

/// The words of a name that are not found as it stands: `Zahnarzt_2023`, `InvoiceMarch`, `HTMLNotes`, `Rechnung2023`.
fn words_of(name: &str) -> Option<String> {
    if !is_written_together(name) {
        return None;
    }
    let (with_numbers, numbers_apart) = (cut(name, false), cut(name, true));
    let known: HashSet<&str> = with_numbers.split_whitespace().collect();
    // `5fcb86` and `v2` are no words and numbers written together.
    let is_scrap = |word: &str| word.chars().count() < SHORTEST_WORD && word.chars().all(char::is_alphabetic);
    let makes_scraps = numbers_apart.split_whitespace().any(|word| is_scrap(word) && !known.contains(word));
    let words: Vec<&str> = if makes_scraps { &with_numbers } else { &numbers_apart }.split_whitespace().collect();
    if words.len() > MOST_WORDS {
        return None;
    }
    let words = words.join(" ");
    let as_it_stands: HashSet<String> = terms::tokens(name).into_iter().map(|token| token.term).collect();
    terms::tokens(&words).iter().any(|token| !as_it_stands.contains(&token.term)).then_some(words)
}

/// Whether a name may hold words that are not found as it stands; most do not, and need no further look.
fn is_written_together(name: &str) -> bool {
    let mut before = ' ';
    name.chars().any(|character| {
        let last = std::mem::replace(&mut before, character);
        character == '_'
            || last.is_alphabetic() && (character.is_uppercase() || character.is_numeric())
            || last.is_numeric() && character.is_alphabetic()
    })
}

/// A name with blanks for whatever is no letter and no number, and where a new word begins with a capital; numbers are
/// cut off from letters when they are to stand apart.
fn cut(name: &str, numbers_apart: bool) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut words = String::with_capacity(name.len() + 8);
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(at + 1);
        let starts = before.is_some_and(|before| {
            let from_lower = before.is_lowercase() && character.is_uppercase();
            let from_capitals =
                before.is_uppercase() && character.is_uppercase() && after.is_some_and(|after| after.is_lowercase());
            let meets_number =
                before.is_alphabetic() && character.is_numeric() || before.is_numeric() && character.is_alphabetic();
            from_lower || from_capitals || numbers_apart && meets_number
        });
        if starts {
            words.push(' ');
        }
        words.push(if character.is_alphanumeric() || is_mark(*character) { *character } else { ' ' });
    }
    words
}

/// Accents written as characters of their own belong to the letter before.
fn is_mark(character: char) -> bool {
    unicode_normalization::char::is_combining_mark(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Known<'static> = Known {
        title: "Photos",
        source_type: SourceType::Mail,
        source_path: "/mail/photos.eml",
        is_part: false,
        people: &[],
        attachments: &[],
    };

    fn person(name: &str, email: &str, role: PersonRole) -> PersonMention {
        let of = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        PersonMention { name: of(name), email: of(email), role }
    }

    fn names(known: &Known<'_>) -> String {
        names_chunk(known).map_or_else(String::new, |chunk| chunk.text)
    }

    fn has(known: &Known<'_>, word: &str) -> bool {
        let wanted = terms::terms_of(word).remove(0);
        names_chunk(known).is_some_and(|chunk| chunk.terms.split(' ').any(|term| term == wanted))
    }

    #[test]
    fn a_document_without_text_is_its_title_and_shows_nothing() {
        let people = [person("Ann", "ann@example.org", PersonRole::From)];
        let known = Known { people: &people, ..NOBODY };
        let quoted = of(ChunkKind::Quoted, String::new(), "> old".to_owned(), Place::default());
        let mut chunks = vec![quoted];
        complete(&mut chunks, &known);
        assert_eq!(chunks.iter().map(|chunk| chunk.ordinal).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((chunks[0].kind, chunks[0].text.as_str()), (ChunkKind::Body, ""));
        assert_eq!(chunks[0].context, "Photos\nAnn");
        assert_eq!(chunks[0].terms, "photo ann");
        assert_eq!((chunks[2].kind, chunks[2].text.as_str()), (ChunkKind::Names, "ann@example.org"));
        let mut with_text = vec![of(ChunkKind::Body, "Photos".to_owned(), "here".to_owned(), Place::default())];
        complete(&mut with_text, &NOBODY);
        assert_eq!(with_text.len(), 1, "a title that says the file's name leaves nothing to add");
    }

    #[test]
    fn stems_are_found_by_their_words() {
        let of = |path| Known { title: "Contents", source_type: SourceType::Pdf, source_path: path, ..NOBODY };
        for (path, words) in [
            ("/a/2024-03 Zahnarztrechnung Kopie.pdf", &["zahnarztrechnung", "kopie", "2024"][..]),
            ("/a/Zahnarztrechnung_2023-08.pdf", &["zahnarztrechnung", "2023", "zahnarztrechnung_2023"]),
            ("/a/QuarterlyReportFinal.pdf", &["quarterly", "report", "final"]),
            ("/a/HTMLNotes.pdf", &["html", "notes"]),
            ("/a/Rechnung2023.pdf", &["rechnung", "2023"]),
            ("/a/会議メモ.pdf", &["会議"]),
            ("/a/Gehaltsübersicht.v2.pdf", &["gehaltsubersicht"]),
        ] {
            for word in words {
                assert!(has(&of(path), word), "{word} in {path}: {}", names(&of(path)));
            }
        }
        assert!(!has(&of("/holiday/x.pdf"), "holiday"), "folders have names of their own");
        assert!(!has(&of("/a/x.pdf"), "pdf"));
        assert_eq!(names(&of("/a/Contents.pdf")), "");
    }

    #[test]
    fn a_title_made_of_the_stem_says_it() {
        let known = Known { title: "one two", source_type: SourceType::Text, source_path: "/one-two.txt", ..NOBODY };
        assert_eq!(names(&known), "");
        assert!(has(&Known { source_path: "/one_two.txt", ..known }, "one_two"), "as it stands");
        let known =
            Known { title: "My file_name", source_type: SourceType::Text, source_path: "/My file_name.txt", ..NOBODY };
        assert_eq!(names(&known), "", "a title is found by the words it is made of");
    }

    #[test]
    fn codes_are_not_taken_apart() {
        for code in ["00435.5fcb8673ad1922e806a0505769985c69", "IMG_v2", "aB1b2C3d"] {
            let words = words_of(code).unwrap_or_default();
            assert!(!words.split(' ').any(|word| ["fcb", "v", "b", "ad"].contains(&word)), "{words}");
        }
        assert_eq!(words_of("Rechnung2023_v2"), None, "its words are terms beside it");
        assert_eq!(words_of("Rechnung2023").as_deref(), Some("Rechnung 2023"));
    }

    #[test]
    fn messages_of_archives_and_maildirs_do_not_go_by_the_file() {
        for (path, is_part) in [("/m/All mail.mbox", true), ("/m/cur/1204680122.27c448.host:2,S", false)] {
            assert_eq!(names(&Known { source_path: path, is_part, ..NOBODY }), "");
        }
        assert!(has(&Known { source_path: "/m/Vertrag.eml", ..NOBODY }, "vertrag"));
        assert_eq!(names(&Known { source_type: SourceType::Note, source_path: "note", ..NOBODY }), "");
    }

    #[test]
    fn attachments_and_people_are_found_by_their_words() {
        let attachments =
            ["Gletscherspalte_2023.jpg".to_owned(), "Reisekosten.xlsx".to_owned(), "invoice-platypus.zip".to_owned()];
        let people = [
            person("Ann Sender", "ann@example.org", PersonRole::From),
            person("Dora Empfang", "dora.empfang@example.org", PersonRole::To),
            person("", "max_muster@example.org", PersonRole::Cc),
            person("Dora Empfang", "dora.empfang@example.org", PersonRole::Cc),
        ];
        let known = Known { attachments: &attachments, people: &people, ..NOBODY };
        for word in ["gletscherspalte", "reisekosten", "platypus", "ann", "dora", "empfang", "muster", "max_muster"] {
            assert!(has(&known, word), "{word}: {}", names(&known));
        }
        assert_eq!(names(&known).matches("Dora Empfang").count(), 1);
        let chunk = names_chunk(&known).unwrap();
        assert_eq!(chunk.place.headings, [ATTACHMENT_NAMES, PEOPLE]);
        let label = chunk.place.label();
        assert_eq!(sorts_found(&label, &chunk.text, |term| term == "platypus"), ATTACHMENT_NAMES);
        assert_eq!(sorts_found(&label, &chunk.text, |term| term == "dora"), PEOPLE);
        assert_eq!(sorts_found(&label, &chunk.text, |_| false), "attachment names, people");
    }

    #[test]
    fn many_names_and_long_ones_are_bounded() {
        let people: Vec<PersonMention> = (0..5_000)
            .map(|number| person(&"x".repeat(50_000), &format!("p{number}@example.org"), PersonRole::To))
            .collect();
        let attachments: Vec<String> = (0..500).map(|number| format!("{number}\n{}", "aB1_".repeat(10_000))).collect();
        let known = Known { people: &people, attachments: &attachments, ..NOBODY };
        let text = names(&known);
        assert!(text.len() <= 2 * MOST_BYTES + 1, "{}", text.len());
        assert_eq!(text.lines().count(), 2);
    }
}
