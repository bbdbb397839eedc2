//! Who wrote and who received: address headers to people.
//!
//! The mail parser reads the grammar (groups, comments, quotes); this file feeds it clean input and repairs what real
//! mail has instead of addresses. Called by `mail`.

use std::fmt::Write;

use mail_parser::parsers::MessageStream;

use crate::domain::{PersonMention, PersonRole};

use super::headers::Headers;
use super::words;

/// Whether `text` can be an address: one `@`, no blanks, something on both sides, not cut off by an archive.
fn is_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let has_bad = |part: &str| part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;\"".contains(c));
    let is_literal = host.starts_with('[') && host.ends_with(']');
    !local.is_empty()
        && !host.is_empty()
        && text.len() <= 320
        && !has_bad(local)
        && (is_literal || !has_bad(host))
        && !host.contains("..")
        && !host.ends_with("...")
}

/// `jjl at pobox.com`, `jjl(at)pobox.com`, `jjl [at] pobox.com` as public archives write addresses.
fn unmask(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) =
        [" at ", " AT ", "(at)", " (at) ", "[at]", " [at] ", " @ "].iter().find_map(|mark| text.split_once(mark))?;
    let host = host.replace(" dot ", ".").replace("(dot)", ".").replace("[dot]", ".");
    let address = format!("{}@{}", local.trim(), host.trim());
    (is_address(&address) && host.contains('.')).then_some(address)
}

fn normalise(address: &str) -> Option<String> {
    let address = address.trim().trim_matches(['<', '>', '"', '\'', ',', ';']).trim();
    let address = address.strip_prefix("mailto:").or_else(|| address.strip_prefix("MAILTO:")).unwrap_or(address);
    // `@relay,@relay2:user@host`: only the last part delivers.
    let address = if address.starts_with('@') { address.rsplit(':').next().unwrap_or(address) } else { address };
    is_address(address).then(|| address.to_lowercase())
}

fn clean_name(name: &str) -> Option<String> {
    let mut name = words::tidy(name);
    loop {
        let inner = [('"', '"'), ('\'', '\''), ('(', ')'), ('<', '>')].iter().find_map(|(open, close)| {
            let inner = name.strip_prefix(*open)?.strip_suffix(*close)?;
            Some(inner.trim().to_owned())
        });
        match inner {
            Some(inner) => name = inner,
            None => break,
        }
    }
    let name = name.trim_matches(['"', ',', ';', ' ']).to_owned();
    (!name.is_empty() && name.chars().any(char::is_alphanumeric) && name.len() <= 400).then_some(name)
}

/// The person behind one parsed name and address.
fn mention(name: Option<&str>, address: Option<&str>, role: PersonRole) -> Option<PersonMention> {
    let mut name = name.and_then(clean_name);
    let mut email = address.and_then(normalise).or_else(|| address.and_then(unmask).and_then(|a| normalise(&a)));
    let is_cut_off = address.is_some_and(|address| address.contains("..."));
    if email.is_none() && !(is_cut_off && name.is_some()) {
        // An address that is none still tells something: take it for the name.
        let unread = address.and_then(clean_name);
        let candidate = name.clone().or_else(|| unread.clone());
        if let Some(text) = candidate {
            let (head, comment) = match text.split_once('(') {
                Some((head, comment)) => (head.trim().to_owned(), clean_name(comment.trim_end_matches(')'))),
                None => (text.clone(), None),
            };
            email = normalise(&head).or_else(|| unmask(&head).and_then(|address| normalise(&address)));
            let in_comment = comment.as_deref().and_then(normalise).filter(|_| email.is_none());
            if in_comment.is_some() {
                (email, name) = (in_comment, clean_name(&head));
            } else if email.is_some() {
                name = comment;
            } else if head.contains('@') && head.contains("...") {
                // `user@gmail....`: cut by the archive, so it identifies nobody; the comment is the name.
                name = comment.or(name);
            } else {
                name = name.or(unread);
            }
        }
    }
    if let (Some(text), Some(email)) = (&name, &email) {
        let is_repeated = normalise(text).or_else(|| unmask(text).and_then(|address| normalise(&address)));
        if is_repeated.as_ref() == Some(email) {
            name = None;
        }
    }
    let is_placeholder = |name: &String| {
        let name = name.to_lowercase();
        name.contains("undisclosed") && name.contains("recipient") || name.contains("recipient list not shown")
    };
    name = name.filter(|name| !is_placeholder(name));
    (email.is_some() || name.is_some()).then_some(PersonMention { email, name, role })
}

