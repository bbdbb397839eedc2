//! The reader over what parsers and chunker really make: structure is shown as such, nothing of a text is lost, no line is
//! wider than the screen, matches and links lead where they should.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use peanut::app::state::wrap::width;
use peanut::app::state::{Look, Part, ReaderLine, ReaderState, Target, View};
use peanut::domain::document::ThreadEntry;
use peanut::domain::search::Sought;
use peanut::domain::{
    ChunkId, ChunkKind, DocumentId, DocumentLinks, DocumentView, Link, LinkKind, LinkedDocument, MessageMeta,
    OutgoingLink, PersonMention, PersonRole, SourceType, StoredChunk, Timestamp, terms,
};
use peanut::ingest::chunk::{ChunkOptions, chunk};
use peanut::ingest::parse::{Parsed, Section, html, markdown};
use proptest::prelude::*;

const OPTIONS: ChunkOptions = ChunkOptions { max_tokens: 60, overlap_tokens: 8 };

fn view(columns: usize, rows: usize) -> View {
    View { columns, rows, ascii: false }
}

fn document(name: &str, source_type: SourceType, parsed: &Parsed) -> DocumentView {
    let id = DocumentId::from_source_key(name);
    let chunks = chunk(parsed, name, None, OPTIONS).into_iter();
    let chunks = chunks.map(|new| StoredChunk {
        id: ChunkId(i64::from(new.ordinal)),
        document_id: id,
        ordinal: new.ordinal,
        kind: new.kind,
        text: new.text,
        overlap_bytes: new.overlap_bytes,
        context: new.context,
        place: new.place,
        token_count: new.token_count,
    });
    DocumentView {
        id,
        source_type,
        source_path: format!("/notes/{name}"),
        source_offset: None,
        title: name.to_owned(),
        dated_at: Some(Timestamp(1_726_149_780_000)),
        ingested_at: Timestamp(0),
        deleted_at: None,
        tags: Vec::new(),
        people: Vec::new(),
        message: None,
        chunks: chunks.collect(),
        thread: Vec::new(),
    }
}

fn note(text: &str) -> DocumentView {
    document("note.md", SourceType::Markdown, &markdown::parse(text.as_bytes()).unwrap())
}

fn mail(name: &str, parts: &[(ChunkKind, &str)]) -> DocumentView {
    let section = |(kind, text): &(ChunkKind, &str)| Section {
        kind: Some(*kind),
        text: (*text).to_owned(),
        ..Section::default()
    };
    let parsed = Parsed { sections: parts.iter().map(section).collect(), ..Parsed::default() };
    document(name, SourceType::Mail, &parsed)
}

fn seek(words: &str) -> Sought {
    Sought { terms: terms::wanted(words), prefixes: Vec::new() }
}

fn open(document: DocumentView, columns: usize) -> ReaderState {
    ReaderState::new(Arc::new(document), Sought::default(), None, view(columns, 20))
}

fn line<'a>(reader: &'a ReaderState, text: &str) -> &'a ReaderLine {
    let found = reader.lines.iter().find(|line| line.text.contains(text));
    found.unwrap_or_else(|| panic!("no line with {text:?} in {:#?}", texts(reader)))
}

fn texts(reader: &ReaderState) -> Vec<&str> {
    reader.lines.iter().map(|line| line.text.as_str()).collect()
}

fn part(line: &ReaderLine, text: &str) -> Vec<Part> {
    let at = line.text.find(text).unwrap();
    let over = line.parts.iter().filter(|(range, _)| range.start <= at && at + text.len() <= range.end);
    over.map(|(_, part)| *part).collect()
}

const NOTE: &str = "# Guide\n\nA **strong** and *slanted* word, `code()`, [the text](https://example.org/page) and \
                    [[Other note|another]].\n\n## Steps\n\n3. first\n4. second\n\n> quoted text\n\n```rust\nfn main() {}\n```\n\n\
                    | Name | Age |\n|---|---|\n| Ann | 7 |\n";

