use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

const SPACES: &str = "xmlns:w=\"w\" xmlns:mc=\"mc\" xmlns:wps=\"wps\" xmlns:r=\"r\" xmlns:v=\"v\" xmlns:wp=\"wp\" xmlns:a=\"a\" xmlns:m=\"m\"";

fn zipped(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn wrapped(body: &str) -> String {
    format!("<?xml version=\"1.0\"?><w:document {SPACES}><w:body>{body}</w:body></w:document>")
}

fn read(body: &str) -> Parsed {
    parse(&zipped(&[("word/document.xml", &wrapped(body))])).unwrap()
}

fn all_text(parsed: &Parsed) -> String {
    parsed.sections.iter().map(|section| section.text.as_str()).collect::<Vec<_>>().join("\n\n")
}

fn text(body: &str) -> String {
    all_text(&read(body))
}

fn p(text: &str) -> String {
    format!("<w:p><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>")
}

fn styled(style: &str, text: &str) -> String {
    format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
}

#[test]
fn what_was_moved_stands_once_and_what_was_deleted_is_gone() {
    let run = "<w:r><w:t>Finalise the hovercraft.</w:t></w:r>";
    let body = format!(
        "{}<w:p><w:moveTo w:id=\"1\">{run}</w:moveTo></w:p><w:p><w:r><w:t xml:space=\"preserve\">Rest. </w:t></w:r>\
        <w:moveFrom w:id=\"2\">{run}</w:moveFrom></w:p><w:p><w:ins><w:r><w:t>Inserted puffin. </w:t></w:r></w:ins>\
        <w:del><w:r><w:delText>Deleted razorbill.</w:delText></w:r></w:del></w:p>",
        p("Agenda")
    );
    assert_eq!(text(&body), "Agenda\n\nFinalise the hovercraft.\n\nRest.\n\nInserted puffin.");
    let joined =
        format!("<w:p><w:pPr><w:rPr><w:del w:id=\"1\"/></w:rPr></w:pPr><w:r><w:t>One </w:t></w:r></w:p>{}", p("line"));
    assert_eq!(text(&joined), "One line");
    let was_heading = "<w:p><w:pPr><w:pPrChange><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr></w:pPrChange></w:pPr><w:r><w:t>Text</w:t></w:r></w:p>";
    assert!(read(was_heading).sections[0].headings.is_empty());
}

#[test]
fn a_text_box_stands_once_beside_its_paragraph() {
    let inner = format!("<w:txbxContent>{}{}</w:txbxContent>", p("CALLOUT about"), p("the marmoset"));
    let choice = format!("<mc:Choice Requires=\"wps\"><wps:txbx>{inner}</wps:txbx></mc:Choice>");
    let fallback = format!("<mc:Fallback><w:pict><v:textbox>{inner}</v:textbox></w:pict></mc:Fallback>");
    let before = "<w:r><w:t xml:space=\"preserve\">Before. </w:t></w:r>";
    let after = "<w:r><w:t>After.</w:t></w:r>";
    for shape in [
        format!("<mc:AlternateContent>{choice}{fallback}</mc:AlternateContent>"),
        format!("<mc:AlternateContent>{choice}{choice}{fallback}</mc:AlternateContent>"),
        format!("<mc:AlternateContent>{fallback}</mc:AlternateContent>"),
        format!("<w:pict><v:textbox>{inner}</v:textbox></w:pict>"),
    ] {
        let body = format!("<w:p>{before}<w:r>{shape}</w:r>{after}</w:p>{}", p("Last"));
        assert_eq!(text(&body), "Before. After.\n\nCALLOUT about\n\nthe marmoset\n\nLast", "{shape}");
    }
}

#[test]
fn headings_of_every_level_are_text_in_their_place() {
    let styles = "<w:styles xmlns:w=\"w\"><w:style w:styleId=\"berschrift2\"><w:name w:val=\"heading 2\"/></w:style>\
        <w:style w:styleId=\"Mine\"><w:name w:val=\"My heading\"/><w:basedOn w:val=\"berschrift2\"/></w:style>\
        <w:style w:styleId=\"Deep\"><w:name w:val=\"Deep\"/><w:pPr><w:outlineLvl w:val=\"3\"/></w:pPr></w:style>\
        <w:style w:styleId=\"Loop\"><w:name w:val=\"Loop\"/><w:basedOn w:val=\"Loop\"/></w:style></w:styles>";
    let body = [
        styled("Heading1", "Trip report"),
        p("Intro."),
        styled("berschrift2", "Hungary"),
        styled("Deep", "Budapest"),
        p("Baths."),
        styled("Mine", "Romania"),
        styled("Loop", "Text"),
        styled("berschrift2", "Bulgaria, still to do"),
    ]
    .concat();
    let found = parse(&zipped(&[("word/document.xml", &wrapped(&body)), ("word/styles.xml", styles)])).unwrap();
    let sections: Vec<(Vec<String>, &str)> =
        found.sections.iter().map(|section| (section.headings.clone(), section.text.as_str())).collect();
    let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        sections,
        [
            (path(&["Trip report"]), "Trip report\n\nIntro."),
            (path(&["Trip report", "Hungary"]), "Hungary"),
            (path(&["Trip report", "Hungary", "Budapest"]), "Budapest\n\nBaths."),
            (path(&["Trip report", "Romania"]), "Romania\n\nText"),
            (path(&["Trip report", "Bulgaria, still to do"]), "Bulgaria, still to do"),
        ]
    );
    assert_eq!(found.title.as_deref(), Some("Trip report"));
}

