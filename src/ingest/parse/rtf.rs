//! Rich Text Format to text: what a reader of the document sees, without fonts, styles and pictures. Called by the
//! pipeline for files, and by the mail parser for attachments and for the bodies that Outlook writes.
//!
//! One pass over the bytes with a stack of our own; groups deeper than a limit share one state.

mod output;
mod property;
mod words;

use std::collections::HashMap;

use crate::domain::{Link, LinkKind, PersonMention, PersonRole};

use super::code_page::CodePage;
use super::{ParseError, Parsed, Section, date};
use output::Output;
use words::{Destination, Meaning};

/// Groups inside groups deeper than this keep the state of the last one that was counted.
const DEPTH_LIMIT: usize = 1_000;

/// Whether the bytes are rich text, whatever their name says.
#[must_use]
pub fn is_rtf(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(b"{\\rtf")
}

/// Parses a document.
///
/// # Errors
/// `NoText` when nothing readable is in it, `Unsupported` when it is no rich text.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if !is_rtf(bytes) {
        return Err(ParseError::Unsupported("not rich text: it does not begin with {\\rtf".into()));
    }
    let read = Reader::new(bytes).read();
    let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let text = read.output.finish();
    if text.is_empty() {
        return Err(ParseError::NoText);
    }
    let author =
        filled(&read.author).map(|name| PersonMention { email: None, name: Some(name), role: PersonRole::Author });
    Ok(Parsed {
        title: filled(&read.title),
        dated_at: moment(read.revised).or_else(|| moment(read.created)),
        links: read.links,
        people: author.into_iter().collect(),
        sections: vec![Section { text, ..Section::default() }],
        ..Parsed::default()
    }
    .bounded())
}

/// The text of rich text; empty when there is none.
#[must_use]
pub fn to_text(bytes: &[u8]) -> String {
    Reader::new(bytes).read().output.finish()
}

/// Year, month, day, hour, minute.
type Moment = [i32; 5];

fn moment([year, month, day, hour, minute]: Moment) -> Option<crate::domain::Timestamp> {
    (year > 0)
        .then(|| date::parse(&format!("{year:04}-{:02}-{:02} {hour:02}:{minute:02}", month.max(1), day.max(1))))?
}

/// Where the text of a group goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Text,
    Nothing,
    Fonts,
    Title,
    Author,
    Created,
    Revised,
    Instruction,
}

/// What a group changes and its end gives back.
#[derive(Clone, Copy, Debug)]
struct State {
    target: Target,
    /// Inside `\upr`: where the Unicode half goes.
    unicode_half: Option<Target>,
    code_page: CodePage,
    font: i32,
    /// Characters that stand behind `\u` for readers without Unicode.
    fallback: usize,
    is_hidden: bool,
    is_deleted: bool,
}

struct Reader<'rtf> {
    bytes: &'rtf [u8],
    at: usize,
    state: State,
    stack: Vec<State>,
    /// Open groups that are not on the stack.
    too_deep: usize,
    /// Whether a `\*` stands before the next word: readers that do not know it skip its group.
    is_optional: bool,
    default: CodePage,
    fonts: HashMap<i32, CodePage>,
    /// Bytes of the present code page that are not decoded yet: a character may be of two.
    pending: Vec<u8>,
    high_surrogate: Option<u16>,
    /// Characters still to skip behind `\u`.
    skip: usize,
    output: Output,
    title: String,
    author: String,
    instruction: String,
    created: Moment,
    revised: Moment,
    links: Vec<Link>,
}

