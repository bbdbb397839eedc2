//! The headings above the text that is being read. Called by the Markdown, HTML and Word parsers.
//!
//! Every heading is text of its own section; here it is only the place of what follows. A place holds the beginning of
//! a heading, so that a heading as long as a page does not stand in every section below it.

/// Most characters of one heading in a place.
const LONGEST_LABEL: usize = 200;

/// Headings by level, outermost first.
#[derive(Debug, Default)]
pub(super) struct Outline {
    open: Vec<(u8, String)>,
}

impl Outline {
    /// A heading begins: it takes the place of every one that is not above it.
    pub(super) fn enter(&mut self, level: u8, heading: &str) {
        self.open.retain(|(above, _)| *above < level);
        let end = heading.char_indices().nth(LONGEST_LABEL).map_or(heading.len(), |(at, _)| at);
        self.open.push((level, heading[..end].to_owned()));
    }

    /// The place of what follows.
    pub(super) fn path(&self) -> Vec<String> {
        self.open.iter().map(|(_, heading)| heading.clone()).collect()
    }

    /// What follows stands below no heading.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Outline;

    #[test]
    fn a_heading_ends_its_equals_and_what_is_below_them() {
        let mut outline = Outline::default();
        for (level, heading) in [(1, "a"), (3, "b"), (2, "c"), (2, "d")] {
            outline.enter(level, heading);
        }
        assert_eq!(outline.path(), ["a", "d"]);
        outline.enter(1, &"é".repeat(5_000));
        assert_eq!(outline.path()[0].chars().count(), 200);
        outline.clear();
        assert!(outline.path().is_empty());
    }
}