#[test]
fn tables_lists_and_small_marks_stay_readable() {
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", p(text));
    let table = format!(
        "<w:tbl><w:tr>{}{}</w:tr><w:tr><w:tc>{}{}</w:tc>{}</w:tr></w:tbl>{}",
        cell("Gibbon"),
        cell("12,50"),
        p("two"),
        p("lines"),
        cell("x"),
        p("After")
    );
    assert_eq!(text(&table), "Gibbon | 12,50\ntwo lines | x\n\nAfter");
    let item = |id: u8, text: &str| {
        format!("<w:p><w:pPr><w:numPr><w:numId w:val=\"{id}\"/></w:numPr></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    assert_eq!(text(&[item(1, "a"), item(1, "b"), item(0, "c")].concat()), "- a\n- b\n\nc");
    let odd = "<w:p><w:pPr><w:tabs><w:tab w:val=\"left\"/></w:tabs></w:pPr><w:r><w:t>ver</w:t><w:softHyphen/><w:t>mut ver\u{ad}mut</w:t></w:r>\
        <w:r><w:tab/><w:t>E = mc</w:t></w:r><w:r><w:rPr><w:vertAlign w:val=\"superscript\"/></w:rPr><w:t>2</w:t></w:r>\
        <w:r><w:noBreakHyphen/><w:t>c &amp; d &lt; e &#233;</w:t><w:br/><w:t>line</w:t></w:r></w:p>\
        <w:sdt><w:sdtContent><w:p><w:r><w:t>galago</w:t></w:r></w:p></w:sdtContent></w:sdt>\
        <w:p><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText>HYPERLINK \"https://x.org/?a=1&amp;b=2\"</w:instrText></w:r>\
        <w:r><w:fldChar w:fldCharType=\"separate\"/></w:r><w:r><w:t>potto</w:t></w:r><w:fldSimple w:instr=\"PAGE\"><w:r><w:t> tarsier</w:t></w:r></w:fldSimple></w:p>\
        <w:p><w:r><wp:docPr id=\"1\" name=\"x\" descr=\"A loris on a branch\"/></w:r></w:p>";
    let found = read(odd);
    assert_eq!(
        all_text(&found),
        "vermut vermut\tE = mc2-c & d < e é\nline\n\ngalago\n\npotto tarsier\n\nA loris on a branch"
    );
    assert_eq!(found.links[0].target, "https://x.org/?a=1&b=2");
}

#[test]
fn notes_comments_headers_and_footers_follow_the_text() {
    let part = |text: &str| format!("<w:x {SPACES}>{}</w:x>", p(text));
    let rels = "<Relationships><Relationship Id=\"r1\" Type=\"http://x/hyperlink\" Target=\"https://x.org/a?b=1&amp;c=2#d\"/></Relationships>";
    let document = wrapped(&[styled("Heading1", "Head"), p("Text")].concat());
    let parts = [
        ("word/header2.xml", part("howler monkey")),
        ("word/header1.xml", part("howler monkey")),
        ("word/footer1.xml", part("tamarin")),
        ("word/comments.xml", part("colobus")),
        ("word/footnotes.xml", part("mandrill")),
        ("word/endnotes.xml", part("uakari")),
        ("word/_rels/document.xml.rels", rels.to_owned()),
        ("docProps/core.xml", "<c><subject>Primates &amp; more</subject><creator>Ann</creator></c>".to_owned()),
        ("word/document.xml", document),
    ];
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let found = parse(&zipped(&parts)).unwrap();
    assert_eq!(
        all_text(&found),
        "Head\n\nText\n\nmandrill\n\nuakari\n\ncolobus\n\nhowler monkey\n\ntamarin\n\nPrimates & more"
    );
    assert!(found.sections[1].headings.is_empty());
    let aside: Vec<&str> = found
        .sections
        .iter()
        .filter(|section| section.kind == Some(ChunkKind::Aside))
        .map(|section| section.text.as_str())
        .collect();
    assert_eq!(aside, ["colobus", "howler monkey", "tamarin"], "notes belong to the text, margins and remarks do not");
    let margins = parse(&zipped(&[("word/document.xml", &wrapped("")), ("word/header1.xml", &part("all there is"))]));
    assert_eq!(margins.unwrap().sections[0].kind, None, "a document of nothing but margins");
    assert_eq!(found.links[0].target, "https://x.org/a?b=1&c=2");
}

#[test]
fn a_part_under_another_name_or_of_another_kind_is_found() {
    let rels = "<Relationships><Relationship Type=\"http://x/officeDocument\" Target=\"/word/document2.xml\"/></Relationships>";
    let found = parse(&zipped(&[("_rels/.rels", rels), ("word/document2.xml", &wrapped(&p("other name")))])).unwrap();
    assert_eq!(all_text(&found), "other name");
    let chunk =
        "<Relationships><Relationship Id=\"c1\" Type=\"http://x/aFChunk\" Target=\"chunk.html\"/></Relationships>";
    let parts = [
        ("word/document.xml", wrapped("<w:altChunk r:id=\"c1\"/>")),
        ("word/_rels/document.xml.rels", chunk.to_owned()),
        ("word/chunk.html", "<html><body><h1>Page</h1><p>inside".to_owned()),
    ];
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, content)| (*name, content.as_str())).collect();
    assert_eq!(all_text(&parse(&zipped(&parts)).unwrap()), "Page\n\ninside");
}

