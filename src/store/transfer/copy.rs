//! Copies one store into another and proves it: every table is counted and hashed as it is read, and read back.
//! Called by `peanut copy`.

use sha2::{Digest as _, Sha256};

use crate::domain::Timestamp;
use crate::store::{StoreError, StoreErrorKind, StoreResult};

use super::tables::{TABLES, Table};
use super::{Row, StoreDump, TransferStore, line};

/// Rows in memory at a time, twice: one page is read while the one before is written.
const PAGE: u32 = 500;

/// What is being done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is read for an export.
    Reading,
    /// It is copied.
    Copying,
    /// It is read back from the target.
    Verifying,
}

/// A table that is through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 of its rows as lines of an export.
    pub checksum: [u8; 32],
}

/// Is told how far it is.
pub trait Progress: Send {
    /// `rows` of `of` rows of a table are through.
    fn rows(&mut self, stage: Stage, table: &'static str, rows: u64, of: u64);
    /// A table is through.
    fn done(&mut self, stage: Stage, table: &Moved);
}

/// One table on its way.
pub(super) struct Walk {
    table: &'static Table,
    stage: Stage,
    of: u64,
    rows: u64,
    after: Option<Row>,
    at_end: bool,
    hash: Sha256,
}

impl Walk {
    /// Begins at the first row.
    pub(super) async fn begin(
        dump: &mut dyn StoreDump,
        table: &'static Table,
        stage: Stage,
        progress: &mut (dyn Progress + '_),
    ) -> StoreResult<Self> {
        let of = dump.count(table).await?;
        progress.rows(stage, table.name, 0, of);
        Ok(Self { table, stage, of, rows: 0, after: None, at_end: false, hash: Sha256::new() })
    }

    /// The next page; `None` at the end.
    pub(super) async fn next(&mut self, dump: &mut dyn StoreDump) -> StoreResult<Option<Vec<Row>>> {
        if self.at_end {
            return Ok(None);
        }
        let rows = dump.page(self.table, self.after.as_ref(), PAGE).await?;
        self.at_end = rows.len() < PAGE as usize;
        self.after = rows.last().map(|row| row.iter().take(self.table.key).cloned().collect());
        Ok((!rows.is_empty()).then_some(rows))
    }

    /// Counts and hashes one row; returns its line.
    pub(super) fn note(&mut self, table: &Table, row: &Row) -> String {
        let line = line::of_row(table, row);
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.rows += 1;
        line
    }

    /// Tells how far it is.
    pub(super) fn tell(&self, progress: &mut (dyn Progress + '_)) {
        progress.rows(self.stage, self.table.name, self.rows, self.of);
    }

    /// What went through.
    pub(super) fn end(self, progress: &mut (dyn Progress + '_)) -> Moved {
        let moved = Moved { table: self.table.name, rows: self.rows, checksum: self.hash.finalize().into() };
        progress.done(self.stage, &moved);
        moved
    }
}

/// Copies everything `source` holds at this moment into the empty store `target`, reads it back, and compares counts and
/// checksums. Until that is proven the target is marked unfinished; interrupted at any moment, it is emptied and filled
/// anew by the next call. `origin` names the source in that mark, without secrets.
///
/// # Errors
/// The stores'; `Invariant` when the target is not empty, `Permanent` when what is read back differs.
pub async fn copy(
    source: &(impl TransferStore + ?Sized),
    target: &(impl TransferStore + ?Sized),
    origin: &str,
    now: Timestamp,
    progress: &mut (dyn Progress + '_),
) -> StoreResult<Vec<Moved>> {
    target.begin_load(origin, now).await?;
    load(source.begin_dump().await?, target, progress).await
}

/// As [`copy`], of what is read from `dump`.
///
/// # Errors
/// As [`copy`].
pub async fn fill(
    dump: Box<dyn StoreDump>,
    target: &(impl TransferStore + ?Sized),
    origin: &str,
    now: Timestamp,
    progress: &mut (dyn Progress + '_),
) -> StoreResult<Vec<Moved>> {
    target.begin_load(origin, now).await?;
    load(dump, target, progress).await
}

async fn load(
    mut dump: Box<dyn StoreDump>,
    target: &(impl TransferStore + ?Sized),
    progress: &mut (dyn Progress + '_),
) -> StoreResult<Vec<Moved>> {
    let mut copied = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let mut walk = Walk::begin(dump.as_mut(), table, Stage::Copying, progress).await?;
        let mut page = walk.next(dump.as_mut()).await?;
        while let Some(rows) = page {
            for row in &rows {
                walk.note(table, row);
            }
            let (next, ()) = tokio::try_join!(walk.next(dump.as_mut()), target.load(table, rows))?;
            page = next;
            walk.tell(progress);
        }
        copied.push(walk.end(progress));
    }
    let marks = dump.marks().await?;
    drop(dump);
    target.seal_load(&marks).await?;
    verify(target, &copied, progress).await?;
    if target.begin_dump().await?.marks().await? != marks {
        return Err(differs("marks", "the numbers it counts on from differ"));
    }
    target.complete_load().await?;
    Ok(copied)
}

async fn verify(
    target: &(impl TransferStore + ?Sized),
    copied: &[Moved],
    progress: &mut (dyn Progress + '_),
) -> StoreResult<()> {
    let mut dump = target.begin_dump().await?;
    for (table, sent) in TABLES.iter().zip(copied) {
        let mut walk = Walk::begin(dump.as_mut(), table, Stage::Verifying, progress).await?;
        while let Some(rows) = walk.next(dump.as_mut()).await? {
            for row in &rows {
                walk.note(table, row);
            }
            walk.tell(progress);
        }
        let found = walk.end(progress);
        if found != *sent {
            let what = if found.rows == sent.rows {
                format!("its {} rows have another checksum than those that were read", found.rows)
            } else {
                format!("{} rows were read and {} arrived", sent.rows, found.rows)
            };
            return Err(differs(table.name, &what));
        }
    }
    Ok(())
}

fn differs(table: &str, what: &str) -> StoreError {
    StoreError {
        kind: StoreErrorKind::Permanent,
        operation: "verify the copy of",
        key: table.to_owned(),
        message: format!("{what}: somebody else writes to the target; end every process that uses it and copy again"),
        source: None,
    }
}
