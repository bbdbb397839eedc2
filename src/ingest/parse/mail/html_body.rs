//! The HTML of a mail body to text: blocks to lines, quotes to `>`, lists to dashes; styles, scripts and hidden text gone.
//!
//! A single pass over tags without building a tree: mail HTML is rarely well formed, often hostile, and all that counts
//! is its text. Linear in the input. Called by `body` and for HTML attachments.

use mail_parser::decoders::html::add_html_token;

/// Quotes deeper than this look the same.
const QUOTE_DEPTH_LIMIT: usize = 12;

/// Elements whose content is no text of the mail.
const SILENT: [&str; 10] =
    ["style", "script", "title", "noscript", "template", "object", "svg", "select", "textarea", "xml"];

/// Elements that stand on lines of their own.
const BLOCKS: [&str; 24] = [
    "div", "tr", "li", "dt", "dd", "address", "article", "aside", "body", "center", "fieldset", "footer", "form",
    "header", "main", "nav", "section", "tbody", "thead", "caption", "figure", "legend", "option", "html",
];

/// Elements with a blank line around them.
const PARAGRAPHS: [&str; 13] =
    ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "table", "blockquote"];

/// Elements that never have an end tag.
const VOID: [&str; 9] = ["br", "hr", "img", "input", "meta", "link", "wbr", "area", "col"];

/// What `<hr>` becomes; `quotes` knows it.
const RULE: &str = "________";

struct Tag<'html> {
    name: String,
    attributes: &'html str,
    is_end: bool,
    is_self_closing: bool,
}

#[derive(Default)]
struct Writer {
    text: String,
    pending_lines: usize,
    pending_blank: bool,
    quote_depth: usize,
    open_quotes: usize,
    /// Whether each open `blockquote` is a quoted reply or mere indentation.
    quotes: Vec<bool>,
    lists: Vec<Option<u32>>,
    pre_depth: usize,
}

impl Writer {
    fn line_break(&mut self, lines: usize) {
        self.pending_lines = self.pending_lines.max(lines);
        self.pending_blank = false;
    }

    fn begin(&mut self) {
        let at_start = self.text.is_empty();
        if at_start || self.pending_lines > 0 {
            if !at_start {
                self.text.extend(std::iter::repeat_n('\n', self.pending_lines));
            }
            self.text.extend(std::iter::repeat_n("> ", self.quote_depth));
        } else if self.pending_blank {
            self.text.push(' ');
        }
        self.pending_lines = 0;
        self.pending_blank = false;
    }

    fn push(&mut self, character: char) {
        match character {
            '\n' if self.pre_depth > 0 => self.pending_lines = (self.pending_lines + 1).min(2),
            '\u{200b}' | '\u{feff}' | '\u{ad}' | '\u{34f}' | '\u{2060}' => {}
            ' ' | '\t' | '\u{a0}' if self.pre_depth > 0 => {
                if self.pending_lines > 0 || self.text.is_empty() {
                    self.begin();
                }
                self.text.push(' ');
            }
            _ if character.is_whitespace() => self.pending_blank |= self.pending_lines == 0 && !self.text.is_empty(),
            _ if character.is_control() => {}
            _ => {
                self.begin();
                self.text.push(character);
            }
        }
    }

    fn last_line_introduces(&self) -> bool {
        self.text.trim_end().ends_with([':', '：'])
    }

    fn open_quote(&mut self, attributes: &str) {
        let attributes = attributes.to_ascii_lowercase();
        let is_quote = ["cite", "quote", "border-left", "moz-"].iter().any(|mark| attributes.contains(mark))
            || self.last_line_introduces();
        self.quotes.push(is_quote);
        self.open_quotes += usize::from(is_quote);
        self.quote_depth = self.open_quotes.min(QUOTE_DEPTH_LIMIT);
    }

