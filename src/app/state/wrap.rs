//! Breaks text into lines of a display width. Pure; used by the reader's state and by views.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The blanks that a tab is shown as.
const TAB: &str = "    ";

/// A text with blanks for its tabs: what is wrapped, so that a line is as wide as it was cut.
#[must_use]
pub fn without_tabs(text: &str) -> Cow<'_, str> {
    if text.contains('\t') { Cow::Owned(text.replace('\t', TAB)) } else { Cow::Borrowed(text) }
}

/// Byte ranges of the lines of `text` at most `columns` wide, broken at blanks where possible.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in text.split('\n') {
        wrap_line(line, offset, columns, &mut lines);
        offset += line.len() + 1;
    }
    lines
}

fn wrap_line(line: &str, offset: usize, columns: usize, lines: &mut Vec<Range<usize>>) {
    let mut start = 0;
    let mut used = 0;
    let mut last_blank = None;
    let first = lines.len();
    for (at, one) in line.grapheme_indices(true) {
        let wide = width(one);
        // No line goes on with a blank, and one that ends where the room does is whole.
        if one == " " && at == start && lines.len() > first {
            start = at + 1;
            continue;
        }
        if one == " " && used + wide > columns && at > start {
            lines.push(offset + start..offset + at);
            (start, used, last_blank) = (at + 1, 0, None);
            continue;
        }
        if used + wide > columns && at > start {
            let cut = last_blank.filter(|blank| *blank > start).unwrap_or(at);
            lines.push(offset + start..offset + cut);
            start = cut + (line.len() - cut - line[cut..].trim_start_matches(' ').len());
            start = start.min(at.max(cut));
            used = width(&line[start..at]);
            last_blank = None;
        }
        if one == " " {
            last_blank = Some(at);
        }
        used += wide;
    }
    if start < line.len() || lines.len() == first {
        lines.push(offset + start..offset + line.len());
    }
}

/// The text cut to `columns`, with an ellipsis when something was cut.
#[must_use]
pub fn truncated(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for one in text.graphemes(true) {
        let wide = width(one);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push_str(one);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The end of a path cut to `columns`, with an ellipsis in front when something was cut.
#[must_use]
pub fn truncated_front(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = Vec::new();
    let mut used = 0;
    for one in text.graphemes(true).rev() {
        let wide = width(one);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        kept.push(one);
    }
    kept.reverse();
    if columns > 0 { format!("…{}", kept.concat()) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, columns: usize) -> Vec<&str> {
        wrap(text, columns).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn lines_break_at_blanks_and_wide_characters_count_twice() {
        assert_eq!(lines("one two three", 8), ["one two", "three"]);
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("one two   ", 7), ["one two"]);
        assert_eq!(lines("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(lines("日本語", 4), ["日本", "語"]);
        assert_eq!(lines("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(truncated("日本語", 5), "日本…");
        assert_eq!(truncated_front("/a/long/path", 6), "…/path");
    }

    proptest! {
        #[test]
        fn every_word_comes_through(text in "[a-zé日 \n]{0,80}", columns in 2_usize..12) {
            let joined: String = lines(&text, columns).concat();
            let squeeze = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeeze(&joined), squeeze(&text));
            for line in lines(&text, columns) {
                prop_assert!(width(line.trim_end()) <= columns);
            }
        }
    }
}
