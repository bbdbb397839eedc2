//! Web pages saved whole (MHTML, `.mht`): the page and its frames out of the MIME parts, the pictures left aside. Called by
//! the pipeline for files and by `containers` for attachments.

use std::collections::HashSet;

use crate::domain::{Link, LinkKind};
use crate::ingest::parse::{ParseError, Parsed, Section, html};

use super::mime::{PART_LIMIT, Part};
use super::{date, plain, words};

/// Most frames read from one page.
const FRAME_LIMIT: usize = 200;

fn is_page(part: &Part<'_>) -> bool {
    part.content_type.is("text", "html") || part.content_type.is("application", "xhtml+xml")
}

fn is_plain(part: &Part<'_>) -> bool {
    part.content_type.is("text", "plain")
}

/// The leaves of this kind, in order.
fn leaves<'tree, 'raw>(part: &'tree Part<'raw>, is_wanted: fn(&Part<'_>) -> bool, found: &mut Vec<&'tree Part<'raw>>) {
    if part.children.is_empty() {
        if is_wanted(part) {
            found.push(part);
        }
    } else {
        // As deep as the tree, which is bounded.
        part.children.iter().for_each(|child| leaves(child, is_wanted, found));
    }
}

fn content_id(text: &str) -> &str {
    text.trim().trim_matches(['<', '>', '"'])
}

/// One page of it; the text was decoded already, so its byte order mark overrules what the page says of itself.
fn page(part: &Part<'_>) -> Option<Parsed> {
    html::parse(format!("\u{feff}{}", part.text()).as_bytes()).ok()
}

/// Parses a saved page: its own text first, then what its frames hold.
///
/// # Errors
/// `NoText` when no part of it has text.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let root = Part::parse(bytes);
    let mut pages = Vec::new();
    leaves(&root, is_page, &mut pages);
    let left = pages.len().saturating_sub(FRAME_LIMIT);
    let start = root.content_type.parameter("start").map(content_id);
    let is_start = |part: &&Part<'_>| {
        let own = part.headers.text("Content-ID");
        start.is_some() && own.as_deref().map(content_id) == start
    };
    if let Some(at) = pages.iter().position(is_start) {
        let main = pages.remove(at);
        pages.insert(0, main);
    }
    pages.truncate(FRAME_LIMIT);
    let mut parsed = Parsed::default();
    let mut known: HashSet<String> = HashSet::new();
    for (at, found) in pages.iter().filter_map(|part| page(part)).enumerate() {
        let before = parsed.sections.len();
        if at == 0 {
            parsed = found;
        } else {
            // What a page repeats of itself stands; frames repeat what another says.
            parsed.sections.extend(found.sections.into_iter().filter(|section| !known.contains(&section.text)));
            parsed.left_out.extend(found.left_out);
        }
        known.extend(parsed.sections[before..].iter().map(|section| section.text.clone()));
    }
    if root.left > 0 {
        parsed.left_out.push(format!("a page of more than {PART_LIMIT} parts: the other {} were not read", root.left));
    }
    if left > 0 {
        parsed.left_out.push(format!("{left} frames were not read: at most {FRAME_LIMIT} are"));
    }
    if parsed.sections.is_empty() {
        let mut texts = Vec::new();
        leaves(&root, is_plain, &mut texts);
        let texts =
            texts.iter().map(|part| plain::clean(&part.text()).trim().to_owned()).filter(|text| !text.is_empty());
        parsed.sections = texts.map(|text| Section { text, ..Section::default() }).collect();
    }
    if parsed.sections.is_empty() {
        return Err(ParseError::NoText);
    }
    let headers = &root.headers;
    parsed.title = parsed.title.filter(|title| !title.trim().is_empty()).or_else(|| headers.text("Subject"));
    parsed.dated_at =
        parsed.dated_at.or_else(|| headers.all("Date").find_map(|value| date::parse(&words::decode_text(value))));
    let source = headers.text("Snapshot-Content-Location").or_else(|| headers.text("Content-Location"));
    if let Some(target) = source.filter(|target| target.starts_with("http://") || target.starts_with("https://")) {
        let link = Link { kind: LinkKind::Url, target: target.split('#').next().unwrap_or_default().to_owned() };
        parsed.links.retain(|known| *known != link);
        parsed.links.insert(0, link);
    }
    Ok(parsed.bounded())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.org/bread#top\r\nSubject: =?utf-8?Q?Bread=20with=20rye=20=E2=80=93=20B=C3=A4cker?=\r\nDate: Tue, 12 Mar 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\ttype=\"text/html\";\r\n\tboundary=\"----MultipartBoundary--x----\"\r\n\r\n\r\n------MultipartBoundary--x----\r\nContent-Type: text/html\r\nContent-ID: <frame-1@mhtml.blink>\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Location: https://example.org/bread\r\n\r\n<!DOCTYPE html><html><head><meta charset=3D\"iso-8859-1\"></head><body><h1>Sourdough</h1><p>B=C3=A4cker k=\r\nneten.</p><iframe src=3D\"cid:frame-2@mhtml.blink\"></iframe></body></html>\r\n------MultipartBoundary--x----\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n------MultipartBoundary--x----\r\nContent-Type: text/html; charset=\"windows-1251\"\r\nContent-ID: <frame-2@mhtml.blink>\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+zfDo4uXyPC9wPg==\r\n------MultipartBoundary--x------\r\n";

    #[test]
    fn a_page_with_a_frame() {
        let parsed = parse(PAGE.as_bytes()).unwrap();
        assert_eq!(parsed.title.as_deref(), Some("Sourdough"), "the page's own heading before the subject");
        let texts: Vec<&str> = parsed.sections.iter().map(|section| section.text.as_str()).collect();
        assert_eq!(texts, ["Sourdough\n\nBäcker kneten.", "Нривет"]);
        assert!(parsed.people.is_empty() && parsed.message.is_none());
        assert_eq!(parsed.links[0].target, "https://example.org/bread");
        assert_eq!(parsed.dated_at, crate::ingest::parse::date::parse("2024-03-12 10:00"));
    }

    #[test]
    fn the_start_part_comes_first_and_a_subject_is_a_title() {
        let saved = "From: \"Saved by Windows Internet Explorer 8\"\nSubject: Titre\nMIME-Version: 1.0\nContent-Type: multipart/related; start=\"<b@x>\"; boundary=x\n\n--x\nContent-Type: text/html\nContent-ID: <a@x>\n\n<p>frame\n--x\nContent-Type: text/html\nContent-ID: <b@x>\n\n<p>page\n--x--\n";
        let parsed = parse(saved.as_bytes()).unwrap();
        assert_eq!(parsed.title.as_deref(), Some("Titre"));
        let texts: Vec<&str> = parsed.sections.iter().map(|section| section.text.as_str()).collect();
        assert_eq!(texts, ["page", "frame"]);
        assert!(matches!(parse(b"MIME-Version: 1.0\nContent-Type: image/png\n\nx"), Err(ParseError::NoText)));
        let single = parse(b"MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n<p>only").unwrap();
        assert_eq!(single.sections[0].text, "only");
    }
}
