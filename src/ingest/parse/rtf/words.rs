//! What the control words of rich text mean, as far as text goes. Called by `rtf`.

/// Where a group's text goes by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Nobody reads it: styles, pictures, lists of things.
    Skipped,
    /// The table of fonts: names to skip, code pages to keep.
    Fonts,
    /// Text like any other, although old readers skip it.
    Text,
    /// Text on lines of its own: a header, a text box.
    Block,
    /// A footnote or comment.
    Note,
    /// What a field does; its result is text.
    Instruction,
    /// The same text twice, the second time in Unicode.
    Pair,
    /// That second time.
    UnicodeHalf,
    /// The document's title.
    Title,
    /// Its author.
    Author,
    /// When it was made.
    Created,
    /// When it was last changed.
    Revised,
}

/// What a control word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Stands for text.
    Character(&'static str),
    /// Opens a destination.
    Destination(Destination),
    /// A character by its number.
    Unicode,
    /// That many bytes follow which are no text.
    Binary,
    /// Anything else: a property, or unknown.
    Other,
}

/// Groups that hold no text to read.
const SKIPPED: &[&str] = &[
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "nonshppict",
    "shprslt",
    "sp",
    "filetbl",
    "listtable",
    "listoverridetable",
    "listpicture",
    "revtbl",
    "rsidtbl",
    "pnseclvl",
    "pntxta",
    "pntxtb",
    "xe",
    "tc",
    "tcn",
    "rxe",
    "bkmkstart",
    "bkmkend",
    "template",
    "private",
    "panose",
    "falt",
    "fontemb",
    "keycode",
    "objdata",
    "objclass",
    "objname",
    "themedata",
    "colorschememapping",
    "datastore",
    "latentstyles",
    "xmlnstbl",
    "nonesttables",
    "nesttableprops",
    "htmltag",
    "mhtmltag",
    "generator",
    "ftnsep",
    "ftnsepc",
    "ftncn",
    "aftnsep",
    "aftnsepc",
    "aftncn",
    "atnid",
    "atnauthor",
    "atntime",
    "atndate",
    "atnref",
    "atnparent",
    "atnicn",
    "atrfstart",
    "atrfend",
    "background",
    "passwordhash",
    "pgdsctbl",
    "wgrffmtfilter",
    "mmathpr",
    "picprop",
    "protusertbl",
    "userprops",
    "docvar",
    "fchars",
    "lchars",
    "oldcprops",
    "oldpprops",
    "oldsprops",
    "oldtprops",
    "datafield",
    "formfield",
];

/// The meaning of the word `name`.
pub(super) fn meaning(name: &str) -> Meaning {
    use Destination as D;
    let destination = match name {
        "par" | "line" | "sect" | "page" | "column" | "row" | "nestrow" | "softline" | "softpage" => {
            return Meaning::Character("\n");
        }
        "cell" | "nestcell" => return Meaning::Character(super::output::CELL),
        "tab" => return Meaning::Character("\t"),
        "emdash" => return Meaning::Character("—"),
        "endash" => return Meaning::Character("–"),
        "lquote" => return Meaning::Character("‘"),
        "rquote" => return Meaning::Character("’"),
        "ldblquote" => return Meaning::Character("“"),
        "rdblquote" => return Meaning::Character("”"),
        "bullet" => return Meaning::Character("•"),
        "emspace" | "enspace" | "qmspace" => return Meaning::Character(" "),
        "u" => return Meaning::Unicode,
        "bin" => return Meaning::Binary,
        "fonttbl" => D::Fonts,
        "fldinst" => D::Instruction,
        "upr" => D::Pair,
        "ud" => D::UnicodeHalf,
        "title" => D::Title,
        "author" => D::Author,
        "creatim" => D::Created,
        "revtim" => D::Revised,
        "footnote" | "annotation" => D::Note,
        "shptxt" | "dptxbxtext" | "header" | "headerl" | "headerr" | "headerf" | "footer" | "footerl" | "footerr"
        | "footerf" => D::Block,
        "shppict" | "shpinst" | "shpgrp" | "shp" | "do" | "fldrslt" | "field" | "object" | "result" | "listtext"
        | "pntext" | "rtf" => D::Text,
        _ if SKIPPED.contains(&name) => D::Skipped,
        _ => return Meaning::Other,
    };
    Meaning::Destination(destination)
}
