//! Obsidian's canvas: the texts of its cards and groups, what is written on its arrows, and the files and pages it shows.
//! Called by the pipeline.

use serde_json::Value;

use crate::domain::{Link, LinkKind};

use super::text::{cleaned, decode};
use super::{ParseError, Parsed, Section, excalidraw, text};

/// Parses a canvas. What is no canvas inside is taken as plain text.
///
/// # Errors
/// `NoText` when nothing is written on it.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if bytes.len() > excalidraw::LARGEST {
        return text::parse(bytes);
    }
    let canvas = serde_json::from_str::<Value>(&cleaned(&decode(bytes)));
    let Some(canvas) = canvas.ok().filter(Value::is_object) else { return text::parse(bytes) };
    let mut parsed = Parsed::default();
    for node in items(&canvas, "nodes") {
        for label in ["text", "label"].iter().filter_map(|name| filled(node, name)) {
            excalidraw::merge(&mut parsed, label);
        }
        if let Some(file) = filled(node, "file") {
            parsed.links.push(Link { kind: file_kind(file), target: file.to_owned() });
        }
        if let Some(url) = filled(node, "url") {
            parsed.links.push(Link { kind: LinkKind::Url, target: url.split('#').next().unwrap_or(url).to_owned() });
        }
    }
    for label in items(&canvas, "edges").filter_map(|edge| filled(edge, "label")) {
        excalidraw::merge(&mut parsed, label);
    }
    unique(&mut parsed.links);
    unique(&mut parsed.tags);
    if parsed.sections.is_empty() {
        // A board of pictures and pages is found by what it shows.
        let shown: Vec<&str> = parsed.links.iter().map(|link| link.target.as_str()).collect();
        if shown.is_empty() {
            return Err(ParseError::NoText);
        }
        parsed.sections.push(Section { text: shown.join("\n"), ..Section::default() });
    }
    Ok(parsed.bounded())
}

fn items<'a>(canvas: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    canvas.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn filled<'a>(item: &'a Value, name: &str) -> Option<&'a str> {
    item.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// Paths on a canvas start at the vault, as those of wikilinks do; a picture is no note.
fn file_kind(path: &str) -> LinkKind {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_lowercase()).unwrap_or_default();
    if matches!(extension.as_str(), "md" | "markdown" | "canvas" | "pdf") { LinkKind::Wikilink } else { LinkKind::File }
}

fn unique<T: PartialEq + Clone + Ord>(items: &mut Vec<T>) {
    let mut seen = std::collections::BTreeSet::new();
    items.retain(|item| seen.insert(item.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: &str = r##"{"nodes":[
        {"id":"a1b2c3","type":"text","text":"# Launch plan\nRelease the **zeppelin** in May #launch\n\nSee [[Crew]]","x":-120,"y":-300},
        {"id":"d4","type":"file","file":"notes/Budget.md","x":1},
        {"id":"e5","type":"link","url":"https://example.org/hangar"},
        {"id":"g","type":"group","label":"Ground works"}],
        "edges":[{"id":"e","fromNode":"a1b2c3","toNode":"d4","label":"depends on tarmac"}]}"##;

    #[test]
    fn a_canvas_is_what_is_written_on_it() {
        let found = parse(BOARD.as_bytes()).unwrap();
        let texts: Vec<&str> = found.sections.iter().map(|section| section.text.as_str()).collect();
        assert_eq!(
            texts,
            ["Launch plan\n\nRelease the zeppelin in May #launch\n\nSee Crew", "Ground works", "depends on tarmac"]
        );
        assert_eq!(found.tags, ["launch"]);
        let links: Vec<(LinkKind, &str)> = found.links.iter().map(|link| (link.kind, link.target.as_str())).collect();
        let expected = [
            (LinkKind::Wikilink, "Crew"),
            (LinkKind::Wikilink, "notes/Budget.md"),
            (LinkKind::Url, "https://example.org/hangar"),
        ];
        assert_eq!((links.as_slice(), found.title), (expected.as_slice(), None));
    }

    #[test]
    fn an_empty_or_broken_canvas_is_said() {
        assert_eq!(parse(b"{}"), Err(ParseError::NoText));
        assert_eq!(parse(b"{\"nodes\":[],\"edges\":[]}"), Err(ParseError::NoText));
        assert!(parse(b"{\"nodes\":[{\"text\":\"cut off").unwrap().sections[0].text.contains("cut off"));
        let only_file = parse(br#"{"nodes":[{"type":"file","file":"plan.png"}]}"#).unwrap();
        assert_eq!(only_file.sections[0].text, "plan.png");
        assert!(parse(format!("{{\"nodes\":{}", "[".repeat(100_000)).as_bytes()).is_ok());
    }
}
