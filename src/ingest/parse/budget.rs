//! What one file may become, whatever is in it: text, places, names, links, people. What goes over is cut and told, never
//! silently. Every reader ends with [`Parsed::bounded`]; what is large before it is parsed is cut by [`head`].

use std::borrow::Cow;

use super::Parsed;

/// Most text of one document, in bytes.
pub(super) const MOST_TEXT: usize = 64 << 20;
/// Most places with text of their own.
const MOST_SECTIONS: usize = 200_000;
const MOST_TAGS: usize = 1_000;
const MOST_ALIASES: usize = 200;
const MOST_CONCEPTS: usize = 1_000;
const MOST_LINKS: usize = 5_000;
/// As many as an address book has.
const MOST_PEOPLE: usize = 20_000;
/// Most characters of a title: it stands with every piece of the text.
const LONGEST_TITLE: usize = 500;
/// Most bytes of a tag, another name or a concept.
const LONGEST_NAME: usize = 1_000;
/// Most bytes of where a link leads.
const LONGEST_LINK: usize = 4_000;
/// Most characters of a person's name, and bytes of an address.
const LONGEST_PERSON: usize = 400;

impl Parsed {
    /// The same within its budgets; what was cut is told.
    #[must_use]
    pub(super) fn bounded(mut self) -> Self {
        let told = &mut self.left_out;
        if let Some(title) = &mut self.title
            && let Some((end, _)) = title.char_indices().nth(LONGEST_TITLE)
        {
            title.truncate(end);
            told.push(format!("the title is longer than {LONGEST_TITLE} characters and was cut"));
        }
        for person in &mut self.people {
            if let Some(name) = &mut person.name
                && let Some((end, _)) = name.char_indices().nth(LONGEST_PERSON)
            {
                name.truncate(end);
            }
        }
        let is_short = |names: &String| names.len() <= LONGEST_NAME;
        keep(&mut self.tags, MOST_TAGS, is_short, "tags", told);
        keep(&mut self.aliases, MOST_ALIASES, is_short, "other names", told);
        keep(&mut self.concept_headings, MOST_CONCEPTS, is_short, "headings with links", told);
        keep(&mut self.links, MOST_LINKS, |link| link.target.len() <= LONGEST_LINK, "links", told);
        keep(&mut self.targets, MOST_LINKS, |target| target.len() <= LONGEST_LINK, "places that links lead to", told);
        let is_address = |email: &String| email.len() <= LONGEST_PERSON;
        keep(&mut self.people, MOST_PEOPLE, |person| person.email.as_ref().is_none_or(is_address), "people", told);
        self.bound_text();
        self
    }

    fn bound_text(&mut self) {
        let (mut room, mut kept, mut left) = (MOST_TEXT, 0, 0);
        for section in &mut self.sections {
            if kept == MOST_SECTIONS || room == 0 {
                left += section.text.len();
                continue;
            }
            kept += 1;
            if section.text.len() > room {
                let end = section.text.floor_char_boundary(room);
                left += section.text.len() - end;
                section.text.truncate(end);
                // What fits to the last byte leaves no room for a part of the next.
                room = 0;
            } else {
                room -= section.text.len();
            }
        }
        self.sections.truncate(kept);
        if left > 0 {
            self.left_out.push(format!(
                "{left} bytes of its text were left out: at most {} MiB in {MOST_SECTIONS} places are kept",
                MOST_TEXT >> 20
            ));
        }
    }
}

fn keep<T>(items: &mut Vec<T>, most: usize, is_kept: impl Fn(&T) -> bool, what: &str, told: &mut Vec<String>) {
    let all = items.len();
    items.retain(is_kept);
    items.truncate(most);
    let left = all - items.len();
    if left > 0 {
        told.push(format!("{left} of {all} {what} were left out: at most {most} of usual length are kept"));
    }
}

