//! Right-to-left text: from the order glyphs stand in to the order they are read in. Pure.
//!
//! Words come from left to right, each as its glyphs. A glyph's own characters (a ligature, a letter with marks) are
//! already in reading order.

use super::words;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Left,
    Right,
    Number,
    Neutral,
}

/// The words' text as it is read, and whether the line runs from right to left.
pub(super) fn logical(words: &[Vec<String>], page_is_rtl: bool) -> (String, bool) {
    let has_rtl = words.iter().flatten().any(|glyph| direction(glyph) == Direction::Right);
    if !has_rtl {
        let texts: Vec<String> = words.iter().map(|word| word.concat()).collect();
        return (words::joined(texts.iter().map(String::as_str)), false);
    }
    let count = |wanted| words.iter().flatten().filter(|glyph| direction(glyph) == wanted).count();
    // On a page of such text, a line with more Latin than not is still one of its lines.
    let weight = if page_is_rtl { 3 } else { 1 };
    let is_rtl = count(Direction::Right) * weight >= count(Direction::Left);
    // One row of glyphs with blanks between the words.
    let mut row: Vec<(&str, Direction)> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            row.push((" ", Direction::Neutral));
        }
        row.extend(word.iter().map(|glyph| (glyph.as_str(), direction(glyph))));
    }
    let levels = resolved(&row, is_rtl);
    // Runs of one direction, taken in the line's order; those against it keep their own.
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for index in 0..row.len() {
        match runs.last_mut() {
            Some((_, end)) if levels[*end - 1] == levels[index] => *end = index + 1,
            _ => runs.push((index, index + 1)),
        }
    }
    if is_rtl {
        runs.reverse();
    }
    // Some programs name a bracket by how it looks, some by what it means: what opens must come first.
    let written = |turn: fn(&str) -> &str| {
        let mut out = String::new();
        for (start, end) in &runs {
            if levels[*start] {
                row[*start..*end].iter().rev().for_each(|(glyph, _)| out.push_str(turn(glyph)));
            } else {
                row[*start..*end].iter().for_each(|(glyph, _)| out.push_str(glyph));
            }
        }
        out
    };
    let (looks, means) = (written(mirrored), written(|glyph| glyph));
    let out = if shut_first(&means) < shut_first(&looks) { means } else { looks };
    let words: Vec<&str> = out.split_whitespace().collect();
    (words::joined(words.into_iter()), is_rtl)
}

/// Brackets that shut without having been opened.
fn shut_first(text: &str) -> usize {
    let mut open = 0_usize;
    let mut wrong = 0;
    for character in text.chars() {
        match character {
            '(' | '[' | '{' | '«' => open += 1,
            ')' | ']' | '}' | '»' if open == 0 => wrong += 1,
            ')' | ']' | '}' | '»' => open -= 1,
            _ => {}
        }
    }
    wrong
}

/// For each glyph whether it is read from right to left.
fn resolved(row: &[(&str, Direction)], is_rtl: bool) -> Vec<bool> {
    let mut levels = vec![is_rtl; row.len()];
    // Strong directions and numbers first; a separator between two digits belongs to the number.
    let mut kinds: Vec<Direction> = row.iter().map(|(_, direction)| *direction).collect();
    for index in 1..kinds.len().saturating_sub(1) {
        let joins = matches!(row[index].0, "." | "," | ":" | "/" | "-" | "\u{2212}" | "\u{66b}" | "\u{66c}");
        if joins && row[index - 1].1 == Direction::Number && row[index + 1].1 == Direction::Number {
            kinds[index] = Direction::Number;
        }
    }
    for index in 0..kinds.len() {
        // A percent sign or currency touches its number.
        let touches =
            |at: Option<usize>| at.and_then(|at| kinds.get(at)).is_some_and(|kind| *kind == Direction::Number);
        if matches!(row[index].0, "%" | "$" | "€" | "£" | "°" | "#" | "٪" | "₪" | "+")
            && (touches(index.checked_sub(1)) || touches(Some(index + 1)))
        {
            kinds[index] = Direction::Number;
        }
    }
    let mut index = 0;
    while index < kinds.len() {
        match kinds[index] {
            Direction::Right => levels[index] = true,
            Direction::Left | Direction::Number => levels[index] = false,
            Direction::Neutral => {
                let end = (index..kinds.len()).find(|at| kinds[*at] != Direction::Neutral).unwrap_or(kinds.len());
                let before = index.checked_sub(1).map(|at| kinds[at]);
                let after = kinds.get(end).copied();
                // Between two of one direction it is of that direction; numbers beside each other in a line that runs
                // from right to left are read from the right.
                let side = |kind: Option<Direction>| match kind {
                    Some(Direction::Right) => Some(true),
                    Some(Direction::Left) => Some(false),
                    Some(Direction::Number) if !is_rtl => Some(false),
                    Some(Direction::Number) => None,
                    _ => Some(is_rtl),
                };
                let level = match (side(before), side(after)) {
                    (Some(one), Some(other)) if one == other => one,
                    (None, Some(false)) | (Some(false), None) => false,
                    _ => is_rtl,
                };
                levels[index..end].fill(level);
                index = end;
                continue;
            }
        }
        index += 1;
    }
    levels
}

/// Whether most letters of these texts are read from right to left.
pub(super) fn is_mostly_rtl<'t>(texts: impl Iterator<Item = &'t str>) -> bool {
    let (mut right, mut left) = (0_usize, 0_usize);
    for text in texts {
        match direction(text) {
            Direction::Right => right += 1,
            Direction::Left => left += 1,
            Direction::Number | Direction::Neutral => {}
        }
    }
    right > left
}

fn direction(glyph: &str) -> Direction {
    for character in glyph.chars() {
        match character {
            '\u{590}'..='\u{65f}'
            | '\u{66d}'..='\u{6ef}'
            | '\u{6fa}'..='\u{8ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
                if character.is_alphabetic() =>
            {
                return Direction::Right;
            }
            '0'..='9' | '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => return Direction::Number,
            _ if character.is_alphabetic() => return Direction::Left,
            _ => {}
        }
    }
    Direction::Neutral
}

/// Brackets look the other way when the text around them does.
fn mirrored(glyph: &str) -> &str {
    match glyph {
        "(" => ")",
        ")" => "(",
        "[" => "]",
        "]" => "[",
        "{" => "}",
        "}" => "{",
        "<" => ">",
        ">" => "<",
        "«" => "»",
        "»" => "«",
        _ => glyph,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(visual: &str) -> Vec<Vec<String>> {
        visual.split(' ').map(|word| word.chars().map(String::from).collect()).collect()
    }

    #[test]
    fn hebrew_keeps_its_numbers_and_latin_words() {
        let (text, is_rtl) = logical(&row("2024 תנשל (Peanut Ltd) חוד"), true);
        assert_eq!(text, "דוח (Peanut Ltd) לשנת 2024");
        assert!(is_rtl);
    }

    #[test]
    fn arabic_inside_latin_turns_only_itself() {
        let (text, is_rtl) = logical(&row("the word مالس مكيلع means peace"), false);
        assert_eq!(text, "the word عليكم سلام means peace");
        assert!(!is_rtl);
    }

    #[test]
    fn numbers_with_separators_stay_whole() {
        assert_eq!(logical(&row("12.5% 10/11/2024 לש"), true).0, "של 10/11/2024 12.5%");
    }
}
