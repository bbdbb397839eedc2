//! The elements that are open, as the tree builder would have them; whatever closes is closed in so many words. Used by
//! `limits` only.

use super::names::Kind;
use super::tags::{Tag, write_end};

/// What stands in for formatting, which the tree builder would open anew in every block that follows: names that mean
/// nothing to it, and to `walk` what the element said of its text.
fn plain(name: &str) -> &'static str {
    match name {
        "b" | "strong" => "x-strong",
        "i" | "em" => "x-em",
        "s" | "strike" => "x-s",
        "code" | "tt" => "x-code",
        "a" => "x-a",
        _ => "span",
    }
}

#[derive(Debug)]
struct Element<'a> {
    kind: Kind,
    /// Its name as compared.
    name: std::borrow::Cow<'a, str>,
    /// Its name as it was written out.
    written: &'a str,
    /// Inside a picture or formula.
    is_foreign: bool,
}

/// The open elements, outermost first.
#[derive(Debug, Default)]
pub(super) struct Open<'a> {
    elements: Vec<Element<'a>>,
}

impl<'a> Open<'a> {
    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether the innermost one is of a picture or formula.
    pub(super) fn is_foreign(&self) -> bool {
        self.elements.last().is_some_and(|element| element.is_foreign)
    }

    /// Whether it is one that may hold a page.
    pub(super) fn is_at_point(&self) -> bool {
        self.elements.last().is_some_and(|element| element.is_foreign && element.kind == Kind::Point)
    }

    pub(super) fn push(&mut self, tag: &Tag<'a>, kind: Kind, out: &mut String) {
        let is_foreign = kind == Kind::Foreign || self.is_foreign();
        let written = if kind.is_formatting() && !is_foreign { plain(&tag.name) } else { tag.written() };
        tag.write_as(written, out);
        // Outside of pictures their parts are nothing special.
        let kind = if kind == Kind::Point && !is_foreign { Kind::Other } else { kind };
        self.elements.push(Element { kind, name: tag.name.clone(), written, is_foreign });
    }

    /// Closes everything from the element at `at` on, innermost first.
    pub(super) fn close_to(&mut self, at: usize, out: &mut String) {
        for element in self.elements.drain(at..).rev() {
            write_end(element.written, out);
        }
    }