/// The first `most` bytes of a file, cut at the end of a line where there is one near, and the sentence that tells it.
pub(super) fn head(bytes: &[u8], most: usize) -> (&[u8], Option<String>) {
    if bytes.len() <= most {
        return (bytes, None);
    }
    let start = &bytes[..most];
    let line = start.iter().rev().take(64 << 10).position(|byte| *byte == b'\n').map_or(most, |back| most - back);
    let end = if line == most { most - begun(start) } else { line };
    let told = format!("what follows the first {} MiB was left out: {} bytes", most >> 20, bytes.len() - end);
    (&bytes[..end], Some(told))
}

/// Bytes at the end that begin a character of UTF-8 and do not end it.
fn begun(bytes: &[u8]) -> usize {
    let back = bytes.iter().rev().take(3).position(|byte| byte & 0xC0 != 0x80).map_or(0, |at| at + 1);
    let length = match back.checked_sub(1).map(|_| bytes[bytes.len() - back]) {
        Some(0xF0..) => 4,
        Some(0xE0..) => 3,
        Some(0xC0..) => 2,
        _ => 1,
    };
    if length > back { back } else { 0 }
}

/// The first `most` bytes of a text, and the sentence that tells it.
pub(super) fn text_head(text: Cow<'_, str>, most: usize) -> (Cow<'_, str>, Option<String>) {
    if text.len() <= most {
        return (text, None);
    }
    let end = text.floor_char_boundary(most);
    let told = format!("what follows the first {} MiB was left out: {} bytes", most >> 20, text.len() - end);
    let cut = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    };
    (cut, Some(told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Link, LinkKind, PersonMention, PersonRole};
    use crate::ingest::parse::Section;

    #[test]
    fn what_goes_over_is_cut_and_told() {
        let name = |number: usize| format!("n{number}");
        let link = |number| Link { kind: LinkKind::Url, target: name(number) };
        let person = |number| PersonMention { email: Some(name(number)), name: None, role: PersonRole::To };
        let parsed = Parsed {
            title: Some("ä".repeat(100_000)),
            tags: (0..MOST_TAGS + 7).map(name).chain([name(1).repeat(2_000)]).collect(),
            aliases: vec![name(1)],
            links: (0..=MOST_LINKS).map(link).collect(),
            people: (0..=MOST_PEOPLE).map(person).collect(),
            sections: vec![Section { text: "é".repeat(MOST_TEXT / 2 - 1), ..Section::default() }; 2],
            ..Parsed::default()
        };
        let bounded = parsed.bounded();
        assert_eq!(bounded.title.unwrap().chars().count(), LONGEST_TITLE);
        assert_eq!((bounded.tags.len(), bounded.aliases.len()), (MOST_TAGS, 1));
        assert_eq!((bounded.links.len(), bounded.people.len()), (MOST_LINKS, MOST_PEOPLE));
        assert_eq!(bounded.sections.iter().map(|section| section.text.len()).sum::<usize>(), MOST_TEXT);
        assert_eq!(bounded.left_out.len(), 5, "{:?}", bounded.left_out);
        assert_eq!(bounded.left_out[1], "8 of 1008 tags were left out: at most 1000 of usual length are kept");
        assert!(bounded.left_out[4].starts_with(&format!("{} bytes of its text", MOST_TEXT - 4)));
        let small = Parsed { tags: vec![name(1)], ..Parsed::default() };
        assert_eq!(small.clone().bounded(), small);
    }

    #[test]
    fn heads_end_with_a_line_and_never_within_a_character() {
        assert_eq!(head(b"abc", 3), (&b"abc"[..], None));
        assert_eq!(head(b"ab\ncd\nef", 7).0, b"ab\ncd\n");
        let (cut, told) = head("aäöü".as_bytes(), 4);
        assert_eq!((std::str::from_utf8(cut), told.is_some()), (Ok("aä"), true));
        assert_eq!(std::str::from_utf8(head("aäöü".as_bytes(), 5).0), Ok("aäö"));
        assert_eq!(text_head("aä".into(), 2).0, "a");
    }
}
