//! Contact cards (vCard 2.1, 3.0, 4.0): who, where, how to reach; pictures, sounds and keys are left out. Called by the
//! pipeline for `.vcf` files and by the mail parser for cards in mail.
//!
//! A file is one document however many cards it holds, one section a card; every card feeds the people.

use std::collections::HashSet;
use std::fmt::Write;

use crate::domain::{PersonMention, PersonRole, Timestamp};

use super::content_lines::{Line, address, lines};
use super::{ParseError, Parsed, Section, budget};

/// Most of a file of cards that is read: its lines take forty times as much.
const LARGEST: usize = 32 << 20;
/// Characters of a name that are looked through for the parts of another.
const LONGEST_NAME: usize = 1_000;

/// Whether the bytes are contact cards, whatever their name says.
#[must_use]
pub fn is_contacts(bytes: &[u8]) -> bool {
    super::calendar::begins(bytes, "VCARD")
}

/// What one card says.
#[derive(Debug, Default)]
pub(super) struct Contact {
    name: Option<String>,
    name_parts: Option<String>,
    organisation: Option<String>,
    nicknames: Vec<String>,
    emails: Vec<String>,
    tags: Vec<String>,
    facts: Vec<(&'static str, String)>,
    /// Addresses and labels say the same.
    addresses: HashSet<String>,
    revised: Option<Timestamp>,
}

impl Contact {
    fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.name.is_none() && self.name_parts.is_none()
    }

    /// The name to show: as the card formats it, else put together from its parts, else the organisation's.
    fn shown_name(&self) -> Option<&str> {
        let name = self.name.as_deref().or(self.name_parts.as_deref()).or(self.organisation.as_deref());
        name.or_else(|| self.nicknames.first().map(String::as_str))
    }

