//! What the names of elements mean to the tree builder. Pure; used by `limits` only.

/// What an element is, as far as opening and closing go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `html`, `body`, `head`: there is one of each.
    Root,
    /// Pages of frames: only what stands beside the frames is read.
    Frames,
    /// Has no content.
    Void,
    /// Has content that is no markup.
    Raw(Raw),
    /// Bold, italic and their like: no text.
    Formatting,
    Anchor,
    Paragraph,
    Heading,
    Item,
    Term,
    Button,
    Choice,
    ChoiceGroup,
    Ruby,
    Select,
    Table,
    Caption,
    RowGroup,
    Row,
    Cell,
    Form,
    Template,
    /// `object` and its like: what is inside closes nothing outside.
    Boundary,
    /// A block that ends an open paragraph.
    Block,
    /// `noscript`: a block that ends none.
    Special,
    /// A picture or formula.
    Foreign,
    /// Where a picture or formula holds a page again.
    Point,
    /// Anything else.
    Other,
}

/// What the content of a raw element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// Nobody reads it.
    Program,
    /// Text with character references.
    Text,
    /// Text without.
    Verbatim,
    /// What programs see that know no frames.
    Frame,
    /// All that follows, without.
    Rest,
}

impl Kind {
    /// Whether it parts no words.
    pub(super) fn is_formatting(self) -> bool {
        matches!(self, Self::Formatting | Self::Anchor)
    }

    /// Whether the next of its kind ends it.
    pub(super) fn ends_itself(self) -> bool {
        matches!(self, Self::Paragraph | Self::Item | Self::Term | Self::Row | Self::Cell | Self::RowGroup)
    }

    /// Whether an end tag of an ordinary element looks no further.
    pub(super) fn is_special(self) -> bool {
        !matches!(
            self,
            Self::Formatting
                | Self::Anchor
                | Self::Choice
                | Self::ChoiceGroup
                | Self::Ruby
                | Self::Foreign
                | Self::Other
        )
    }

    /// Whether no end tag of a block looks further.
    pub(super) fn is_boundary(self) -> bool {
        matches!(self, Self::Boundary | Self::Table | Self::Caption | Self::Cell | Self::Template | Self::Point)
    }
}

/// The kind of an element by its name in lower case.
pub(super) fn kind(name: &str) -> Kind {
    match name {
        "html" | "body" | "head" => Kind::Root,
        "frameset" | "frame" | "selectedcontent" => Kind::Frames,
        "area" | "base" | "basefont" | "bgsound" | "br" | "col" | "embed" | "hr" | "image" | "img" | "input"
        | "keygen" | "link" | "meta" | "param" | "source" | "track" | "wbr" => Kind::Void,
        "script" | "style" => Kind::Raw(Raw::Program),
        "title" | "textarea" => Kind::Raw(Raw::Text),
        "xmp" | "noembed" | "noframes" => Kind::Raw(Raw::Verbatim),
        "iframe" => Kind::Raw(Raw::Frame),
        "plaintext" => Kind::Raw(Raw::Rest),
        "b" | "big" | "code" | "em" | "font" | "i" | "nobr" | "s" | "small" | "strike" | "strong" | "tt" | "u" => {
            Kind::Formatting
        }
        "a" => Kind::Anchor,
        "p" => Kind::Paragraph,
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Kind::Heading,
        "li" => Kind::Item,
        "dd" | "dt" => Kind::Term,
        "button" => Kind::Button,
        "option" => Kind::Choice,
        "optgroup" => Kind::ChoiceGroup,
        "rb" | "rp" | "rt" | "rtc" => Kind::Ruby,
        "select" => Kind::Select,
        "table" => Kind::Table,
        "caption" | "colgroup" => Kind::Caption,
        "tbody" | "thead" | "tfoot" => Kind::RowGroup,
        "tr" => Kind::Row,
        "td" | "th" => Kind::Cell,
        "form" => Kind::Form,
        "template" => Kind::Template,
        "applet" | "marquee" | "object" => Kind::Boundary,
        "address" | "article" | "aside" | "blockquote" | "center" | "details" | "dialog" | "dir" | "div" | "dl"
        | "fieldset" | "figcaption" | "figure" | "footer" | "header" | "hgroup" | "listing" | "main" | "menu"
        | "nav" | "ol" | "pre" | "search" | "section" | "summary" | "ul" => Kind::Block,
        "noscript" => Kind::Special,
        "svg" | "math" => Kind::Foreign,
        "foreignobject" | "desc" | "mi" | "mo" | "mn" | "ms" | "mtext" | "annotation-xml" => Kind::Point,
        // Inside pictures these would end them; outside they are as good as unknown.
        "span" | "sub" | "sup" | "var" | "ruby" => Kind::Formatting,
        _ => Kind::Other,
    }
}
