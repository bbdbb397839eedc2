//! A store read whole and written whole, row by row, so that it can move between engines: the traits, what a row is,
//! and how rows are copied and told as text.
//!
//! Both engines read and write the same [`Table`]s in the same order and under the same numbers; nobody but `copy` and
//! `export` (called by `peanut copy` and `peanut export`) walks them. What an engine derives from rows (word index,
//! totals, graphs of vectors) does not travel: the target makes its own.

mod copy;
mod export;
mod import;
mod line;
mod read_line;
mod tables;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::Timestamp;

use super::StoreResult;

pub use copy::{Moved, Progress, Stage, copy, fill};
pub use export::{ExportError, export};
pub use import::{ExportFile, ImportError};
pub use tables::{Column, Kind, TABLES, Table};

/// Setting of a store that is being filled by `copy` and not yet verified; its value says from where.
pub const UNFINISHED: &str = "copy.unfinished";

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// Yes or no.
    Flag(bool),
    /// Text without NUL.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An id.
    Id(Uuid),
    /// A vector.
    Vector(Vec<f32>),
}

/// One row: a cell per column of its table, in the table's order.
pub type Row = Vec<Cell>;

/// What a store remembers beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Greatest number ever given out per table with numbered rows, in their order: numbers are never used again.
    pub last_numbers: Vec<i64>,
    /// Events delivered since the store was made, per type in the order of [`crate::domain::outbox::EventType::ALL`].
    pub processed_events: Vec<i64>,
    /// Events recorded before this moment may have been pruned.
    pub outbox_pruned_before: i64,
}

/// Tables whose numbers are never used again, whatever was deleted.
pub const NUMBERED: [&str; 6] = tables::NUMBERED;

/// A store at one moment, read whole. Dropping it ends the reading.
#[async_trait]
pub trait StoreDump: Send {
    /// How many rows the table has.
    async fn count(&mut self, table: &'static Table) -> StoreResult<u64>;

    /// At most `limit` rows after the row `after` (from the start when there is none), in order of the table's key. The
    /// last page is shorter than `limit`.
    async fn page(&mut self, table: &'static Table, after: Option<&Row>, limit: u32) -> StoreResult<Vec<Row>>;

    /// What the store remembers beside its rows.
    async fn marks(&mut self) -> StoreResult<Marks>;
}

/// Whole stores out and in.
#[async_trait]
pub trait TransferStore: Send + Sync {
    /// Begins to read: every page shows the store as it is now, whatever is written meanwhile.
    async fn begin_dump(&self) -> StoreResult<Box<dyn StoreDump>>;

    /// Marks the store unfinished ([`UNFINISHED`]), naming `origin`, and empties it of what an interrupted load and
    /// opening it left. `Invariant` when it holds anything else; the message says what to do.
    async fn begin_load(&self, origin: &str, now: Timestamp) -> StoreResult<()>;

    /// Adds rows of one table with what the engine derives from them. Tables come in the order of [`TABLES`].
    async fn load(&self, table: &'static Table, rows: Vec<Row>) -> StoreResult<()>;

    /// Takes over the marks, once every row is in, and tidies up: what reads next is as quick as in a store that grew slowly.
    async fn seal_load(&self, marks: &Marks) -> StoreResult<()>;

    /// Takes the mark of [`TransferStore::begin_load`] away: the store is whole and may be used.
    async fn complete_load(&self) -> StoreResult<()>;
}
