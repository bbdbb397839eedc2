//! Cuts one long run: at the best boundary near the end of each chunk, with an overlap into the next.

use crate::domain::wordpiece;

use super::ChunkOptions;

/// One piece of a run: a byte range, how much of its beginning the piece before holds too, and its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) overlap: usize,
    pub(super) tokens: usize,
}

/// A boundary counts in the last part of a chunk only, or chunks would be cut short for a blank line near their start.
const SEARCHED_PART: usize = 3;

/// Pieces of at most `max_tokens`; together they cover the text, each starts where the one before ended (less its overlap).
pub(super) fn split(text: &str, options: ChunkOptions) -> Vec<Piece> {
    let words = divided(text, options.max_tokens);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut first = 0;
    while first < words.len() {
        let last = fill(&words, first, options.max_tokens);
        let cut = if last == words.len() { last } else { boundary(text, &words, first, last) };
        let start = if pieces.is_empty() { 0 } else { words[first].0 };
        let end = if cut == words.len() { text.len() } else { words[cut].0 };
        let previous_end = pieces.last().map_or(0, |piece| piece.end);
        let tokens = words[first..cut].iter().map(|word| word.1).sum();
        pieces.push(Piece { start, end, overlap: previous_end.saturating_sub(start), tokens });
        if cut == words.len() {
            break;
        }
        first = overlap_start(&words, first, cut, options.overlap_tokens);
    }
    pieces
}

/// Start byte and tokens of every word. One that alone would burst a chunk does not occur: a word is at most 100 pieces,
/// and chunks are at least 32; such a word is let through whole.
fn divided(text: &str, _max_tokens: usize) -> Vec<(usize, usize)> {
    wordpiece::words(text).into_iter().map(|(range, pieces)| (range.start, pieces as usize)).collect()
}

/// Index after the last word that fits, at least one word further than `first`.
fn fill(words: &[(usize, usize)], first: usize, max_tokens: usize) -> usize {
    let mut total = 0;
    for (index, (_, tokens)) in words.iter().enumerate().skip(first) {
        total += tokens;
        if total > max_tokens && index > first {
            return index;
        }
    }
    words.len()
}

/// The word to cut before: after the last paragraph, line, sentence or any word, in this order, within the last third.
fn boundary(text: &str, words: &[(usize, usize)], first: usize, last: usize) -> usize {
    let earliest = last - (last - first) / SEARCHED_PART;
    let gap = |index: usize| &text[words[index - 1].0..words[index].0];
    let candidates = || (earliest.max(first + 1)..=last).rev();
    let tests: [fn(&str) -> bool; 4] = [
        |gap| gap.contains("\n\n"),
        |gap| gap.contains(['.', '!', '?', '。', '！', '？']) && gap.ends_with(char::is_whitespace),
        |gap| gap.contains('\n'),
        |gap| gap.ends_with(char::is_whitespace),
    ];
    tests.iter().find_map(|test| candidates().find(|index| test(gap(*index)))).unwrap_or(last)
}

/// Where the next piece starts: some tokens back, but always further than this one.
fn overlap_start(words: &[(usize, usize)], first: usize, cut: usize, overlap_tokens: usize) -> usize {
    let mut start = cut;
    let mut total = 0;
    while start > first + 1 && total + words[start - 1].1 <= overlap_tokens {
        start -= 1;
        total += words[start].1;
    }
    start
}
