//! The query language in a table: what can be typed, an example of each, and what it finds. Read by the help of the screen;
//! a test of `search::query` holds it against what the parser knows.

/// One thing that can be typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Names before the colon, the usual one first; none for what has no name.
    pub names: &'static [&'static str],
    /// A query that uses it.
    pub example: &'static str,
    /// What the example finds.
    pub about: &'static str,
}

const fn plain(example: &'static str, about: &'static str) -> Operator {
    Operator { names: &[], example, about }
}

const fn named(names: &'static [&'static str], example: &'static str, about: &'static str) -> Operator {
    Operator { names, example, about }
}

/// Everything that can be typed: words first, then what joins them, filters, order and legs.
pub const OPERATORS: &[Operator] = &[
    plain("budget review", "these words and what they mean, the best first"),
    plain("\"second look\"", "exactly these words, side by side"),
    plain("+budget review", "the word with + must be there"),
    plain("budget -draft", "the word with - must not be there"),
    plain("harv*", "words that begin so"),
    plain("budget OR costs", "one of the two; AND: both"),
    plain("budget AND NOT (draft OR old)", "parentheses and NOT, as one would think"),
    named(&["from"], "from:alice", "mail she sent; from:me with your addresses set"),
    named(&["to"], "to:bob@example.org", "mail to him, in whatever field"),
    named(&["cc"], "cc:carol", "mail with her in Cc"),
    named(&["bcc"], "bcc:carol", "mail with her in Bcc"),
    named(&["with"], "with:alice", "documents of hers: sent, got, or named in"),
    named(&["subject", "title"], "subject:budget", "the word in subject or title"),
    named(&["type"], "type:pdf,mail", "kinds: mail, pdf, markdown, note, and more"),
    named(&["tag"], "tag:project", "documents with this tag"),
    named(&["in", "path"], "in:notes", "somewhere below a folder of this name"),
    named(&["file"], "file:report", "files whose name has this"),
    named(&["ext"], "ext:md", "files that end in .md"),
    named(&["has"], "has:attachment", "mail with something attached"),
    named(&["is"], "is:deleted", "what was deleted and can be brought back"),
    named(&["date"], "date:2024-09", "of that month; also 2024, yesterday, 2w..1w"),
    named(&["after"], "after:7d", "of the last seven days; also a date"),
    named(&["before"], "before:2024", "older than 2024"),
    named(&["id"], "id:0190a5e2-2b1c-7d4e-8a11-000000000001", "one document, by its id"),
    named(&["mid"], "mid:a1@example.org", "one mail, by its Message-ID"),
    named(&["sort"], "budget sort:date", "the newest first; sort:-date: the oldest first"),
    named(&["lex"], "lex:budget", "by words only"),
    named(&["vec"], "vec:budget", "by meaning only"),
];
