//! The documents opened one after the other: back and forward, each where it was left.

use super::{ReaderState, View};

/// Documents that one can go back to.
const MOST_BEHIND: usize = 50;

impl ReaderState {
    /// This document, with what was read before it behind it.
    #[must_use]
    pub fn after(mut self, mut before: Self) -> Self {
        let mut behind = std::mem::take(&mut before.behind);
        before.ahead = Vec::new();
        behind.push(before.put_aside());
        behind.drain(..behind.len().saturating_sub(MOST_BEHIND));
        self.behind = behind;
        self
    }

    /// Goes back to the document read before this one, where it was left; false when this was the first.
    pub fn back(&mut self) -> bool {
        let Some(other) = self.behind.pop() else { return false };
        let here = self.give_way(other);
        self.ahead.push(here);
        true
    }

    /// Goes to the document that was left by going back; false when none was.
    pub fn forward(&mut self) -> bool {
        let Some(other) = self.ahead.pop() else { return false };
        let here = self.give_way(other);
        self.behind.push(here);
        true
    }

    /// The other document has the trail and the screen now; this one is returned to be put aside.
    fn give_way(&mut self, other: Self) -> Self {
        let mut here = std::mem::replace(self, other);
        (self.behind, self.ahead) = (std::mem::take(&mut here.behind), std::mem::take(&mut here.ahead));
        self.layout(here.view);
        here.put_aside()
    }

    /// Without its lines, which are made anew when it is gone back to.
    fn put_aside(mut self) -> Self {
        (self.lines, self.links, self.matches) = (Vec::new(), Vec::new(), Vec::new());
        (self.chunks, self.documents) = (Vec::new(), Vec::new());
        self.finding = None;
        self
    }

    /// How it is shown.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }
}