    fn close_quote(&mut self) {
        if self.quotes.pop() == Some(true) {
            self.open_quotes -= 1;
        }
        self.quote_depth = self.open_quotes.min(QUOTE_DEPTH_LIMIT);
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag.name.as_str() {
            "br" => {
                self.pending_lines = (self.pending_lines + 1).min(2);
                self.pending_blank = false;
            }
            "hr" => {
                self.line_break(1);
                self.begin();
                self.text.push_str(RULE);
                self.line_break(1);
            }
            "td" | "th" => self.pending_blank |= self.pending_lines == 0 && !self.text.is_empty(),
            "blockquote" => {
                self.line_break(2);
                self.open_quote(tag.attributes);
            }
            "li" => {
                self.line_break(1);
                self.begin();
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let marker = format!("{number}. ");
                        *number += 1;
                        self.text.push_str(&marker);
                    }
                    _ => self.text.push_str("- "),
                }
            }
            "ul" | "ol" => {
                self.line_break(if self.lists.is_empty() { 2 } else { 1 });
                if self.lists.len() < 64 {
                    self.lists.push((tag.name == "ol").then_some(1));
                }
            }
            "pre" => {
                self.line_break(2);
                self.pre_depth += 1;
            }
            name if PARAGRAPHS.contains(&name) => self.line_break(2),
            name if BLOCKS.contains(&name) => self.line_break(1),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "blockquote" => {
                self.close_quote();
                self.line_break(2);
            }
            "ul" | "ol" => {
                self.lists.pop();
                self.line_break(if self.lists.is_empty() { 2 } else { 1 });
            }
            "pre" => {
                self.pre_depth = self.pre_depth.saturating_sub(1);
                self.line_break(2);
            }
            name if PARAGRAPHS.contains(&name) => self.line_break(2),
            name if BLOCKS.contains(&name) => self.line_break(1),
            _ => {}
        }
    }
}

/// Walks the input; remembers which closings do not exist, so that nothing is searched twice.
struct Scanner<'html> {
    html: &'html str,
    at: usize,
    quotes_are_broken: bool,
    comments_are_broken: bool,
    tags_are_over: bool,
    unclosed: Vec<&'static str>,
}

impl<'html> Scanner<'html> {
    fn rest(&self) -> &'html str {
        self.html.get(self.at..).unwrap_or_default()
    }

    /// The length of the tag at the current place, brackets included; `None` if it never ends.
    fn tag_length(&mut self) -> Option<usize> {
        let rest = self.rest().as_bytes();
        if !self.quotes_are_broken {
            let mut quote = None;
            for (at, &byte) in rest.iter().enumerate() {
                match (quote, byte) {
                    (None, b'>') => return Some(at + 1),
                    // A quote opens only where a value may start; apostrophes elsewhere are noise.
                    (None, b'"' | b'\'') if at > 0 && matches!(rest[at - 1], b'=' | b' ' | b'\t' | b'\n') => {
                        quote = Some(byte);
                    }
                    (Some(open), byte) if open == byte => quote = None,
                    _ => {}
                }
            }
            self.quotes_are_broken = true;
        }
        if self.tags_are_over {
            return None;
        }
        let end = rest.iter().position(|byte| *byte == b'>').map(|at| at + 1);
        self.tags_are_over = end.is_none();
        end
    }

    fn skip_comment(&mut self) {
        let rest = self.rest();
        let end = if self.comments_are_broken || !rest.starts_with("<!--") {
            None
        } else {
            let end = rest.find("-->").map(|end| end + 3);
            self.comments_are_broken = end.is_none();
            end
        };
        // `<!-->` and conditional comments such as `<![if mso]>` end at the next bracket.
        let end = end.or_else(|| rest.find('>').map(|end| end + 1)).unwrap_or(rest.len());
        self.at += end;
    }

    /// The next tag, if one starts here; moves behind it.
    fn tag(&mut self) -> Option<Tag<'html>> {
        let rest = self.rest();
        let is_end = rest.starts_with("</");
        let name_start = if is_end { 2 } else { 1 };
        let name_text = rest.get(name_start..)?;
        let name_length =
            name_text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-')).count();
        if !name_text.starts_with(|first: char| first.is_ascii_alphabetic()) || name_length > 40 {
            return None;
        }
        let length = self.tag_length()?;
        let name = name_text.get(..name_length)?.to_ascii_lowercase();
        let attributes = rest.get(name_start + name_length..length - 1).unwrap_or_default();
        self.at += length;
        Some(Tag { name, attributes, is_end, is_self_closing: attributes.ends_with('/') })
    }

    /// Moves behind the end tag of a silent element; stays when there is none.
    fn skip_element(&mut self, name: &'static str) {
        if self.unclosed.contains(&name) {
            return;
        }
        let rest = self.rest().as_bytes();
        let mut from = 0;
        while let Some(step) = rest.get(from..).and_then(|tail| tail.windows(2).position(|pair| pair == b"</")) {
            let at = from + step;
            let candidate = rest.get(at + 2..at + 2 + name.len());
            if candidate.is_some_and(|candidate| candidate.eq_ignore_ascii_case(name.as_bytes())) {
                let end = rest.get(at..).and_then(|tail| tail.iter().position(|byte| *byte == b'>'));
                self.at += end.map_or(rest.len(), |end| at + end + 1);
                return;
            }
            from = at + 2;
        }
        self.unclosed.push(name);
    }
}

