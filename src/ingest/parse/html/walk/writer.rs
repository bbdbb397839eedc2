//! Text as it grows out of elements: blanks folded, blocks parted, headings at the beginning of their sections. Used by
//! `walk` only.

use scraper::node::Element;

use crate::domain::shape::{self, Shape, ShapeKind};
use crate::ingest::parse::Section;
use crate::ingest::parse::outline::Outline;

use super::elements::{heading_level, is_block, is_line};

/// Longer runs without a blank after `;base64,` are pasted files.
const DATA: &str = ";base64,";
/// A longer address is not kept beside its text.
const LONGEST_TARGET: usize = 2_000;

#[derive(Default)]
pub(super) struct Writer {
    sections: Vec<Section>,
    outline: Outline,
    text: String,
    heading: Option<String>,
    /// Headings that are open, one within the other.
    headings: usize,
    first_heading: Option<String>,
    preformatted: usize,
    /// What parts of the text are.
    shapes: Vec<Shape>,
    /// Elements that are open and say what their text is: where it begins.
    open: Vec<(ShapeKind, usize)>,
    /// The number of the next item of every open list, if it counts.
    lists: Vec<Option<u64>>,
}

impl Writer {
    pub(super) fn is_in_heading(&self) -> bool {
        self.heading.is_some()
    }

    pub(super) fn enter(&mut self, element: &Element) {
        let name = element.name();
        if heading_level(element).is_some() {
            self.headings += 1;
            if self.headings == 1 {
                self.flush();
                self.heading = Some(String::new());
            } else {
                self.push(" ");
            }
        } else if is_block(name) {
            self.break_block();
        } else if is_line(name) {
            self.new_line();
            if name == "li" {
                self.push("- ");
                self.count_item();
            }
        } else if matches!(name, "td" | "th") && !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
            self.push(" | ");
        } else if matches!(name, "img" | "area" | "input")
            && let Some(description) = element.attr("alt").filter(|text| !text.trim().is_empty())
        {
            self.push_text(" ");
            self.push_text(description);
            self.push_text(" ");
        }
        if let Some(kind) = shape_of(element) {
            self.open.push((kind, self.text.len()));
        }
        if matches!(name, "ol" | "ul") {
            let first = element.attr("start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
            self.lists.push((name == "ol").then_some(first));
        }
        self.preformatted += usize::from(matches!(name, "pre" | "textarea"));
    }

    /// The item that has just begun stands in a list that may count.
    fn count_item(&mut self) {
        if let Some(Some(number)) = self.lists.last_mut()
            && let Some(mark) = self.text.strip_suffix("- ").map(str::len)
        {
            self.shapes.push(Shape::new(mark..mark + 1, ShapeKind::Item(*number)));
            *number = number.saturating_add(1);
        }
    }

    pub(super) fn leave(&mut self, element: &Element) {
        let name = element.name();
        self.preformatted -= usize::from(matches!(name, "pre" | "textarea"));
        if matches!(name, "ol" | "ul") {
            self.lists.pop();
        }
        if shape_of(element).is_some()
            && let Some((kind, start)) = self.open.pop()
        {
            let end = self.text.trim_end().len();
            // Code within a block of code says nothing more.
            let is_within = kind == ShapeKind::InlineCode && self.preformatted > 0;
            if start < end && self.heading.is_none() && !is_within {
                self.shapes.push(Shape::new(start..end, kind));
            }
        }
        if let Some(level) = heading_level(element) {
            self.headings -= 1;
            if self.headings == 0 {
                self.end_heading(level);
            }
        } else if is_block(name) {
            self.break_block();
        } else if is_line(name) && name != "br" {
            self.new_line();
        }
    }

    fn end_heading(&mut self, level: u8) {
        let Some(heading) = self.heading.take() else { return };
        let heading = heading.split_whitespace().collect::<Vec<_>>().join(" ");
        if !heading.is_empty() {
            self.outline.enter(level, &heading);
            self.first_heading.get_or_insert_with(|| heading.clone());
            self.text = heading;
            self.break_block();
        }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        let text = without_data(text);
        if self.preformatted > 0 {
            self.push(&text);
            return;
        }
        let mut folded = String::with_capacity(text.len());
        for character in text.chars() {
            if character.is_whitespace() {
                let at_blank = if folded.is_empty() { self.ends_blank() } else { folded.ends_with(' ') };
                if !at_blank {
                    folded.push(' ');
                }
            } else if character != '\u{ad}' {
                folded.push(character);
            }
        }
        self.push(&folded);
    }

    fn ends_blank(&self) -> bool {
        let text = self.heading.as_ref().unwrap_or(&self.text);
        text.is_empty() || text.ends_with([' ', '\n'])
    }

    fn push(&mut self, text: &str) {
        self.heading.as_mut().unwrap_or(&mut self.text).push_str(text);
    }

    pub(super) fn new_line(&mut self) {
        if self.heading.is_some() {
            self.push(" ");
        } else if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.trim_line();
            self.text.push('\n');
        }
    }

    pub(super) fn break_block(&mut self) {
        if self.heading.is_some() {
            self.push(" ");
            return;
        }
        self.trim_line();
        while !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn trim_line(&mut self) {
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
    }

    /// Sections that another page wrote.
    pub(super) fn take_in(&mut self, sections: Vec<Section>) {
        self.flush();
        self.sections.extend(sections);
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut shapes = std::mem::take(&mut self.shapes);
        for (kind, start) in &mut self.open {
            // What is open goes on in the next section.
            shapes.push(Shape::new(*start..text.len(), kind.clone()));
            *start = 0;
        }
        let before = text.len() - text.trim_start_matches('\n').len();
        let text = text.trim_matches('\n').trim_end();
        if !text.trim().is_empty() {
            let mut shapes = shape::cut(&shapes, &(before..before + text.len()), 0);
            shapes.sort_by_key(|shape| shape.start);
            let headings = self.outline.path();
            self.sections.push(Section { headings, text: text.to_owned(), shapes, ..Section::default() });
        }
    }

    /// What was written, and the first heading in it.
    pub(super) fn end(mut self) -> (Vec<Section>, Option<String>) {
        self.flush();
        (self.sections, self.first_heading)
    }
}

/// What an element says of its text. Formatting is a `span` by now, that of a link with where it leads (see `limits`).
fn shape_of(element: &Element) -> Option<ShapeKind> {
    Some(match element.name() {
        "blockquote" => ShapeKind::Quote,
        "pre" => ShapeKind::Code,
        "kbd" | "samp" => ShapeKind::InlineCode,
        "del" => ShapeKind::Struck,
        "span" => {
            let target = element.attr("href").map(str::trim)?;
            let leads = !target.is_empty() && !target.starts_with(['#', '?']) && target.len() <= LONGEST_TARGET;
            let scheme = target.split(':').next().unwrap_or_default().to_ascii_lowercase();
            ShapeKind::Link(leads.then(|| target.to_owned()).filter(|_| scheme != "javascript" && scheme != "data")?)
        }
        _ => return None,
    })
}

/// The text without pasted files: `data:image/png;base64,…`.
fn without_data(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains(DATA) {
        return text.into();
    }
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(DATA) {
        let scheme = before.rfind("data:").filter(|at| before.len() - at < 100);
        kept.push_str(&before[..scheme.unwrap_or(before.len())]);
        let end = after.find(|character: char| !character.is_ascii_alphanumeric() && !"+/=%".contains(character));
        rest = &after[end.unwrap_or(after.len())..];
    }
    kept.push_str(rest);
    kept.into()
}