#[test]
fn markdown_is_shown_as_what_it_is() {
    let reader = open(note(NOTE), 60);
    assert_eq!(line(&reader, "Guide").look, Look::Heading(1));
    assert_eq!(line(&reader, "Steps").look, Look::Heading(2));
    let words = line(&reader, "A strong");
    assert_eq!(part(words, "strong"), [Part::Strong]);
    assert_eq!(part(words, "slanted"), [Part::Emphasis]);
    assert_eq!(part(words, "code()"), [Part::Code]);
    assert!(!words.text.contains(['`', '*']), "{}", words.text);
    assert_eq!(part(line(&reader, "the text"), "the text"), [Part::Link(0)]);
    assert_eq!(part(line(&reader, "another"), "another"), [Part::Link(1)]);
    assert_eq!(reader.links[0].0, Target::Address("https://example.org/page".to_owned()));
    assert_eq!(reader.links[1].0, Target::Missing("Other note".to_owned()), "until it is known where it leads");
    let shown = texts(&reader);
    for wanted in ["3. first", "4. second", "│ quoted text", "fn main() {}", "Name │ Age", "Ann  │ 7"] {
        assert!(shown.contains(&wanted), "{wanted:?} is not in {shown:#?}");
    }
    assert_eq!(line(&reader, "fn main").look, Look::Code);
    assert_eq!(line(&reader, "quoted text").look, Look::Dim);
}

#[test]
fn html_keeps_its_structure() {
    let page = "<html><body><h1>Guide</h1><p>A <b>plain</b> word and <a href='https://example.org/x'>a link</a>.</p>\
                <ol start=3><li>first<li>second</ol><blockquote>quoted text</blockquote>\
                <pre>let  a;\nlet b;</pre><table><tr><td>Name<td>Age<tr><td>Ann<td>7</table></body></html>";
    let parsed = html::parse(page.as_bytes()).unwrap();
    let reader = open(document("page.html", SourceType::Html, &parsed), 60);
    assert_eq!(line(&reader, "Guide").look, Look::Heading(1));
    assert_eq!(part(line(&reader, "a link"), "a link"), [Part::Link(0)]);
    assert_eq!(reader.links[0].0, Target::Address("https://example.org/x".to_owned()));
    let shown = texts(&reader);
    for wanted in ["3. first", "4. second", "│ quoted text", "let  a;", "let b;", "Name │ Age", "Ann  │ 7"] {
        assert!(shown.contains(&wanted), "{wanted:?} is not in {shown:#?}");
    }
    assert_eq!(line(&reader, "let  a;").look, Look::Code);
}

#[test]
fn links_lead_to_documents_of_the_store_and_back() {
    let mut reader = open(note("See [[Other note|another]] and [a file](sub/a%20file.md#part)."), 60);
    let linked = |name: &str| LinkedDocument {
        id: DocumentId::from_source_key(name),
        title: name.to_owned(),
        source_path: format!("/notes/{name}.md"),
    };
    let out = |kind, target: &str, name: &str| OutgoingLink {
        link: Link { kind, target: target.to_owned() },
        to: Some(linked(name)),
    };
    reader.take_links(DocumentLinks {
        out: vec![
            out(LinkKind::Wikilink, "Other note", "other"),
            out(LinkKind::File, "sub/a file.md", "file"),
            out(LinkKind::Wikilink, "in the properties", "third"),
        ],
        into: vec![linked("from here"), linked("from there")],
    });
    let ids: Vec<&str> = reader
        .links
        .iter()
        .map(|(target, _)| if let Target::Document(_, path) = target { path.as_str() } else { "" })
        .collect();
    assert_eq!(
        ids,
        ["/notes/other.md", "/notes/file.md", "/notes/third.md", "/notes/from here.md", "/notes/from there.md"]
    );
    assert!(reader.next_link(true) && reader.next_link(true));
    assert_eq!(reader.target(), Some(&reader.links[1].0));
    assert!(reader.show_backlinks());
    assert_eq!(reader.target(), Some(&reader.links[3].0));
    assert!(reader.next_link(true) && reader.next_link(true));
    assert_eq!(reader.link, Some(0), "behind the last comes the first");

    let second = open(note("the second"), 60);
    let mut second = second.after(reader);
    assert!(second.back());
    assert_eq!((second.link, second.links.len()), (Some(0), 5), "as it was left");
    assert!(!second.back() && second.forward() && !second.forward());
    assert!(second.lines.iter().any(|line| line.text == "the second"));
}