/// One character reference at the start of `text`: the characters and the length it takes.
fn entity(text: &str) -> Option<(String, usize)> {
    let bytes = text.as_bytes();
    let end = bytes.iter().take(34).skip(1).position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'#')? + 1;
    let reference = text.get(1..end)?;
    let length = if bytes.get(end) == Some(&b';') { end + 1 } else { end };
    if let Some(number) = reference.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        // Numbers 128..159 mean Windows-1252, as the HTML standard has it.
        let text = match u8::try_from(code) {
            Ok(byte @ 0x80..=0x9F) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned(),
            _ => char::from_u32(code).filter(|character| *character != '\0')?.to_string(),
        };
        return Some((text, length));
    }
    if length == end && !["nbsp", "amp", "lt", "gt", "quot", "copy", "reg"].contains(&reference) {
        return None;
    }
    let mut text = String::new();
    add_html_token(&mut text, format!("&{reference};").as_bytes(), false);
    (!text.starts_with('&') || reference == "amp").then_some((text, length))
}

/// A value of an attribute with its character references read.
pub(super) fn decoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (text, length) = entity(rest).unwrap_or_else(|| ("&".to_owned(), 1));
        out.push_str(&text);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn is_hidden(tag: &Tag<'_>) -> bool {
    if tag.attributes.is_empty() {
        return false;
    }
    let squeezed: String =
        tag.attributes.chars().take(2_000).filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    squeezed.contains("display:none") || squeezed.contains("mso-hide:all")
}

fn convert(html: &str, honour_hidden: bool) -> String {
    let mut scanner = Scanner {
        html,
        at: 0,
        quotes_are_broken: false,
        comments_are_broken: false,
        tags_are_over: false,
        unclosed: Vec::new(),
    };
    let mut writer = Writer { text: String::with_capacity(html.len() / 4), ..Writer::default() };
    // The hidden element we are in, and how many of its name are open.
    let mut hidden: Option<(String, usize)> = None;
    while scanner.at < html.len() {
        let rest = scanner.rest();
        if rest.starts_with("<!") || rest.starts_with("<?") {
            scanner.skip_comment();
            continue;
        }
        if rest.starts_with('<')
            && let Some(tag) = scanner.tag()
        {
            if let Some((name, open)) = &mut hidden {
                if *name == tag.name {
                    *open = if tag.is_end { *open - 1 } else { *open + usize::from(!tag.is_self_closing) };
                }
                if *open == 0 {
                    hidden = None;
                }
            } else if tag.is_end {
                writer.end(&tag.name);
            } else if let Some(name) = SILENT.iter().find(|name| **name == tag.name) {
                if !tag.is_self_closing {
                    scanner.skip_element(name);
                }
            } else if honour_hidden && !VOID.contains(&tag.name.as_str()) && is_hidden(&tag) {
                hidden = (!tag.is_self_closing).then(|| (tag.name.clone(), 1));
            } else {
                writer.start(&tag);
            }
            continue;
        }
        let mut characters = rest.chars();
        let Some(first) = characters.next() else { break };
        if first == '&'
            && let Some((text, length)) = entity(rest)
        {
            if hidden.is_none() {
                text.chars().for_each(|character| writer.push(character));
            }
            scanner.at += length;
            continue;
        }
        // `<` and `&` are ASCII, so the cut never divides a character.
        let length = 1 + rest.bytes().skip(1).take_while(|byte| *byte != b'<' && *byte != b'&').count();
        if hidden.is_none() {
            rest.get(..length).unwrap_or_default().chars().for_each(|character| writer.push(character));
        }
        scanner.at += length;
    }
    let has_text = writer.text.chars().any(char::is_alphanumeric);
    if honour_hidden && !has_text && !html.is_empty() {
        return convert(html, false);
    }
    writer.text
}

/// The text a reader of the mail sees. Quoted replies (`blockquote`) carry one `> ` per level.
pub(super) fn to_text(html: &str) -> String {
    convert(html, true)
}

#[cfg(test)]
mod tests;