#[test]
fn what_stands_before_the_damage_is_kept_and_said() {
    let broken = format!("<w:document {SPACES}><w:body>{}<w:p><w:r><w:t>half</w:x>", p("whole"));
    let found = parse(&zipped(&[("word/document.xml", &broken)])).unwrap();
    assert!(all_text(&found).starts_with("whole"));
    assert!(found.left_out[0].contains("breaks off"), "{:?}", found.left_out);
    assert!(matches!(parse(&zipped(&[("word/document.xml", "<w:x></w:y>")])), Err(ParseError::Damaged(_))));
    assert_eq!(parse(&zipped(&[("word/document.xml", &wrapped(""))])), Err(ParseError::NoText));
}

#[test]
fn depth_and_attributes_are_only_long() {
    for count in [1_000, 4_000] {
        let boxes =
            format!("{}{}{}", "<w:p><w:txbxContent>".repeat(count), p("deep"), "</w:txbxContent></w:p>".repeat(count));
        assert_eq!(text(&boxes), "deep");
        let tables =
            format!("{}{}{}", "<w:tbl><w:tr><w:tc>".repeat(count), p("deep"), "</w:tc></w:tr></w:tbl>".repeat(count));
        assert!(text(&tables).len() < 10);
        let attributes = (0..count).map(|index| format!(" a{index}=\"b\"")).collect::<Vec<String>>().concat();
        let body =
            format!("<w:p><w:pPr><w:pStyle{attributes} w:val=\"Heading1\"/></w:pPr><w:r><w:t>x</w:t></w:r></w:p>");
        assert_eq!(read(&body).sections[0].headings, ["x"]);
    }
}

#[test]
fn a_list_of_what_is_included_is_read_once() {
    // Read anew for every page, it was unpacked until the budget of the document was spent.
    let chunks = (0..3_000).map(|i| format!("<w:altChunk r:id=\"r{i}\"/>")).collect::<Vec<String>>().concat();
    let relations = (0..3_000)
        .map(|i| format!("<Relationship Id=\"r{i}\" Type=\"x/aFChunk\" Target=\"p.html\"/>"))
        .collect::<Vec<String>>()
        .concat();
    let relations = format!("<Relationships>{relations}</Relationships>");
    let parts = [
        ("word/document.xml", wrapped(&chunks)),
        ("word/_rels/document.xml.rels", relations),
        ("word/p.html", "<p>page</p>".to_owned()),
    ];
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, content)| (*name, content.as_str())).collect();
    let found = parse(&zipped(&parts)).unwrap();
    assert_eq!((found.sections.len(), found.left_out.len()), (3_000, 0));
}

#[test]
fn parts_that_are_not_read_are_told() {
    let part = format!("<w:x {SPACES}>{}</w:x>", p("margin"));
    let names: Vec<String> = (0..600).map(|i| format!("word/header{i}.xml")).collect();
    let document = wrapped(&p("text"));
    let parts: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), part.as_str()))
        .chain([("word/document.xml", document.as_str())])
        .collect();
    let found = parse(&zipped(&parts)).unwrap();
    assert_eq!(found.left_out, ["100 notes, headers and drawings were not read: at most 500 are"]);
}
