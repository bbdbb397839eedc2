//! What a caller wants of an answer beside what he asks. Chosen by the doors and commands.

/// What becomes of documents that show near-equal texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alike {
    /// One row for all of them, which says how many there are.
    Together,
    /// A row for each.
    #[default]
    Apart,
}

/// What else is wanted of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Whether documents alike stand in one row.
    pub alike: Alike,
    /// Whether documents with words of the query are counted, also where that takes another look at the store.
    pub count: bool,
}
