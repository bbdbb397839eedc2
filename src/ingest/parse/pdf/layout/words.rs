//! Words of a line: where the gaps between glyphs are blanks, and where the letters are only spaced.

use super::super::characters;
use super::pieces::Piece;

/// Letters that stand single before a line is taken for one with spaced letters.
const FEWEST_SPACED: usize = 4;

/// The words of pieces that stand from left to right, each as its glyphs' texts in that order.
pub(super) fn of(pieces: &[Piece]) -> Vec<Vec<String>> {
    let mut inked: Vec<&Piece> = Vec::with_capacity(pieces.len());
    // Whether a blank was drawn before the piece.
    let mut blank_before: Vec<bool> = Vec::with_capacity(pieces.len());
    let mut blank = false;
    for piece in pieces {
        if piece.is_blank() {
            blank = true;
        } else {
            inked.push(piece);
            blank_before.push(std::mem::take(&mut blank));
        }
    }
    let Some(first) = inked.first() else { return Vec::new() };
    let mut end = first.x1;
    let gaps: Vec<f32> = inked
        .iter()
        .enumerate()
        .map(|(index, piece)| {
            let gap = if index == 0 { 0.0 } else { (piece.x0 - end) / piece.size.max(inked[index - 1].size) };
            end = piece.x1;
            gap
        })
        .collect();
    let breaks = spaced(&inked, &gaps, &blank_before).unwrap_or_else(|| breaks(&inked, &gaps, &blank_before));
    let mut words: Vec<Vec<String>> = Vec::new();
    for (index, piece) in inked.iter().enumerate() {
        // A glyph may stand for several words (a replacement text).
        for (part, text) in piece.text.split_whitespace().enumerate() {
            let is_after_blank = index > 0 && inked[index - 1].text.ends_with(' ');
            let starts = index == 0 || breaks[index] || part > 0 || is_after_blank || piece.text.starts_with(' ');
            match words.last_mut() {
                Some(word) if !starts => word.push(text.to_owned()),
                _ => words.push(vec![text.to_owned()]),
            }
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Where words begin in ordinary text.
fn breaks(pieces: &[&Piece], gaps: &[f32], blank_before: &[bool]) -> Vec<bool> {
    let blanks = blank_before.iter().filter(|blank| **blank).count();
    // Most gaps of a line lie inside words: their middle is how the letters are spaced.
    let mut inner: Vec<f32> = (1..gaps.len()).filter(|index| !blank_before[*index]).map(|index| gaps[index]).collect();
    inner.sort_by(f32::total_cmp);
    let usual = inner.get(inner.len() / 2).copied().unwrap_or(0.0).clamp(0.0, 1.0);
    // Few gaps tell little about how the letters are spaced.
    let usual = if inner.len() < 6 { usual.min(0.05) } else { usual };
    let writes_blanks = blanks > 0 && blanks * 12 >= pieces.len();
    (0..gaps.len())
        .map(|index| {
            if index == 0 {
                return true;
            }
            let gap = gaps[index];
            let (before, piece) = (pieces[index - 1], pieces[index]);
            if blank_before[index] {
                return gap > (usual * 0.5).min(0.02) || piece.x0 < before.x0;
            }
            match (is_ideograph(&before.text), is_ideograph(&piece.text)) {
                (true, true) => return gap > 1.0,
                (false, false) => {}
                // Programs leave a quarter between such letters and others, with or without a blank.
                _ => return gap > usual.min(0.1) + 0.12,
            }
            let blank = piece.blank / piece.size;
            let least = if blank > 0.0 { (blank * 0.36).clamp(0.085, 0.13) } else { 0.1 };
            let least = if writes_blanks { least.max(0.18) } else { least };
            // A footnote mark on a word is a word of its own; a digit in a formula is not.
            let is_raised = (piece.y - before.y).abs() > before.size * 0.15 && piece.size < before.size * 0.9;
            let is_note = is_raised
                && piece.text.chars().all(|c| c.is_ascii_digit())
                && index >= 3
                && pieces[index - 3..index].iter().all(|piece| piece.text.chars().all(char::is_alphabetic))
                && pieces[index - 3..index].iter().any(|piece| piece.text.chars().all(char::is_lowercase));
            is_note || gap > usual + least
        })
        .collect()
}

/// Where words begin in a line of single letters with blanks or gaps between them; `None` for any other line.
fn spaced(pieces: &[&Piece], gaps: &[f32], blank_before: &[bool]) -> Option<Vec<bool>> {
    let letters = pieces.iter().filter(|piece| piece.text.chars().all(char::is_alphabetic)).count();
    if letters < FEWEST_SPACED || letters * 10 < pieces.len() * 8 {
        return None;
    }
    let mut sorted: Vec<f32> = gaps[1..].to_vec();
    sorted.sort_by(f32::total_cmp);
    let middle = *sorted.get(sorted.len() / 2)?;
    let low = *sorted.first()?;
    // Every letter stands alone: no gap is a letter's own.
    if low < 0.12 || middle > 1.1 || pieces.iter().any(|piece| is_ideograph(&piece.text)) {
        return None;
    }
    let singles = blank_before[1..].iter().filter(|blank| **blank).count();
    if singles > 0 && singles * 10 < (pieces.len() - 1) * 7 {
        return None;
    }
    Some(gaps.iter().enumerate().map(|(index, gap)| index == 0 || *gap > middle * 1.6).collect())
}

/// Scripts that are written without blanks.
pub(super) fn is_ideograph(text: &str) -> bool {
    text.chars().next().is_some_and(|character| {
        matches!(character, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
    })
}

/// The text of words, blanks between them.
pub(super) fn joined<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    characters::composed(out)
}
