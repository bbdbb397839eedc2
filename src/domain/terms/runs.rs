//! Takes a text apart into runs of characters that become terms together. Pure; called by `terms`.

use std::ops::Range;

use super::folding::{fold_pair, fold_word, is_joiner};
use super::scripts::{Kind, goes_on, is_flag, kind_of};

/// Calls `with` for every run: its range, its folded form, what it is. The folded form is never empty.
pub(super) fn each_run(text: &str, mut with: impl FnMut(Range<usize>, &str, Kind)) {
    let bytes = text.as_bytes();
    let mut folded = String::with_capacity(32);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        if is_ascii_word(bytes[at]) {
            folded.clear();
            while at < bytes.len() && is_ascii_word(bytes[at]) {
                folded.push(char::from(bytes[at].to_ascii_lowercase()));
                at += 1;
            }
            if at == bytes.len() || bytes[at].is_ascii() {
                with(start..at, &folded, Kind::Ascii);
                continue;
            }
        } else if bytes[at].is_ascii() {
            at += 1;
            continue;
        }
        at = other_run(text, start, &mut folded, &mut with);
    }
}

fn is_ascii_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A run that is not plain ASCII; returns where it ended (always further than `start`).
fn other_run(text: &str, start: usize, folded: &mut String, with: &mut impl FnMut(Range<usize>, &str, Kind)) -> usize {
    folded.clear();
    let mut run: Option<Kind> = None;
    let mut end = start;
    for (range, first) in clusters(text, start) {
        let kind = kind_of(first);
        if run.is_some_and(|run| kind != Some(run) || run == Kind::Emoji) {
            break;
        }
        end = range.end;
        let Some(kind) = kind else { break };
        run = Some(kind);
        let cluster = &text[range];
        match kind {
            Kind::Ascii | Kind::Word => fold_word(cluster, folded),
            Kind::Pairs => fold_pair(cluster, folded),
            Kind::Emoji => folded.extend(cluster.chars().filter(|character| !is_joiner(*character))),
        }
    }
    if let Some(kind) = run.filter(|_| !folded.is_empty()) {
        let is_plain = kind == Kind::Word && text[start..end].is_ascii();
        with(start..end, folded, if is_plain { Kind::Ascii } else { kind });
    }
    end
}

/// Characters with the marks on them, from `start` on: range and first character.
pub(super) fn clusters(text: &str, start: usize) -> impl Iterator<Item = (Range<usize>, char)> {
    let mut rest = text[start..].char_indices().peekable();
    std::iter::from_fn(move || {
        let (from, first) = rest.next()?;
        let (mut last, mut end, mut flags) = (first, from + first.len_utf8(), usize::from(is_flag(first)));
        while let Some((at, next)) = rest.next_if(|(_, next)| goes_on(last, *next) && !(is_flag(*next) && flags == 2)) {
            (last, end) = (next, at + next.len_utf8());
            flags += usize::from(is_flag(next));
        }
        Some((start + from..start + end, first))
    })
}

/// What a term of a run without blanks is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    /// Two characters side by side.
    Both,
    /// The last character of a run. Whoever looks for one character finds it at the beginning of a pair, or here.
    Last,
    /// The only one.
    Alone,
}

/// Calls `with` for every two characters side by side, and for the last one alone.
pub(super) fn each_pair(text: &str, range: &Range<usize>, mut with: impl FnMut(Range<usize>, &str, Pair)) {
    let mut before: Option<(Range<usize>, String)> = None;
    let mut is_alone = true;
    for (place, _) in clusters(&text[..range.end], range.start) {
        let mut folded = String::with_capacity(8);
        fold_pair(&text[place.clone()], &mut folded);
        if folded.is_empty() {
            continue;
        }
        if let Some((first, before)) = before.take() {
            with(first.start..place.end, &format!("{before}{folded}"), Pair::Both);
            is_alone = false;
        }
        before = Some((place, folded));
    }
    if let Some((place, last)) = before {
        with(place, &last, if is_alone { Pair::Alone } else { Pair::Last });
    }
}
