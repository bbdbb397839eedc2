//! A store as lines of JSON, the same for the same content whatever the engine. Called by `peanut export` and tests.

use std::io::Write;

use thiserror::Error;

use super::tables::TABLES;
use super::{Moved, Progress, Stage, TransferStore, copy, line};
use crate::store::StoreError;

/// Why an export ended early.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lines could not be written.
    #[error("write the export: {0}")]
    Write(#[from] std::io::Error),
}

/// Writes every row of the store as one line, table by table in a fixed order, each in order of its key; the marks come
/// last. Two stores of the same content give the same bytes. Bounded memory.
///
/// # Errors
/// When the store cannot be read or the lines not be written.
pub async fn export(
    store: &(impl TransferStore + ?Sized),
    out: &mut (dyn Write + Send),
    progress: &mut (dyn Progress + '_),
) -> Result<Vec<Moved>, ExportError> {
    let mut dump = store.begin_dump().await?;
    let mut told = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let mut walk = copy::Walk::begin(dump.as_mut(), table, Stage::Reading, progress).await?;
        while let Some(rows) = walk.next(dump.as_mut()).await? {
            for row in &rows {
                writeln!(out, "{}", walk.note(table, row))?;
            }
            walk.tell(progress);
        }
        told.push(walk.end(progress));
    }
    writeln!(out, "{}", line::of_marks(&dump.marks().await?))?;
    out.flush()?;
    Ok(told)
}