/// The entries of an address list: divided at commas and semicolons outside quotes, comments and brackets, and behind
/// every closing bracket that more follows. Delimiters stay with the entry they end.
fn entries(text: &str) -> Vec<&str> {
    let mut entries = Vec::new();
    let (mut start, mut is_quoted, mut depth, mut is_inside, mut is_escaped) = (0, false, 0_usize, false, false);
    for (at, character) in text.char_indices() {
        let is_literal = std::mem::take(&mut is_escaped);
        let ends = match character {
            _ if is_literal => false,
            '\\' => {
                is_escaped = true;
                false
            }
            '"' if depth == 0 => {
                is_quoted = !is_quoted;
                false
            }
            _ if is_quoted => false,
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ if depth > 0 => false,
            '<' => {
                is_inside = true;
                false
            }
            '>' => {
                let rest = text.get(at + 1..).unwrap_or_default().trim_start();
                is_inside = false;
                // A name or another address behind the bracket begins the next entry; a comment does not.
                rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '<' | '"' | '='))
            }
            ',' | ';' => !is_inside,
            _ => false,
        };
        if ends {
            entries.push(text.get(start..=at).unwrap_or_default());
            start = at + 1;
        }
    }
    entries.push(text.get(start..).unwrap_or_default());
    entries
}

/// Appends one entry; addresses that stand bare beside a name, or two in a row, get the brackets they lack.
fn push_repaired(entry: &str, out: &mut String) {
    let delimiter = entry.chars().next_back().filter(|last| ",;".contains(*last));
    let content = delimiter.map_or(entry, |last| entry.strip_suffix(last).unwrap_or(entry));
    let address = |word: &str| {
        let word = word.trim_matches(['<', '>', '[', ']', ',', ';']).trim_end_matches('.');
        let word = word.strip_prefix("mailto:").unwrap_or(word);
        (is_address(word) && !word.contains(['"', '(', ':'])).then(|| word.to_owned())
    };
    let (before, inside) = match content.rsplit_once('<') {
        Some((before, inside)) if !content.contains(['(', '"']) || inside.contains(',') => (before, Some(inside)),
        _ => (content, None),
    };
    // `Ann a@x.org Bob <b@y.org>`: the brackets tell nothing that the words do not.
    let is_mixed = inside.is_some() && before.split_whitespace().any(|word| address(word).is_some());
    let inside = if is_mixed { None } else { inside };
    let source = inside.unwrap_or(content);
    let words: Vec<&str> =
        source.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
    let found: Vec<String> = words.iter().filter_map(|word| address(word)).collect();
    let is_bare = inside.is_none() && (is_mixed || !content.contains(['(', ':', '<'])) && found.iter().ne(&words);
    if found.is_empty() || !(is_bare || found.len() > 1 || inside.is_some() && found.len() == words.len()) {
        out.push_str(entry);
        return;
    }
    let found_alone = found.len() == 1;
    // Words stand before the address they name, or behind the only one.
    let mut name = if inside.is_some() { before.trim_matches([' ', '<']).to_owned() } else { String::new() };
    let mut is_first = true;
    for word in &words {
        let Some(found) = address(word) else {
            name.push(' ');
            name.push_str(word);
            continue;
        };
        if !std::mem::take(&mut is_first) {
            out.push_str(", ");
        }
        // The only address takes the words behind it too.
        if words.len() > 1 && found_alone {
            let behind: Vec<&str> = words.iter().copied().filter(|word| address(word).is_none()).collect();
            if inside.is_none() {
                name = behind.join(" ");
            }
        }
        let _ = write!(out, "{} <{found}>", name.trim());
        name.clear();
        if found_alone {
            break;
        }
    }
    out.extend(delimiter);
}