    /// The innermost element that `is_wanted`, no further out than the first that `stops`.
    fn innermost(
        &self,
        is_wanted: impl Fn(&Element<'a>) -> bool,
        stops: impl Fn(&Element<'a>) -> bool,
    ) -> Option<usize> {
        for (at, element) in self.elements.iter().enumerate().rev() {
            if is_wanted(element) {
                return Some(at);
            }
            if stops(element) {
                return None;
            }
        }
        None
    }

    /// The element that an end tag closes.
    pub(super) fn find(&self, tag: &Tag<'a>, kind: Kind) -> Option<usize> {
        if self.is_foreign() {
            let is_own = |element: &Element<'a>| element.is_foreign && element.name == tag.name;
            if let Some(at) = self.innermost(is_own, |element| !element.is_foreign) {
                return Some(at);
            }
        }
        let is_named = |element: &Element<'a>| !element.is_foreign && element.name == tag.name;
        match kind {
            Kind::Heading => {
                self.innermost(|element| element.kind == Kind::Heading, |element| element.kind.is_boundary())
            }
            Kind::Paragraph => self.in_button(is_named),
            Kind::Item => {
                self.innermost(is_named, |element| element.kind.is_boundary() || matches!(&*element.name, "ol" | "ul"))
            }
            Kind::Table | Kind::Caption | Kind::RowGroup | Kind::Row | Kind::Cell => {
                self.innermost(is_named, |element| matches!(element.kind, Kind::Table | Kind::Template))
            }
            Kind::Template => self.innermost(is_named, |_| false),
            Kind::Block | Kind::Button | Kind::Term | Kind::Boundary | Kind::Select => {
                self.innermost(is_named, |element| element.kind.is_boundary())
            }
            _ => self.innermost(is_named, |element| element.kind.is_special()),
        }
    }

    fn in_button(&self, is_wanted: impl Fn(&Element<'a>) -> bool) -> Option<usize> {
        self.innermost(is_wanted, |element| element.kind.is_boundary() || element.kind == Kind::Button)
    }

    fn close_paragraph(&mut self, out: &mut String) {
        if let Some(at) = self.in_button(|element| element.kind == Kind::Paragraph) {
            self.close_to(at, out);
        }
    }

    fn close_while(&mut self, closes: impl Fn(Kind) -> bool, out: &mut String) {
        while self.elements.last().is_some_and(|element| closes(element.kind)) {
            self.close_to(self.elements.len() - 1, out);
        }
    }

    /// Closes what the beginning of an element ends; false when there is no place for it.
    pub(super) fn make_room(&mut self, tag: &Tag<'a>, kind: Kind, out: &mut String) -> bool {
        match kind {
            Kind::Paragraph | Kind::Block | Kind::Form => self.close_paragraph(out),
            Kind::Void if &*tag.name == "hr" => self.close_paragraph(out),
            Kind::Void if &*tag.name == "input" => {
                self.close_select(out);
            }
            Kind::Heading => {
                self.close_paragraph(out);
                if self.elements.last().is_some_and(|element| element.kind == Kind::Heading) {
                    self.close_to(self.elements.len() - 1, out);
                }
            }
            Kind::Item | Kind::Term => {
                let passes = |element: &Element<'a>| matches!(&*element.name, "address" | "div" | "p");
                let before = self
                    .innermost(|element| element.kind == kind, |element| element.kind.is_special() && !passes(element));
                if let Some(at) = before {
                    self.close_to(at, out);
                }
                self.close_paragraph(out);
            }
            Kind::Anchor => {
                // Links do not nest.
                if let Some(at) = self.innermost(|element| element.kind == kind, |element| element.kind.is_special()) {
                    self.close_to(at, out);
                }
            }
            Kind::Button => {
                if let Some(at) = self.innermost(|element| element.kind == kind, |element| element.kind.is_boundary()) {
                    self.close_to(at, out);
                }
            }
            Kind::Select => return !self.close_select(out),
            Kind::Choice => self.close_while(|last| last == Kind::Choice, out),
            Kind::ChoiceGroup => self.close_while(|last| matches!(last, Kind::Choice | Kind::ChoiceGroup), out),
            Kind::Ruby => self.close_while(|last| last == Kind::Ruby, out),
            Kind::Table => {
                self.close_paragraph(out);
                // One directly inside another ends it.
                let is_row = |kind| matches!(kind, Kind::Table | Kind::RowGroup | Kind::Row);
                if self.elements.last().is_some_and(|element| is_row(element.kind))
                    && let Some(at) = self.innermost(|element| element.kind == Kind::Table, |_| false)
                {
                    self.close_to(at, out);
                }
            }
            Kind::Caption | Kind::RowGroup | Kind::Row | Kind::Cell => return self.make_room_in_table(kind, out),
            _ => {}
        }
        true
    }

    /// A field for text ends a list to choose from, and so does the next one.
    fn close_select(&mut self, out: &mut String) -> bool {
        let found = self.innermost(|element| element.kind == Kind::Select, |element| element.kind.is_boundary());
        if let Some(at) = found {
            self.close_to(at, out);
        }
        found.is_some()
    }

    /// Parts of a table stand in a table only.
    fn make_room_in_table(&mut self, kind: Kind, out: &mut String) -> bool {
        let is_table = |element: &Element<'a>| matches!(element.kind, Kind::Table | Kind::Template);
        let Some(table) = self.innermost(is_table, |_| false) else { return false };
        let holder = |element: &Element<'a>| match kind {
            Kind::Cell => matches!(element.kind, Kind::Row | Kind::RowGroup),
            Kind::Row => element.kind == Kind::RowGroup,
            _ => false,
        };
        let at = self.innermost(holder, is_table).unwrap_or(table);
        self.close_to(at + 1, out);
        true
    }
}
