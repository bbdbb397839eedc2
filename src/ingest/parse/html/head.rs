//! What a page says of itself: title, description, author, date, keywords; and where it leads. Used by `html` only.

use std::collections::HashSet;

use scraper::node::Element;
use scraper::{ElementRef, Html};

use crate::domain::{Link, LinkKind, Timestamp};
use crate::ingest::parse::date;

/// Longest keyword.
const LONGEST_TAG: usize = 60;

#[derive(Default)]
pub(super) struct Head {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) author: Option<String>,
    pub(super) dated_at: Option<Timestamp>,
    pub(super) tags: Vec<String>,
    pub(super) links: Vec<Link>,
    /// Where they lead, as written.
    pub(super) targets: Vec<String>,
    /// Where its pictures lie.
    pub(super) pictures: Vec<String>,
}

/// Names that `meta` elements give to the same thing, the best first.
const TITLES: [&str; 2] = ["og:title", "twitter:title"];
const DESCRIPTIONS: [&str; 3] = ["description", "og:description", "twitter:description"];
const AUTHORS: [&str; 4] = ["author", "article:author", "dc.creator", "citation_author"];
const DATES: [&str; 12] = [
    "article:published_time",
    "date",
    "dc.date",
    "datepublished",
    "dcterms.created",
    "dcterms.date",
    "citation_publication_date",
    "pubdate",
    "last-modified",
    "article:modified_time",
    "og:updated_time",
    "datemodified",
];
const KEYWORDS: [&str; 3] = ["keywords", "news_keywords", "article:tag"];

pub(super) fn read(page: &Html) -> Head {
    let mut metas: Vec<(String, String)> = Vec::new();
    let (mut title, mut written, mut links) = (None, None, Links::default());
    let mut pictures = Vec::new();
    for node in page.tree.nodes() {
        let Some(element) = ElementRef::wrap(node) else { continue };
        match element.value().name() {
            "meta" => metas.extend(meta(element.value())),
            "title" if title.is_none() && !is_in_picture(element) => {
                title = folded(&element.text().collect::<String>());
            }
            "time" if written.is_none() => written = element.value().attr("datetime").and_then(date::parse),
            "a" | "area" => links.add(element.value().attr("href")),
            "img" => pictures.extend(element.value().attr("src").and_then(written_target)),
            _ => {}
        }
    }
    let of = |names: &[&str]| {
        let found = names.iter().find_map(|name| metas.iter().find(|(known, _)| known == name));
        found.map(|(_, value)| value.clone())
    };
    let dates = DATES.iter().flat_map(|name| metas.iter().filter(move |(known, _)| known == name));
    let keywords = metas.iter().filter(|(name, _)| KEYWORDS.contains(&name.as_str()));
    let mut seen = HashSet::new();
    Head {
        title: title.or_else(|| of(&TITLES)),
        description: of(&DESCRIPTIONS),
        author: of(&AUTHORS),
        dated_at: dates.into_iter().find_map(|(_, value)| date::parse(value)).or(written),
        tags: keywords
            .flat_map(|(_, words)| words.split(','))
            .map(|tag| tag.trim().to_lowercase())
            .filter(|tag| !tag.is_empty() && tag.len() < LONGEST_TAG && seen.insert(tag.clone()))
            .collect(),
        links: links.found,
        targets: links.targets,
        pictures,
    }
}

fn meta(element: &Element) -> Option<(String, String)> {
    let name = ["name", "property", "http-equiv", "itemprop"].iter().find_map(|attribute| element.attr(attribute))?;
    let content = folded(element.attr("content")?)?;
    Some((name.trim().to_lowercase(), content))
}

fn is_in_picture(element: ElementRef<'_>) -> bool {
    element.parent().and_then(ElementRef::wrap).is_some_and(|parent| parent.value().name() == "svg")
}

fn folded(text: &str) -> Option<String> {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!folded.is_empty()).then_some(folded)
}

#[derive(Default)]
struct Links {
    found: Vec<Link>,
    seen: HashSet<Link>,
    targets: Vec<String>,
}

/// A target as it is written, without the name of a scheme that only says what it is; `None` for what leads nowhere else.
pub(in crate::ingest::parse) fn written_target(target: &str) -> Option<String> {
    let target = target.trim();
    let starts = |scheme: &str| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let bare =
        ["mailto:", "tel:"].iter().find(|scheme| starts(scheme)).map_or(target, |scheme| &target[scheme.len()..]);
    let leads_on =
        !bare.starts_with('#') && !["javascript:", "data:", "cid:", "about:"].iter().any(|scheme| starts(scheme));
    (leads_on && !bare.is_empty()).then(|| bare.to_owned())
}

impl Links {
    fn add(&mut self, target: Option<&str>) {
        let target = target.unwrap_or_default();
        self.targets.extend(written_target(target));
        let target = target.split('#').next().unwrap_or_default().trim();
        let leads_nowhere = ["mailto:", "javascript:", "data:", "tel:"].iter().any(|scheme| target.starts_with(scheme));
        if target.is_empty() || leads_nowhere {
            return;
        }
        let kind = if target.contains("://") || target.starts_with("//") { LinkKind::Url } else { LinkKind::File };
        let link = Link { kind, target: target.to_owned() };
        if self.seen.insert(link.clone()) {
            self.found.push(link);
        }
    }
}
