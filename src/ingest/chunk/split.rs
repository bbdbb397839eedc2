//! Cuts one long run: at the best boundary near the end of each chunk, with an overlap into the next. The words of the run
//! are looked at a stretch at a time, so that a long one costs no more memory than a short one.

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
/// Most bytes of a chunk for each of its tokens. Text has four or five; a word of a million letters is one token.
const BYTES_PER_TOKEN: usize = 32;
/// Longer words (and blanks) are cut: nobody reads them, and no chunk is to be as long as a file.
const LONGEST_WORD: usize = 1_024;
/// Text that is taken apart at a time.
const STRETCH: usize = 64 << 10;

/// Most bytes of a chunk.
pub(super) fn most_bytes(options: ChunkOptions) -> usize {
    options.max_tokens.saturating_mul(BYTES_PER_TOKEN).max(4 * LONGEST_WORD)
}

/// Pieces of at most `max_tokens`; together they cover the text, each starts where the one before ended (less its overlap).
pub(super) fn split(text: &str, options: ChunkOptions) -> Vec<Piece> {
    let mut words = Words { text, read: 0, known: Vec::new() };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut first = 0;
    loop {
        // A word has one token at least.
        words.look(first + options.max_tokens + 2);
        if first >= words.known.len() {
            break;
        }
        let last = words.fill(first, options);
        let is_end = last == words.known.len();
        let cut = if is_end { last } else { boundary(text, &words.known, first, last) };
        let start = if pieces.is_empty() { 0 } else { words.known[first].0 };
        let end = words.known.get(cut).map_or(text.len(), |word| word.0);
        let previous_end = pieces.last().map_or(0, |piece| piece.end);
        let tokens = words.known[first..cut].iter().map(|word| word.1).sum();
        pieces.push(Piece { start, end, overlap: previous_end.saturating_sub(start), tokens });
        if is_end {
            break;
        }
        first = words.overlap_start(first, cut, options);
        if first > STRETCH / 2 {
            // What lies behind is not asked for again.
            words.known.drain(..first);
            first = 0;
        }
    }
    pieces
}

/// The words of a text, as far as they were looked at: start byte and tokens of each.
struct Words<'a> {
    text: &'a str,
    read: usize,
    known: Vec<(usize, usize)>,
}

impl Words<'_> {
    /// Looks further until `count` words are known or the text is at its end.
    fn look(&mut self, count: usize) {
        while self.known.len() < count && self.read < self.text.len() {
            let end = self.text.floor_char_boundary((self.read + STRETCH).min(self.text.len()));
            let found = wordpiece::words(&self.text[self.read..end]);
            // The last word of a stretch may go on behind it: it is read again, unless it is all there is.
            let is_last = end == self.text.len();
            let kept = if is_last || found.len() < 2 { found.len() } else { found.len() - 1 };
            let next = if kept == found.len() { end } else { self.read + found[kept].0.start };
            let mut at = self.read;
            for (range, pieces) in &found[..kept] {
                // Blanks before a word belong to the one before it, or are cut as long words are.
                self.cut(at, self.read + range.start, 0);
                self.cut(self.read + range.start, self.read + range.end, *pieces as usize);
                at = self.read + range.end;
            }
            self.cut(at, next, 0);
            self.read = next;
        }
    }

    /// Adds what lies between two places: a word with its tokens, or blanks, which count only when they are endless.
    fn cut(&mut self, from: usize, to: usize, tokens: usize) {
        let mut at = from;
        if tokens > 0 {
            self.known.push((from, tokens));
        }
        while to - at > LONGEST_WORD {
            at = self.text.floor_char_boundary(at + LONGEST_WORD);
            // Every part counts for one, so that the number of words of a chunk stays bounded.
            self.known.push((at, 1));
        }
    }

    /// Index after the last word that fits, at least one word further than `first`.
    fn fill(&self, first: usize, options: ChunkOptions) -> usize {
        let start = self.known[first].0;
        let most_bytes = most_bytes(options);
        let mut total = 0;
        for (index, (_, tokens)) in self.known.iter().enumerate().skip(first) {
            total += tokens;
            let end = self.known.get(index + 1).map_or(self.text.len(), |word| word.0);
            if (total > options.max_tokens || end - start > most_bytes) && index > first {
                return index;
            }
        }
        self.known.len()
    }

    /// Where the next piece starts: some tokens back, but always further than this one.
    fn overlap_start(&self, first: usize, cut: usize, options: ChunkOptions) -> usize {
        let most_bytes = options.overlap_tokens * BYTES_PER_TOKEN;
        let end = self.known.get(cut).map_or(self.text.len(), |word| word.0);
        let mut start = cut;
        let mut total = 0;
        while start > first + 1
            && total + self.known[start - 1].1 <= options.overlap_tokens
            && end - self.known[start - 1].0 <= most_bytes
        {
            start -= 1;
            total += self.known[start].1;
        }
        start
    }
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
