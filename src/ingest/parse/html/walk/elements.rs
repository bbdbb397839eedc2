//! What each element is to a reader. Pure; used by `walk` only.

use scraper::node::Element;

/// What becomes of an element's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The page's own text.
    Text,
    /// Beside the text: menus, margins.
    Beside,
    /// A footer, of the page or of a quote.
    Footer,
    /// A button, perhaps of a heading that opens what is below it.
    Button,
    /// A drawn picture: only its labels are text.
    Picture,
    /// A label of a picture.
    Label,
    /// A page of its own.
    Frame,
    /// Nobody reads it.
    Nothing,
}

/// What `element` is; `visible` says whether what the page hides is left out.
pub(super) fn part(element: &Element, visible: bool) -> Part {
    let role = element.attr("role").unwrap_or_default();
    if visible && element.attr("hidden").is_some_and(|how| !how.eq_ignore_ascii_case("until-found")) {
        return Part::Nothing;
    }
    if is_twice(element) {
        return Part::Nothing;
    }
    match element.name() {
        // The content of an element as the page shows it; any other template is for its scripts.
        "template" if is_shadow(element) => Part::Text,
        "script" | "style" | "head" | "object" | "select" | "datalist" | "template" => Part::Nothing,
        "iframe" => Part::Frame,
        "svg" => Part::Picture,
        "text" | "title" | "desc" => Part::Label,
        "button" => Part::Button,
        "footer" => Part::Footer,
        "nav" | "aside" | "noscript" => Part::Beside,
        _ if visible && element.attr("aria-hidden") == Some("true") => Part::Beside,
        _ => match role {
            "navigation" | "complementary" | "search" => Part::Beside,
            "contentinfo" => Part::Footer,
            _ => Part::Text,
        },
    }
}

/// A declarative shadow root, by its name and by those it had before.
fn is_shadow(element: &Element) -> bool {
    ["shadowrootmode", "shadowroot", "shadowmode"].iter().any(|name| element.attr(name).is_some())
}

/// Formulas stand in a page twice: once to be seen, once to be read.
fn is_twice(element: &Element) -> bool {
    element.attr("aria-hidden") == Some("true")
        && element.attr("class").is_some_and(|class| class.contains("katex-html") || class.contains("MJX"))
}

/// Whether a footer inside belongs to it and not to the page.
pub(super) fn owns_its_footer(element: &Element) -> bool {
    matches!(element.name(), "blockquote" | "figure" | "article" | "section" | "dialog")
}

/// The level of a heading.
pub(super) fn heading_level(element: &Element) -> Option<u8> {
    match element.name().as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ if element.attr("role") == Some("heading") => {
            let level = element.attr("aria-level").and_then(|level| level.trim().parse().ok());
            Some(level.unwrap_or(2_u8).clamp(1, 9))
        }
        _ => None,
    }
}

/// Whether it stands on lines of its own, with a blank one around it.
pub(super) fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "main"
            | "header"
            | "ul"
            | "ol"
            | "dl"
            | "menu"
            | "table"
            | "blockquote"
            | "pre"
            | "figure"
            | "form"
            | "hr"
            | "address"
            | "fieldset"
            | "details"
            | "dialog"
            | "center"
            | "hgroup"
            | "search"
            | "template"
            | "body"
            | "nav"
            | "footer"
            | "aside"
            | "noscript"
    )
}

/// Whether it begins a line.
pub(super) fn is_line(name: &str) -> bool {
    matches!(name, "li" | "tr" | "dt" | "dd" | "br" | "caption" | "summary" | "figcaption" | "legend" | "button")
}
