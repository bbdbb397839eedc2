//! Walks a page's tree and writes its text: the page's own, and what stands beside it. Used by `html` only.

mod elements;
mod writer;

use scraper::node::{Element, Node};
use scraper::{ElementRef, Html};

use crate::ingest::parse::Section;

use elements::{Part, part};
use writer::Writer;

/// Pages within pages that are read.
const DEEPEST_FRAME: usize = 3;

/// How much of a page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// What a reader sees; menus, margins and footers beside it.
    Visible,
    /// The same with what is hidden.
    Everything,
    /// All of it in its order, as a snippet is read.
    InOrder,
}

/// The text of a page.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The page's own text.
    pub(super) sections: Vec<Section>,
    /// Menus, margins, footers, buttons, and what only some readers see: to be ranked below.
    pub(super) beside: Vec<Section>,
    pub(super) first_heading: Option<String>,
    /// Pages within it lie too deep.
    pub(super) is_cut: bool,
}

impl Read {
    pub(super) fn is_empty(&self) -> bool {
        self.sections.is_empty() && self.beside.is_empty()
    }

    /// Whether `text` stands in it already.
    pub(super) fn holds(&self, text: &str) -> bool {
        self.sections.iter().chain(&self.beside).any(|section| section.text.contains(text))
    }
}

/// Reads the page.
pub(super) fn read(page: &Html, whole: Whole) -> Read {
    read_framed(page, whole, 0)
}

/// One step of the walk: enter a node, or leave an element.
enum Step<'a> {
    Enter(NodeRef<'a>),
    Leave(&'a Element, Part),
}

/// The tree's node type; scraper exposes it only through its methods.
type NodeRef<'a> = <ElementRef<'a> as std::ops::Deref>::Target;

#[derive(Default)]
struct Walk {
    main: Writer,
    beside: Writer,
    /// Elements beside the text that are open.
    aside: usize,
    /// Pictures that are open, and their texts.
    pictures: usize,
    labels: usize,
    /// Quotes, figures, articles: their footers are theirs.
    owners: usize,
    is_cut: bool,
}

impl Walk {
    fn writer(&mut self) -> &mut Writer {
        if self.aside > 0 { &mut self.beside } else { &mut self.main }
    }
}

fn read_framed(page: &Html, whole: Whole, frame: usize) -> Read {
    let mut walk = Walk::default();
    let mut stack = vec![Step::Enter(*page.root_element())];
    while let Some(step) = stack.pop() {
        match step {
            Step::Leave(element, part) => leave(&mut walk, element, part),
            Step::Enter(node) => match node.value() {
                Node::Text(text) if walk.pictures == 0 || walk.labels > 0 => walk.writer().push_text(text),
                Node::Element(element) => {
                    let part = in_place(part(element, whole == Whole::Visible), &walk, whole);
                    if part == Part::Frame {
                        read_frame(&mut walk, element, whole, frame);
                    }
                    if matches!(part, Part::Nothing | Part::Frame) {
                        continue;
                    }
                    enter(&mut walk, element, part);
                    stack.push(Step::Leave(element, part));
                    stack.extend(node.children().rev().map(Step::Enter));
                }
                Node::Document | Node::Fragment => stack.extend(node.children().rev().map(Step::Enter)),
                _ => {}
            },
        }
    }
    let (sections, first_heading) = walk.main.end();
    Read { sections, beside: walk.beside.end().0, first_heading, is_cut: walk.is_cut }
}

/// What stands beside the text elsewhere is text here: a snippet is read in its order, a heading's button is the
/// heading, the footer of a quote says whose it is.
fn in_place(part: Part, walk: &Walk, whole: Whole) -> Part {
    match part {
        Part::Beside | Part::Button | Part::Footer if whole == Whole::InOrder => Part::Text,
        Part::Button if walk.main.is_in_heading() || walk.beside.is_in_heading() => Part::Text,
        Part::Footer if walk.owners > 0 => Part::Text,
        Part::Button | Part::Footer => Part::Beside,
        part => part,
    }
}

fn enter(walk: &mut Walk, element: &Element, part: Part) {
    match part {
        Part::Beside | Part::Picture => {
            // A button within a line does not tear it.
            if elements::is_block(element.name()) {
                walk.writer().break_block();
            }
            walk.aside += 1;
            walk.pictures += usize::from(part == Part::Picture);
            walk.writer().break_block();
        }
        Part::Label => {
            walk.labels += 1;
            walk.writer().new_line();
        }
        _ => {}
    }
    walk.owners += usize::from(elements::owns_its_footer(element));
    walk.writer().enter(element);
}

fn leave(walk: &mut Walk, element: &Element, part: Part) {
    walk.writer().leave(element);
    walk.owners -= usize::from(elements::owns_its_footer(element));
    match part {
        Part::Beside | Part::Picture => {
            walk.writer().break_block();
            walk.aside -= 1;
            walk.pictures -= usize::from(part == Part::Picture);
        }
        Part::Label => walk.labels -= 1,
        _ => {}
    }
}

/// A page that is kept inside an attribute of this one.
fn read_frame(walk: &mut Walk, element: &Element, whole: Whole, frame: usize) {
    if let Some(source) = element.attr("srcdoc") {
        if frame >= DEEPEST_FRAME {
            walk.is_cut = true;
            return;
        }
        let inner = read_framed(&super::tree(source).0, whole, frame + 1);
        walk.is_cut |= inner.is_cut;
        walk.writer().take_in(inner.sections);
        walk.beside.take_in(inner.beside);
    }
}
