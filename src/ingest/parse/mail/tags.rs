//! Tags a mail brings along: its mailing list and the labels its owner gave it. Called by `mail`.

use super::headers::Headers;
use super::words;

/// Most tags of one mail.
const TAG_LIMIT: usize = 20;

/// Labels that mail systems set by themselves and that say nothing about the content.
const SYSTEM_LABELS: [&str; 22] = [
    "inbox",
    "sent",
    "sent mail",
    "unread",
    "opened",
    "archived",
    "all mail",
    "draft",
    "drafts",
    "chat",
    "seen",
    "recent",
    "answered",
    "flagged",
    "forwarded",
    "nonjunk",
    "notjunk",
    "$nonjunk",
    "$notjunk",
    "$mdnsent",
    "$forwarded",
    "old",
];

/// The name of the list from `List-Id`: the first label of `<name.lists.example.org>`, unless a machine made it up.
fn list_name(headers: &Headers<'_>) -> Option<String> {
    let value = headers.text("List-Id")?;
    let id = value.rsplit_once('<').map_or(value.as_str(), |(_, id)| id).trim_end_matches(['>', ' ']);
    let (label, host) = id.split_once(['.', '@'])?;
    let label = label.to_lowercase();
    let letters = label.chars().filter(|character| character.is_alphabetic()).count();
    let digits = label.chars().filter(char::is_ascii_digit).count();
    let is_word = label.chars().all(|character| character.is_alphanumeric() || "-_+".contains(character));
    // Campaign numbers and hashes are no names.
    (is_word
        && (2..=40).contains(&label.len())
        && letters >= 2
        && digits * 3 <= letters
        && host.contains(|c: char| c.is_alphabetic()))
    .then(|| format!("list/{label}"))
}

/// A label as a tag: lower-case, words joined by dashes; `None` for what only a mail system cares about.
fn label_tag(label: &str) -> Option<String> {
    let label = words::tidy(label.trim_matches(['"', '\'', '\\', ' '])).to_lowercase();
    let is_system =
        SYSTEM_LABELS.contains(&label.as_str()) || label.starts_with("category ") || label.starts_with("$label");
    if is_system || label.is_empty() || label.chars().count() > 60 || !label.chars().any(char::is_alphanumeric) {
        return None;
    }
    Some(label.trim_start_matches('#').replace(' ', "-"))
}

/// The tags of a mail, unique, in order: the list first, then keywords and labels.
pub(super) fn tags(headers: &Headers<'_>) -> Vec<String> {
    let mut tags: Vec<String> = list_name(headers).into_iter().collect();
    for field in ["X-Gmail-Labels", "X-Label", "X-Keywords", "Keywords"] {
        for value in headers.all(field) {
            let value = words::decode_text(value);
            // X-Keywords of IMAP servers separate by blanks, everybody else by commas.
            let separator = if value.contains([',', ';']) || field != "X-Keywords" { [',', ';'] } else { [' ', ' '] };
            for tag in value.split(separator).filter_map(label_tag) {
                if tags.len() < TAG_LIMIT && !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &str) -> Vec<String> {
        tags(&Headers::split(raw.as_bytes()).0)
    }

    #[test]
    fn lists() {
        assert_eq!(of("List-Id: Irish Linux Users' Group <ilug.linux.ie>\n\n"), ["list/ilug"]);
        assert_eq!(of("List-Id: <rust-lang.github.com>\n\n"), ["list/rust-lang"]);
        assert!(of("List-Id: <7204291.xt.local>\n\n").is_empty());
        assert!(of("List-Id: <4f9c0a7b3e6d.mailer.example>\n\n").is_empty());
    }

    #[test]
    fn labels() {
        assert_eq!(
            of("X-Gmail-Labels: Inbox,Important,\"Project X\",Category Updates,Unread\n\n"),
            ["important", "project-x"]
        );
        assert_eq!(of("X-Keywords: NonJunk Travel #todo\n\n"), ["travel", "todo"]);
        assert_eq!(of("X-Label: =?utf-8?q?M=C3=BCnchen?=\nKeywords: a b, c\n\n"), ["münchen", "a-b", "c"]);
    }
}