/// A field whose entries the grammar can read.
fn repaired(text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for entry in entries(text) {
        let needs_comma = !out.is_empty() && !out.ends_with([',', ';']);
        if needs_comma && !entry.trim().is_empty() {
            out.push_str(", ");
        }
        push_repaired(entry, &mut out);
    }
    out
}

/// The people one raw field value names, in order. Group names are not people.
pub(super) fn parse(raw: &[u8], role: PersonRole) -> Vec<PersonMention> {
    let mut text = repaired(&words::normalise_structured(raw));
    text.push('\n');
    let value = MessageStream::new(text.as_bytes()).parse_address();
    let Some(addresses) = value.as_address() else { return Vec::new() };
    let people: Vec<_> =
        addresses.iter().filter_map(|entry| mention(entry.name.as_deref(), entry.address.as_deref(), role)).collect();
    if people.iter().all(|person| person.email.is_none()) && text.contains(" at ") {
        // `x at y.org (Name)`: the grammar sees only words there.
        let masked: Vec<_> = text.split(',').filter_map(|entry| mention(Some(entry), None, role)).collect();
        if masked.iter().any(|person| person.email.is_some()) {
            return masked;
        }
    }
    people
}

/// Addresses in a field, without names: for finding out who stands behind a list.
fn first_address(headers: &Headers<'_>, field: &str) -> Option<PersonMention> {
    headers.all(field).flat_map(|raw| parse(raw, PersonRole::From)).find(|person| person.email.is_some())
}

/// A sender that a mailing list rewrote (`Ann via dev <dev@lists.org>`, because of DMARC) gets her own address back.
fn undo_list_rewriting(headers: &Headers<'_>, person: &mut PersonMention) {
    let Some(name) = &person.name else { return };
    let Some((own_name, _)) = name.split_once(" via ") else { return };
    let own_name = clean_name(own_name);
    let original = ["X-Original-From", "X-Original-Sender", "Reply-To"]
        .iter()
        .filter_map(|field| first_address(headers, field))
        .find(|original| original.email != person.email);
    if let Some(original) = original {
        person.email = original.email;
        person.name = own_name.or(original.name);
    }
}

/// Everybody the headers name, senders first, each address once per role.
pub(super) fn people(headers: &Headers<'_>) -> Vec<PersonMention> {
    let mut people: Vec<PersonMention> = Vec::new();
    let mut senders: Vec<_> = headers.all("From").flat_map(|raw| parse(raw, PersonRole::From)).collect();
    for field in ["Sender", "X-Sender", "Reply-To", "Return-Path"] {
        if senders.iter().all(|person| person.email.is_none()) {
            let known_name = senders.first().and_then(|person| person.name.clone());
            if let Some(mut person) = first_address(headers, field) {
                person.name = known_name.or(person.name);
                senders = vec![person];
            }
        }
    }
    for person in &mut senders {
        undo_list_rewriting(headers, person);
    }
    let receivers =
        [("To", PersonRole::To), ("Apparently-To", PersonRole::To), ("Cc", PersonRole::Cc), ("Bcc", PersonRole::Bcc)];
    let received =
        receivers.into_iter().flat_map(|(field, role)| headers.all(field).flat_map(move |raw| parse(raw, role)));
    let mut seen = std::collections::HashMap::new();
    for person in senders.into_iter().chain(received) {
        let key = (person.role, person.email.clone().or_else(|| person.name.clone()));
        match seen.get(&key) {
            None => {
                seen.insert(key, people.len());
                people.push(person);
            }
            Some(&at) => {
                let known: &mut PersonMention = &mut people[at];
                known.name = known.name.take().or(person.name);
            }
        }
    }
    people
}

#[cfg(test)]
mod tests;