#[test]
fn it_opens_at_what_was_found_and_goes_through_all_matches() {
    let section =
        |number: usize| format!("# Part {number}\n\n{}budget {number}.\n\n", "Filler words here. ".repeat(60));
    let document = note(&(1..=4).map(section).collect::<String>());
    let third = document.chunks.iter().find(|chunk| chunk.text.contains("budget 3")).unwrap().id;
    let mut reader = ReaderState::new(Arc::new(document), seek("budget"), Some(third), view(40, 10));
    assert_eq!((reader.matches.len(), reader.at_match), (4, Some(2)));
    let shown = |reader: &ReaderState| {
        let lines = reader.lines[reader.scroll..].iter().take(10);
        lines.map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    };
    assert!(shown(&reader).contains("budget 3"));
    assert!(reader.jump(true) && shown(&reader).contains("budget 4") && !reader.jump(true));
    for number in [3, 2, 1] {
        assert!(reader.jump(false) && shown(&reader).contains(&format!("budget {number}")));
    }
    assert!(!reader.jump(false));
    // Scrolled away, the next one is the next from there on.
    reader.step(1_000_000);
    assert!(!reader.jump(true) || reader.at_match == Some(3));
}

#[test]
fn a_mail_shows_its_headers_in_order_and_folds_what_it_quotes() {
    let mut document = mail(
        "Budget",
        &[
            (ChunkKind::Body, "My answer."),
            (ChunkKind::Quoted, "On Monday Bob wrote:\n> > deep words\n> shallow words"),
            (ChunkKind::Signature, "Ann, Accounting"),
        ],
    );
    let person = |name: &str, role| PersonMention {
        email: Some(format!("{name}@example.org")),
        name: Some(name.to_owned()),
        role,
    };
    document.people =
        vec![person("Cid", PersonRole::Cc), person("Bob", PersonRole::To), person("Ann", PersonRole::From)];
    document.message =
        Some(MessageMeta { attachments: vec!["q3.xlsx".to_owned(), "notes.txt".to_owned()], ..MessageMeta::default() });
    let mut reader = open(document, 60);
    assert_eq!(
        texts(&reader)[..6],
        [
            "From      Ann <Ann@example.org>",
            "To        Bob <Bob@example.org>",
            "Cc        Cid <Cid@example.org>",
            "Date      2024-09-12 14:03 UTC",
            "Subject   Budget",
            "Attached  q3.xlsx, notes.txt",
        ]
    );
    assert_eq!(line(&reader, "folded").text, "[4 quoted lines folded: Q shows]");
    reader.shows_quotes = true;
    reader.refresh();
    assert_eq!(line(&reader, "deep").text, "│ │ deep words");
    assert_eq!(line(&reader, "shallow").text, "│ shallow words");
    assert_eq!(line(&reader, "Accounting").look, Look::Dim);
}

#[test]
fn a_thread_is_read_as_a_conversation() {
    let message = |name: &str, title: &str, text: &str, from: &str| {
        let mut mail = mail(name, &[(ChunkKind::Body, text), (ChunkKind::Quoted, "> quoted words")]);
        mail.title = title.to_owned();
        mail.people = vec![PersonMention { email: None, name: Some(from.to_owned()), role: PersonRole::From }];
        mail
    };
    let messages = [
        message("1", "Budget", "the question", "Ann"),
        message("2", "Re: Budget", "the answer", "Bob"),
        message("3", "AW: Re: Budgets", "other subject", "Cid"),
    ];
    let mut open_one = messages[1].clone();
    open_one.thread = messages
        .iter()
        .map(|message| ThreadEntry {
            id: message.id,
            title: message.title.clone(),
            from: "x".to_owned(),
            dated_at: None,
        })
        .collect();
    let mut reader = open(open_one, 60);
    assert!(texts(&reader).iter().any(|line| line.starts_with("Thread    2 of 3")));
    reader.converse(messages.into_iter().map(Arc::new).collect());
    let shown: Vec<&str> =
        texts(&reader).into_iter().filter(|line| !line.is_empty() && !line.contains("folded")).collect();
    let wanted =
        ["── Ann", "Subject   Budget", "the question", "── Bob", "the answer", "── Cid", "Subject   AW:", "other"];
    assert_eq!(shown.len(), wanted.len(), "{shown:#?}");
    assert!(shown.iter().zip(wanted).all(|(line, wanted)| line.starts_with(wanted)), "{shown:#?}");
    assert_eq!(texts(&reader).iter().filter(|line| line.contains("folded")).count(), 3);
    reader.stop_conversing();
    assert!(texts(&reader)[0].starts_with("From      Bob"));
}

