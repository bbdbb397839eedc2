//! HTML inside Markdown. A tag that HTML does not know is no tag: `Vec<String>`, `<your name>` stay. Used by `reader` only.

use crate::ingest::parse::html::{self, Fragment};

/// Names of elements; what else stands between `<` and `>` is text.
const KNOWN: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "bdi",
    "bdo",
    "big",
    "blink",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "circle",
    "cite",
    "code",
    "col",
    "colgroup",
    "data",
    "datalist",
    "dd",
    "del",
    "details",
    "dfn",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "frame",
    "frameset",
    "g",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "line",
    "link",
    "main",
    "map",
    "mark",
    "marquee",
    "math",
    "menu",
    "meta",
    "meter",
    "nav",
    "nobr",
    "noscript",
    "object",
    "ol",
    "optgroup",
    "option",
    "output",
    "p",
    "param",
    "path",
    "picture",
    "polygon",
    "pre",
    "progress",
    "q",
    "rect",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "script",
    "section",
    "select",
    "slot",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "text",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "use",
    "var",
    "video",
    "wbr",
];

/// What a tag in a line of text is to a reader.
pub(super) enum Inline {
    /// Nothing that is seen.
    Nothing,
    /// A new line.
    Break,
    /// Words, and where they lead.
    Text(Fragment),
    /// No tag at all.
    Verbatim,
}

/// Reads one tag or comment.
pub(super) fn inline(tag: &str) -> Inline {
    if tag.starts_with("<!") || tag.starts_with("<?") {
        return Inline::Nothing;
    }
    let name = tag.trim_start_matches(['<', '/']);
    let name = &name[..name.find(|character: char| !character.is_ascii_alphanumeric()).unwrap_or(name.len())];
    let name = name.to_ascii_lowercase();
    let has_attributes = tag.contains('=');
    match name.as_str() {
        "br" | "hr" => Inline::Break,
        "img" | "a" | "area" if has_attributes => Inline::Text(html::fragment(tag)),
        known if has_attributes || KNOWN.binary_search(&known).is_ok() => Inline::Nothing,
        _ => Inline::Verbatim,
    }
}

/// A block of HTML as a reader sees it.
pub(super) struct Block {
    pub(super) read: Fragment,
    /// What follows the mark of a comment that does not end in the block.
    pub(super) open: Option<String>,
}

/// Reads a block of HTML, its comments left out.
pub(super) fn block(source: &str) -> Block {
    let mut kept = String::with_capacity(source.len());
    let (mut rest, mut open) = (source, None);
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        // `<!-->` and `<!--->` are whole comments.
        let whole = after.strip_prefix("->").or_else(|| after.strip_prefix('>'));
        let ended = whole.or_else(|| after.split_once("-->").map(|(_, rest)| rest));
        if ended.is_none() {
            open = Some(after.to_owned());
        }
        rest = ended.unwrap_or_default();
    }
    kept.push_str(rest);
    if !kept.contains(['<', '&']) {
        return Block { read: Fragment { text: kept, ..Fragment::default() }, open };
    }
    Block { read: html::fragment(&kept), open }
}

#[cfg(test)]
mod tests {
    use super::KNOWN;

    #[test]
    fn the_names_of_elements_are_in_order() {
        assert!(KNOWN.is_sorted());
    }
}
