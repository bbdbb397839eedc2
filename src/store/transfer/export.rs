//! A store as lines of JSON, the same for the same content whatever the engine. Called by `peanut export` and tests.

use std::io::Write;

use sha2::{Digest as _, Sha256};
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

/// Writes every row of the store as one line, table by table in a fixed order, each in order of its key, then the marks.
/// The last line says how many lines stand before it and their SHA-256: an export without it, or with another sum, is
/// not whole. Two stores of the same content give the same bytes. Bounded memory.
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
    let mut lines = Lines::default();
    for table in TABLES {
        let mut walk = copy::Walk::begin(dump.as_mut(), table, Stage::Reading, progress).await?;
        while let Some(rows) = walk.next(dump.as_mut()).await? {
            for row in &rows {
                lines.write(out, &walk.note(table, row))?;
            }
            walk.tell(progress);
        }
        told.push(walk.end(progress));
    }
    lines.write(out, &line::of_marks(&dump.marks().await?))?;
    writeln!(out, "{}", line::of_end(lines.count, lines.hash.finalize().into()))?;
    out.flush()?;
    Ok(told)
}

/// The lines written so far.
#[derive(Default)]
struct Lines {
    count: u64,
    hash: Sha256,
}

impl Lines {
    fn write(&mut self, out: &mut (dyn Write + Send), line: &str) -> std::io::Result<()> {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.count += 1;
        writeln!(out, "{line}")
    }
}