impl<'rtf> Reader<'rtf> {
    fn new(bytes: &'rtf [u8]) -> Self {
        let state = State {
            target: Target::Text,
            unicode_half: None,
            code_page: CodePage::DEFAULT,
            font: 0,
            fallback: 1,
            is_hidden: false,
            is_deleted: false,
        };
        Self {
            bytes: bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes),
            at: 0,
            state,
            stack: Vec::new(),
            too_deep: 0,
            is_optional: false,
            default: CodePage::DEFAULT,
            fonts: HashMap::new(),
            pending: Vec::new(),
            high_surrogate: None,
            skip: 0,
            output: Output::default(),
            title: String::new(),
            author: String::new(),
            instruction: String::new(),
            created: [0; 5],
            revised: [0; 5],
            links: Vec::new(),
        }
    }

    fn read(mut self) -> Self {
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'{' => self.open(),
                b'}' => self.close(),
                b'\\' => self.control(),
                b'\r' | b'\n' | 0 => {}
                _ => self.byte(byte),
            }
        }
        self.flush();
        self
    }

    fn open(&mut self) {
        self.flush();
        (self.skip, self.is_optional) = (0, false);
        if self.stack.len() < DEPTH_LIMIT {
            self.stack.push(self.state);
        } else {
            self.too_deep += 1;
        }
    }

    fn close(&mut self) {
        self.flush();
        (self.skip, self.is_optional) = (0, false);
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let before = self.state.target;
        let Some(state) = self.stack.pop() else { return };
        self.state = state;
        if before == Target::Instruction && state.target != Target::Instruction {
            self.end_instruction();
        }
    }

    /// One byte of text.
    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.state.target != Target::Nothing {
            self.high_surrogate = None;
            self.pending.push(byte);
        }
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let text = self.state.code_page.decode(&self.pending);
            self.pending.clear();
            self.push(&text);
        }
    }

    fn push(&mut self, text: &str) {
        let is_visible = !self.state.is_hidden && !self.state.is_deleted;
        match self.state.target {
            Target::Text if is_visible => self.output.push(text),
            Target::Title => self.title.push_str(text),
            Target::Author => self.author.push_str(text),
            Target::Instruction => self.instruction.push_str(text),
            _ => {}
        }
    }

    /// What follows a backslash.
    fn control(&mut self) {
        let Some(&byte) = self.bytes.get(self.at) else { return };
        if byte.is_ascii_alphabetic() {
            return self.word();
        }
        self.at += 1;
        match byte {
            b'\'' => {
                let pair = self.bytes.get(self.at..self.at + 2).and_then(|pair| std::str::from_utf8(pair).ok());
                if let Some(value) = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                    self.at += 2;
                    self.byte(value);
                }
            }
            b'\\' | b'{' | b'}' => self.byte(byte),
            b'*' => self.is_optional = true,
            b'~' => self.symbol(" "),
            b'_' => self.symbol("-"),
            b'\r' | b'\n' => self.symbol("\n"),
            b'\t' => self.symbol("\t"),
            _ => {}
        }
    }

    /// A character that a word or sign stands for.
    fn symbol(&mut self, text: &str) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.flush();
        self.push(text);
    }

    fn word(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let letters = rest.iter().take(40).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let sign = usize::from(rest.get(letters) == Some(&b'-'));
        let digits = rest.iter().skip(letters + sign).take(18).take_while(|byte| byte.is_ascii_digit()).count();
        let end = if digits > 0 { letters + sign + digits } else { letters };
        let name = std::str::from_utf8(&rest[..letters]).unwrap_or_default();
        let number = rest.get(letters..end).and_then(|digits| std::str::from_utf8(digits).ok());
        let number = number.and_then(|digits| digits.parse::<i64>().ok());
        self.at += end + usize::from(rest.get(end) == Some(&b' '));
        let is_optional = std::mem::take(&mut self.is_optional);
        match words::meaning(name) {
            Meaning::Character(text) => self.symbol(text),
            Meaning::Destination(destination) => self.enter(destination),
            Meaning::Unicode => self.unicode(number.unwrap_or(0)),
            Meaning::Binary => self.at = self.at.saturating_add(usize::try_from(number.unwrap_or(0)).unwrap_or(0)),
            Meaning::Other => {
                self.flush();
                // Word keeps text boxes and comments in groups that old readers skip.
                if is_optional {
                    self.state.target = Target::Nothing;
                } else {
                    self.property(name, number.map(|number| i32::try_from(number).unwrap_or(0)));
                }
            }
        }
    }

    fn enter(&mut self, destination: Destination) {
        self.flush();
        if self.state.target == Target::Nothing {
            // Inside what is skipped only the facts of the document and the Unicode half of a pair are wanted.
            match destination {
                Destination::UnicodeHalf => {
                    if let Some(target) = self.state.unicode_half.take() {
                        self.state.target = target;
                    }
                }
                Destination::Title => self.state.target = Target::Title,
                Destination::Author => self.state.target = Target::Author,
                Destination::Created => self.state.target = Target::Created,
                Destination::Revised => self.state.target = Target::Revised,
                _ => {}
            }
            return;
        }
        match destination {
            Destination::Skipped => self.state.target = Target::Nothing,
            Destination::Fonts => self.state.target = Target::Fonts,
            Destination::Instruction => self.state.target = Target::Instruction,
            Destination::Pair => {
                self.state.unicode_half = Some(self.state.target);
                self.state.target = Target::Nothing;
            }
            // A note stands where its mark is.
            Destination::Note => self.push(" "),
            Destination::Block => self.output.line(),
            Destination::Text
            | Destination::UnicodeHalf
            | Destination::Title
            | Destination::Author
            | Destination::Created
            | Destination::Revised => {}
        }
    }

    fn unicode(&mut self, number: i64) {
        self.flush();
        self.skip = self.state.fallback;
        let code = if number < 0 { number + 0x1_0000 } else { number };
        let Ok(code) = u32::try_from(code) else { return };
        let half = u16::try_from(code).ok();
        let whole = match (self.high_surrogate.take(), half) {
            (_, Some(high @ 0xD800..=0xDBFF)) => {
                self.high_surrogate = Some(high);
                return;
            }
            (Some(high), Some(low @ 0xDC00..=0xDFFF)) => {
                char::from_u32(0x1_0000 + ((u32::from(high) - 0xD800) << 10) + (u32::from(low) - 0xDC00))
            }
            // The bullets of symbol fonts.
            (_, Some(0xF0B7 | 0xF0A7)) => Some('•'),
            _ => char::from_u32(code).filter(|character| !character.is_control()),
        };
        if let Some(character) = whole {
            self.push(character.encode_utf8(&mut [0; 4]));
        }
    }

    /// A field's instruction is over: that of a link names where it leads.
    fn end_instruction(&mut self) {
        let instruction = std::mem::take(&mut self.instruction);
        let Some(rest) = instruction.trim_start().strip_prefix("HYPERLINK") else { return };
        let rest = rest.trim_start();
        let target = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split_whitespace().next(),
        };
        let target = target.unwrap_or_default().trim();
        if target.contains("://") {
            let link = Link { kind: LinkKind::Url, target: target.split('#').next().unwrap_or_default().to_owned() };
            if self.links.last() != Some(&link) {
                self.links.push(link);
            }
        }
    }
}

#[cfg(test)]
mod tests;
