//! Drawings of Excalidraw: the texts on them, and where they lead; not the drawing. A `.excalidraw` file is JSON; Obsidian
//! keeps one in a note whose drawing is packed. Called by the pipeline, and by `markdown` for such notes.

use serde_json::Value;

use crate::domain::{Link, LinkKind};

use super::text::{cleaned, decode};
use super::{ParseError, Parsed, Section, markdown};

/// Bytes of one drawing or canvas: what is read of it takes up to thirty times as much.
pub(super) const LARGEST: usize = 32 << 20;

/// Parses a `.excalidraw` file.
///
/// # Errors
/// `Damaged` when it is no drawing, `NoText` when no text is on it, `TooLarge`.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if bytes.len() > LARGEST {
        return Err(ParseError::TooLarge(format!("a drawing of more than {} MiB", LARGEST >> 20)));
    }
    let drawing: Value = serde_json::from_str(&cleaned(&decode(bytes)))
        .map_err(|error| ParseError::Damaged(format!("not a drawing of Excalidraw: {error}")))?;
    let mut parsed = Parsed::default();
    for element in drawing.get("elements").and_then(Value::as_array).into_iter().flatten() {
        if element.get("isDeleted").and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let field = |name: &str| element.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let text =
            field("originalText").or_else(|| field("rawText")).or_else(|| field("text")).or_else(|| field("name"));
        if let Some(text) = text {
            merge(&mut parsed, text);
        }
        if let Some(link) = field("link") {
            add_link(&mut parsed.links, link);
        }
    }
    if parsed.sections.is_empty() { Err(ParseError::NoText) } else { Ok(parsed.bounded()) }
}

fn add_link(links: &mut Vec<Link>, target: &str) {
    let kind = if target.contains("://") { LinkKind::Url } else { LinkKind::Wikilink };
    let target = target.trim().trim_start_matches("[[").trim_end_matches("]]");
    let target = target.split(['#', '|']).next().unwrap_or_default().trim();
    if !target.is_empty() {
        links.push(Link { kind, target: target.to_owned() });
    }
}

/// Takes a text written on a drawing or canvas in: its marks count, its headings are no title of the whole.
pub(super) fn merge(parsed: &mut Parsed, text: &str) {
    let read = markdown::parse(text.as_bytes());
    let read = read.unwrap_or_else(|_| Parsed {
        sections: vec![Section { text: cleaned(text).trim().to_owned(), ..Section::default() }],
        ..Parsed::default()
    });
    parsed.sections.extend(read.sections.into_iter().map(|section| Section { line: None, ..section }));
    parsed.tags.extend(read.tags);
    parsed.links.extend(read.links);
    parsed.concept_headings.extend(read.concept_headings);
    parsed.left_out.extend(read.left_out);
}

/// What the plugin writes around the texts of a drawing.
const FURNITURE: [&str; 4] = ["Excalidraw Data", "Text Elements", "Element Links", "Embedded Files"];

/// The text of a note that holds a drawing, line for line: the drawing, ids and what the plugin adds are left out.
/// Nothing when no drawing is in it.
pub(super) fn readable(body: &str) -> Option<String> {
    let mut out = String::with_capacity(body.len().min(64 << 10));
    let mut lines = body.lines().peekable();
    let mut has_drawing = false;
    while let Some(line) = lines.next() {
        let shown = line.trim();
        let heading = shown.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim());
        let is_packed = matches!(shown, "```compressed-json" | "```json");
        if is_packed || heading == Some("Drawing") || shown.starts_with("{\"type\":\"excalidraw\"") {
            has_drawing = true;
            if heading.is_some() && lines.peek().is_some_and(|next| next.trim().starts_with("```")) {
                lines.next();
                out.push('\n');
            }
            let inside = is_packed || heading.is_some();
            while inside && lines.peek().is_some_and(|next| !matches!(next.trim(), "```" | "%%")) {
                lines.next();
                out.push('\n');
            }
            if lines.peek().is_some_and(|next| next.trim() == "```") {
                lines.next();
                out.push('\n');
            }
        } else if !is_furniture(shown, heading) {
            out.push_str(without_ids(line));
        }
        out.push('\n');
    }
    let is_drawing = has_drawing || body.contains("Text Elements");
    is_drawing.then_some(out)
}