#[test]
fn pages_of_a_pdf_begin_with_a_line_across() {
    let page = |page, text: &str| Section { page: Some(page), text: text.to_owned(), ..Section::default() };
    let parsed = Parsed { sections: vec![page(1, "the first"), page(2, "the second")], ..Parsed::default() };
    let reader = open(document("a.pdf", SourceType::Pdf, &parsed), 40);
    let rule = line(&reader, "page 2");
    assert_eq!((rule.look, width(&rule.text)), (Look::Rule, 40));
    assert!(rule.text.starts_with("── page 2 ──"));
}

/// What is shown of the documents' texts, without frames and blanks.
fn squeezed(reader: &ReaderState) -> String {
    let mut out = String::new();
    for line in &reader.lines {
        for (text, parts) in line.pieces() {
            if !parts.contains(&Part::Frame) {
                out.extend(text.chars().filter(|character| !character.is_whitespace()));
            }
        }
    }
    out
}

fn holds_every_word(reader: &ReaderState, columns: usize) -> Result<(), TestCaseError> {
    let shown = squeezed(reader);
    let mut at = 0;
    for chunk in &reader.document.chunks {
        let text = &chunk.text[chunk.overlap_bytes as usize..];
        let is_mark = |character: char| character.is_whitespace() || "`|->*".contains(character);
        for word in text.split(is_mark).filter(|word| !word.is_empty()) {
            let found = shown[at..].find(word);
            prop_assert!(found.is_some(), "{word:?} of {text:?} is lost in {:#?}", texts(reader));
            at += found.unwrap() + word.len();
        }
    }
    for line in &reader.lines {
        prop_assert!(width(&line.text) <= columns, "{:?} is wider than {columns}", line.text);
        for (range, _) in &line.parts {
            prop_assert!(line.text.get(range.clone()).is_some(), "{range:?} is no part of {:?}", line.text);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_a_note_is_lost_and_nothing_is_too_wide(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "word ", "日本語 ", "e\u{301}a ", "👩‍👩‍👧 ", "\n", "\n\n", "# ", "## ", "- ", "  - ", "7. ", "> ", "```\n", "`co de` ",
            "**", "*", "~~", "[text](to.md) ", "[[note|name]] ", "[[note]] ", "| a | b |\n|---|---|\n| c | d |\n", "\t", "\\# ",
            "averyveryverylongwordindeedwithoutanyblank ", "https://example.org/a?b=c ", "%% gone %% ", "#tag ", "<b>html</b> ",
        ]), 1..60),
        columns in 10_usize..90,
    ) {
        let Ok(parsed) = markdown::parse(pieces.concat().as_bytes()) else { return Ok(()) };
        let reader = open(document("note.md", SourceType::Markdown, &parsed), columns);
        holds_every_word(&reader, columns)?;
    }

    #[test]
    fn nothing_of_a_mail_is_lost_and_nothing_is_too_wide(
        text in "([a-z日é>| \t\n-]|> |  - |[0-9]\\. ){1,200}",
        kind in prop::sample::select(vec![ChunkKind::Body, ChunkKind::Quoted, ChunkKind::Signature]),
        columns in 10_usize..90,
    ) {
        let mut reader = open(mail("a mail", &[(kind, &text)]), columns);
        reader.shows_quotes = true;
        reader.refresh();
        holds_every_word(&reader, columns)?;
    }
}
