//! Word documents: paragraphs, headings by style, tables, notes, comments, headers and footers. Called by the pipeline.
//!
//! `package` opens the zip and unpacks its parts within a budget, so that a bomb is an error and not an outage; `styles`
//! tells headings and lists; `body` reads a part's XML as a stream.

mod body;
mod package;
mod styles;

use std::collections::HashSet;

use crate::domain::{ChunkKind, Link, LinkKind, PersonMention, PersonRole};

use super::{ParseError, Parsed, Section, date, html};

use body::Body;
use package::Package;

/// Parses a Word document.
///
/// # Errors
/// `Encrypted`, `Damaged` or `TooLarge`; `NoText` when nothing readable is in it.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(ParseError::Encrypted);
    }
    let mut package = Package::open(bytes)?;
    let main = package.main_part();
    let document = package.part(&main)?.ok_or_else(|| ParseError::Damaged(format!("{main} is missing")))?;
    let styles = package.part_beside(&main, "styles.xml")?.map(|xml| styles::read(&xml)).unwrap_or_default();
    let mut links = package.links(&main)?;
    let mut body = Body::new(styles);
    let mut left_out = Vec::new();
    if let Err(error) = body.read(&document) {
        // What stands before the damage is kept.
        if body.is_empty() {
            return Err(error);
        }
        left_out.push(format!("the text breaks off: {error}"));
    }
    body.flush();
    for chunk in std::mem::take(&mut body.foreign) {
        body.sections.extend(foreign(&mut package, &main, &chunk)?);
    }
    // Notes, comments, headers and footers follow the text; many headers are the same.
    let mut seen = HashSet::new();
    // Remarks and margins are ranked below the text; a document of nothing else is that.
    let beside = (!body.sections.is_empty()).then_some(ChunkKind::Aside);
    let (parts, left) = package.parts_beside_text(&main);
    if left > 0 {
        left_out.push(format!("{left} notes, headers and drawings were not read: at most {} are", parts.len()));
    }
    for name in parts {
        let Some(xml) = package.part(&name)? else { continue };
        let before = body.sections.len();
        body.begin_part();
        if let Err(error) = body.read(&xml) {
            left_out.push(format!("{name} breaks off: {error}"));
        }
        body.flush();
        let added = body.sections.split_off(before);
        let kind = beside.filter(|_| package::is_beside(&name));
        let added = added.into_iter().filter(|section| seen.insert(section.text.clone()));
        body.sections.extend(added.map(|section| Section { kind, ..section }));
        links.extend(package.links(&name)?);
    }
    let core = package.part("docProps/core.xml")?.map(|xml| styles::core_properties(&xml)).unwrap_or_default();
    let property = |name: &str| core.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let described: Vec<String> =
        ["subject", "category", "description"].iter().filter_map(|name| property(name)).collect();
    // A document without text is found by its title.
    let title_alone = if body.sections.is_empty() { property("title") } else { None };
    let described: Vec<String> = title_alone.into_iter().chain(described).collect();
    if !described.is_empty() {
        body.sections.push(Section { text: described.join("\n"), ..Section::default() });
    }
    if body.sections.is_empty() {
        return Err(ParseError::NoText);
    }
    let author =
        property("creator").map(|name| PersonMention { email: None, name: Some(name), role: PersonRole::Author });
    let tags = property("keywords").unwrap_or_default();
    links.extend(body.links);
    let mut unique = HashSet::new();
    links.retain(|link| unique.insert(link.clone()));
    Ok(Parsed {
        title: property("title").or(body.first_heading),
        dated_at: property("modified").or_else(|| property("created")).and_then(|text| date::parse(&text)),
        tags: tags.split([',', ';']).map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect(),
        links,
        people: author.into_iter().collect(),
        sections: body.sections,
        left_out,
        ..Parsed::default()
    }
    .bounded())
}

/// A document of another kind that this one includes: programs that make Word documents out of pages do.
fn foreign(package: &mut Package<'_>, main: &str, id: &str) -> Result<Option<Section>, ParseError> {
    let Some(name) = package.target(main, id)? else { return Ok(None) };
    let Some(source) = package.part(&name)? else { return Ok(None) };
    let is_page = source.get(..2_048).unwrap_or(&source).to_lowercase().contains('<');
    let text = if is_page { html::to_text(&source) } else { source };
    Ok((!text.trim().is_empty()).then(|| Section { text, ..Section::default() }))
}

/// The address a link leads to, without the place on its page.
fn link(target: &str) -> Option<Link> {
    let target = target.split('#').next().unwrap_or_default().trim();
    target.contains("://").then(|| Link { kind: LinkKind::Url, target: target.to_owned() })
}

#[cfg(test)]
mod tests;