    /// The card as lines to read.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        if let Some(name) = self.name.as_deref().or(self.name_parts.as_deref()) {
            let _ = writeln!(out, "Name: {name}");
        }
        // "Müller, Jörg" is found by the parts too when the formatted name lacks one.
        let lacks = |name: &str, parts: &str| {
            name.len() + parts.len() > LONGEST_NAME || parts.split_whitespace().any(|part| !name.contains(part))
        };
        let name = self.name.as_deref();
        if let Some(parts) = self.name_parts.as_deref().filter(|parts| name.is_some_and(|name| lacks(name, parts))) {
            let _ = writeln!(out, "Full name: {parts}");
        }
        for (label, value) in &self.facts {
            let _ = writeln!(out, "{label}: {value}");
        }
        out.trim_end().to_owned()
    }

    /// The person behind the card, once for each address.
    pub(super) fn people(&self) -> Vec<PersonMention> {
        let name = self.name.clone().or_else(|| self.name_parts.clone()).filter(|name| address(name).is_none());
        let mention = |email| PersonMention { email, name: name.clone(), role: PersonRole::Mentioned };
        if self.emails.is_empty() {
            return name.is_some().then(|| mention(None)).into_iter().collect();
        }
        self.emails.iter().cloned().map(Some).map(mention).collect()
    }

    fn take(&mut self, line: &Line) {
        let label = match line.name.as_str() {
            "FN" => {
                self.name = self.name.take().or_else(|| Some(one_line(&line.text())).filter(|name| !name.is_empty()));
                return;
            }
            "N" => {
                self.name_parts = Some(name_of_parts(line)).filter(|name| !name.is_empty());
                return;
            }
            "REV" => {
                self.revised = super::calendar::moment_of(&line.value);
                return;
            }
            "CATEGORIES" => {
                self.tags.extend(line.parts(',').iter().filter_map(|tag| super::calendar::tag(tag)));
                "Categories"
            }
            "NICKNAME" => {
                self.nicknames.extend(line.parts(','));
                "Nickname"
            }
            "ORG" => "Organization",
            "TITLE" | "ROLE" => "Title",
            "EMAIL" => {
                let email = address(&line.text());
                self.emails.extend(email.filter(|email| !self.emails.contains(email) && self.emails.len() < 100));
                "E-mail"
            }
            "TEL" => "Phone",
            "ADR" | "LABEL" => "Address",
            "URL" | "X-SOCIALPROFILE" => "Web",
            "IMPP" | "X-JABBER" | "X-SKYPE" | "X-SKYPE-USERNAME" | "X-ICQ" | "X-AIM" | "X-MSN" | "X-YAHOO"
            | "X-TWITTER" => "Messenger",
            "BDAY" => "Birthday",
            "ANNIVERSARY" | "X-ANNIVERSARY" => "Anniversary",
            "RELATED" | "X-ABRELATEDNAMES" | "X-SPOUSE" | "X-MANAGER" | "X-ASSISTANT" => "Related",
            "MEMBER" | "X-ADDRESSBOOKSERVER-MEMBER" => "Member",
            "NOTE" => "Note",
            _ => return,
        };
        let value = match label {
            "Birthday" | "Anniversary" => day(&line.text()),
            "Web" | "Note" | "Messenger" | "Member" => line.text(),
            "Categories" | "Nickname" => line.parts(',').join(", "),
            "Phone" => line.text().trim_start_matches("tel:").to_owned(),
            "E-mail" => one_line(line.text().trim_start_matches("mailto:")),
            _ => line.parts(';').iter().map(|part| part.replace('\n', ", ")).collect::<Vec<_>>().join(", "),
        };
        // A group's members are often ids that nobody reads.
        let is_id = value.starts_with("urn:uuid:");
        if value.is_empty() || is_id || label == "Address" && !self.addresses.insert(value.clone()) {
            return;
        }
        if label == "Organization" && self.organisation.is_none() {
            self.organisation = Some(value.clone());
        }
        self.facts.push((label, value));
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `family;given;additional;prefix;suffix` as people say it.
fn name_of_parts(line: &Line) -> String {
    let mut fields = vec![String::new()];
    let mut is_escaped = false;
    for character in line.value.chars() {
        match character {
            ';' if !is_escaped => fields.push(String::new()),
            ',' if !is_escaped => fields.last_mut().into_iter().for_each(|field| field.push(' ')),
            '\\' if !is_escaped => {}
            _ => fields.last_mut().into_iter().for_each(|field| field.push(character)),
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    let order = [3, 1, 2, 0, 4];
    let spoken: Vec<&str> = order.iter().filter_map(|at| fields.get(*at)).map(String::as_str).collect();
    one_line(&spoken.join(" "))
}

/// `19800412`, `1980-04-12` and `--0412` as days.
fn day(value: &str) -> String {
    let digits: String = value.split('T').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    match (value.starts_with("--"), digits.len()) {
        (true, 4) => format!("{}-{}", &digits[..2], &digits[2..]),
        (false, 8) => format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]),
        _ => value.to_owned(),
    }
}

/// The cards of a file, in order, those that say nothing left out; and what was not read.
pub(super) fn read(bytes: &[u8]) -> (Vec<Contact>, Option<String>) {
    let (bytes, left_out) = budget::head(bytes, LARGEST);
    let mut contacts = Vec::new();
    let mut open: Option<Contact> = None;
    for line in lines(bytes) {
        match line.name.as_str() {
            "BEGIN" if line.value.trim().eq_ignore_ascii_case("VCARD") => {
                contacts.extend(open.replace(Contact::default()));
            }
            "END" if line.value.trim().eq_ignore_ascii_case("VCARD") => contacts.extend(open.take()),
            _ => {
                if let Some(contact) = &mut open {
                    contact.take(&line);
                }
            }
        }
    }
    contacts.extend(open);
    contacts.retain(|contact| !contact.is_empty());
    (contacts, left_out)
}

/// Everybody on the cards.
pub(super) fn people(contacts: &[Contact]) -> Vec<PersonMention> {
    contacts.iter().flat_map(Contact::people).collect()
}

/// Parses a file of cards.
///
/// # Errors
/// `NoText` when no card says anything.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let (contacts, left_out) = read(bytes);
    let texts = contacts.iter().map(Contact::text).filter(|text| !text.is_empty());
    let sections: Vec<Section> = texts.map(|text| Section { text, ..Section::default() }).collect();
    if sections.is_empty() {
        return Err(ParseError::NoText);
    }
    let people = people(&contacts);
    let mut parsed = Parsed { people, sections, left_out: left_out.into_iter().collect(), ..Parsed::default() };
    if let [only] = &contacts[..] {
        parsed.title = only.shown_name().map(str::to_owned);
        parsed.dated_at = only.revised;
        parsed.aliases.clone_from(&only.nicknames);
        parsed.tags.clone_from(&only.tags);
    }
    Ok(parsed.bounded())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_of_today() {
        let card = b"BEGIN:VCARD\nVERSION:3.0\nN:Beispiel;Erika;;;\nFN:Erika Beispiel\nORG:Kolibri AG\nEMAIL:Erika@example.org\nitem1.EMAIL;TYPE=INTERNET:e@home.example\nTEL:+49 30 5550199\nREV:2024-03-12T10:00:00Z\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\n /2wBDAAM\nEND:VCARD\n";
        let parsed = parse(card).unwrap();
        assert_eq!(parsed.title.as_deref(), Some("Erika Beispiel"));
        assert_eq!(
            parsed.sections[0].text,
            "Name: Erika Beispiel\nOrganization: Kolibri AG\nE-mail: Erika@example.org\nE-mail: e@home.example\nPhone: +49 30 5550199"
        );
        let emails: Vec<_> = parsed.people.iter().map(|person| person.email.as_deref().unwrap()).collect();
        assert_eq!(emails, ["erika@example.org", "e@home.example"]);
        assert!(parsed.people.iter().all(|person| person.name.as_deref() == Some("Erika Beispiel")));
        assert_eq!(parsed.dated_at, super::super::date::parse("2024-03-12 10:00"));
    }

    #[test]
    fn old_cards_new_cards_and_many_cards() {
        let cards = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;Dr.;\r\nTEL;HOME:1234\r\nPHOTO;JPEG;ENCODING=BASE64:\r\n /9j/4AAQ\r\n AAAA\r\n\r\nEND:VCARD\r\n\
            BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann Lee\r\nN:Lee;Anna Maria;;;\r\nADR;TYPE=home:;;Main St\\, 5;Town;;1000;\r\nBDAY:19800412\r\nIMPP:xmpp:ann@x.org\r\nPHOTO:data:image/jpeg;base64,/9j/4AAQ\r\nCATEGORIES:Friends,Old Work\r\nNOTE:two\\nlines\r\n\
            BEGIN:VCARD\r\nORG:Only Org\r\nEND:VCARD\r\nBEGIN:VCARD\r\nEND:VCARD\r\n";
        let parsed = parse(cards).unwrap();
        let texts: Vec<&str> = parsed.sections.iter().map(|section| section.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Name: Dr. Jörg Müller\nPhone: 1234",
                "Name: Ann Lee\nFull name: Anna Maria Lee\nAddress: Main St, 5, Town, 1000\nBirthday: 1980-04-12\nMessenger: xmpp:ann@x.org\nCategories: Friends, Old Work\nNote: two\nlines",
                "Organization: Only Org"
            ]
        );
        assert_eq!(parsed.title, None);
        let names: Vec<_> = parsed.people.iter().map(|person| person.name.as_deref().unwrap()).collect();
        assert_eq!(names, ["Dr. Jörg Müller", "Ann Lee"]);
        assert!(matches!(parse(b"BEGIN:VCARD\nEND:VCARD"), Err(ParseError::NoText)));
    }
}
