//! Plain text bodies: line ends and control characters, `format=flowed`, PGP armour, uuencoded files.
//!
//! Called by `body` before the quotes are told apart.

use super::transfer;

/// What stands for text that only a key can open.
pub(super) const ENCRYPTED_NOTE: &str = "[Encrypted (PGP): the text cannot be read without the key]";

/// The text with `\n` line ends and without control characters, byte order marks and soft hyphens; no-break spaces
/// become spaces.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\t' => out.push(character),
            '\u{c}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\u{a0}' => out.push(' '),
            '\u{feff}' | '\u{ad}' | '\u{200b}' => {}
            _ if character.is_control() => {}
            _ => out.push(character),
        }
    }
    out
}

/// Joins the lines that `format=flowed` (RFC 3676) broke; quote marks stay, one `> ` per level.
pub(super) fn unflow(text: &str, delete_space: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // Quote depth of the paragraph that the last line left open.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let content = line.get(depth..).unwrap_or_default();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let is_signature_mark = content == "-- ";
        if open != Some(depth) || is_signature_mark {
            if !out.is_empty() {
                out.push('\n');
            }
            if depth > 0 {
                out.push_str(&"> ".repeat(depth.min(20)));
            }
        }
        let is_flowed = content.ends_with(' ') && !is_signature_mark;
        out.push_str(if is_flowed && delete_space { content.strip_suffix(' ').unwrap_or(content) } else { content });
        open = is_flowed.then_some(depth);
    }
    out
}

/// Takes PGP armour out: of signed text only the text stays; encrypted blocks and keys leave a note.
pub(super) fn without_armour(text: &str) -> String {
    if !text.contains("-----BEGIN PGP ") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.trim().strip_prefix("-----BEGIN PGP ").and_then(|rest| rest.strip_suffix("-----")) else {
            // Lines of signed text that start with a dash are escaped with `- `.
            out.push_str(line.strip_prefix("- ").filter(|rest| rest.starts_with("-----")).unwrap_or(line));
            out.push('\n');
            continue;
        };
        if kind == "SIGNED MESSAGE" {
            // Armour headers (`Hash: SHA256`) end at a blank line.
            lines.by_ref().take_while(|line| !line.trim().is_empty()).for_each(drop);
            continue;
        }
        match kind {
            "MESSAGE" => out.push_str(ENCRYPTED_NOTE),
            "PUBLIC KEY BLOCK" => out.push_str("[PGP public key]"),
            _ => {}
        }
        lines.by_ref().take_while(|line| !line.trim().starts_with("-----END PGP ")).for_each(drop);
        out.push('\n');
    }
    out
}

/// A file found uuencoded inside a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Uuencoded {
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Takes uuencoded files out of the text. What only looks like one stays where it is.
pub(super) fn extract_uuencoded(text: &str) -> (String, Vec<Uuencoded>) {
    if !text.contains("begin ") {
        return (text.to_owned(), Vec::new());
    }
    let mut out = String::with_capacity(text.len());
    let mut files = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    // Once a `begin` line ran to the end of the text without an `end`, no later one can do better.
    let mut has_end = true;
    while let Some(line) = lines.get(at) {
        let name = line.strip_prefix("begin ").and_then(|rest| rest.split_once(' ')).and_then(|(mode, name)| {
            let is_mode = (3..=4).contains(&mode.len()) && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
            (is_mode && !name.trim().is_empty()).then(|| name.trim().to_owned())
        });
        if let (Some(name), true) = (name, has_end) {
            let mut bytes = Vec::new();
            let mut end = at + 1;
            while lines
                .get(end)
                .is_some_and(|line| *line != "end" && transfer::uuencoded_line(line.as_bytes(), &mut bytes))
            {
                end += 1;
            }
            if lines.get(end) == Some(&"end") {
                files.push(Uuencoded { name, bytes });
                at = end + 1;
                continue;
            }
            has_end = end < lines.len();
        }
        out.push_str(line);
        out.push('\n');
        at += 1;
    }
    (out, files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flowed_lines_join() {
        let text = "A paragraph that \nflows on.\nNext.\n> quoted \n> text\n>> deeper\n stuffed\n-- \nsig";
        assert_eq!(
            unflow(text, false),
            "A paragraph that flows on.\nNext.\n> quoted text\n> > deeper\nstuffed\n-- \nsig"
        );
        assert_eq!(unflow("日本 \n語", true), "日本語");
    }

    #[test]
    fn armour_is_taken_off() {
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\nHello\n- -----dash\n-----BEGIN PGP SIGNATURE-----\nVersion: x\n\nabc=\n-----END PGP SIGNATURE-----\nafter\n";
        assert_eq!(without_armour(signed), "Hello\n-----dash\n\nafter\n");
        let secret = "see:\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n";
        assert_eq!(without_armour(secret), format!("see:\n{ENCRYPTED_NOTE}\n"));
    }

    #[test]
    fn uuencoded_files_are_taken_out() {
        let (text, files) = extract_uuencoded("before\nbegin 644 cat.txt\n#0V%T\n`\nend\nafter\n");
        assert_eq!(text, "before\nafter\n");
        assert_eq!(files, [Uuencoded { name: "cat.txt".into(), bytes: b"Cat".to_vec() }]);
        let prose = "begin 644 times over\nand over\n";
        assert_eq!(extract_uuencoded(prose).0, prose);
    }

    #[test]
    fn text_is_cleaned() {
        assert_eq!(clean("a\r\nb\rc\u{0}\u{1b}[31md\u{a0}e\u{feff}"), "a\nb\nc[31md e");
    }
}