fn is_furniture(line: &str, heading: Option<&str>) -> bool {
    line == "%%" || line.starts_with("==⚠") || heading.is_some_and(|heading| FURNITURE.contains(&heading))
}

/// A line without the id of its element: `text ^a1B2c3D4`, `a1B2c3D4: [[Note]]`.
fn without_ids(line: &str) -> &str {
    let is_id = |id: &str| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if let Some((text, id)) = line.rsplit_once('^')
        && is_id(id.trim_end())
        && (text.is_empty() || text.ends_with(' '))
    {
        return text.trim_end();
    }
    match line.split_once(": ") {
        Some((id, rest))
            if id.len() >= 6 && is_id(id) && ["[[", "$$", "http"].iter().any(|start| rest.starts_with(start)) =>
        {
            rest
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(body: &str) -> Parsed {
        markdown::parse(format!("---\nexcalidraw-plugin: parsed\ntags: [excalidraw]\n---\n{body}").as_bytes()).unwrap()
    }

    fn all_text(parsed: &Parsed) -> String {
        parsed.sections.iter().map(|section| section.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_note_with_a_drawing_is_its_texts() {
        let packed = "N4KAkARALgngDgUwgLgAQQQDwMYEMA2AlgCYBOuA7hADTgQ\n\nBuCpAzoQPYB2KqATLZMzYBXUtiRoIACyhQ4z";
        let warning = "==⚠  Switch to EXCALIDRAW VIEW in the MORE OPTIONS menu of this document. ⚠==";
        for (before, after) in [
            ("# Text Elements\n", "%%\n# Drawing\n```compressed-json\n"),
            ("# Excalidraw Data\n\n## Text Elements\n", "%%\n## Drawing\n```compressed-json\n"),
            ("%%\n# Excalidraw Data\n\n## Text Elements\n", "## Drawing\n```compressed-json\n"),
        ] {
            let body = format!(
                "{warning}\n\nMy own remark about a kayak.\n\n{before}Hydrofoil sketch ^abc123\n\nSee [[Boat]] #sea ^d-E_f456\n\n## Element Links\nabc12345: [[Harbour]]\n\n{after}{packed}\n```\n%%\n"
            );
            let found = note(&body);
            let text = all_text(&found);
            assert!(
                text.starts_with("My own remark about a kayak.\n\nHydrofoil sketch\n\nSee Boat #sea\n\nHarbour"),
                "{text}"
            );
            for gone in ["N4KA", "BuCp", "abc123", "EXCALIDRAW", "Drawing", "Text Elements", "%%"] {
                assert!(!text.contains(gone), "{gone} in {text}");
            }
            assert_eq!(found.tags, ["excalidraw", "sea"]);
            assert_eq!(found.links.iter().map(|link| link.target.as_str()).collect::<Vec<_>>(), ["Boat", "Harbour"]);
        }
    }

    #[test]
    fn an_old_note_keeps_its_drawing_as_it_is() {
        let found = note("# Text Elements\nTugboat ^x1\n\n# Drawing\n{\"type\":\"excalidraw\",\"elements\":[]}\n");
        assert!(all_text(&found).starts_with("Tugboat\n"), "{}", all_text(&found));
        assert!(!all_text(&found).contains("elements"));
    }

    #[test]
    fn a_drawing_is_the_texts_on_it() {
        let drawing = r#"{"type":"excalidraw","version":2,"elements":[
            {"id":"a1","type":"text","text":"Zeppelin\nin May","originalText":"Zeppelin in May #launch","link":"https://example.org/x"},
            {"id":"b2","type":"rectangle","x":1.5},{"id":"c3","type":"frame","name":"Hangar"},
            {"id":"d4","type":"text","text":"gone","isDeleted":true}],"files":{}}"#;
        let found = parse(drawing.as_bytes()).unwrap();
        assert_eq!(all_text(&found), "Zeppelin in May #launch\nHangar");
        assert_eq!((found.tags.len(), found.links[0].target.as_str()), (1, "https://example.org/x"));
        assert_eq!(parse(b"{\"elements\":[]}"), Err(ParseError::NoText));
        assert!(matches!(parse(b"{\"elements\":["), Err(ParseError::Damaged(_))));
    }
}
