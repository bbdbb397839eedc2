//! An export read back as a store is read: row by row, in the order in which it was written. Called by `peanut copy --from`.
//!
//! Before anything is taken from it, all of it is read once: it must end with the record that says how many lines there are
//! and what they hash to. One that was cut off, or changed since, is refused as a whole.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::line;
use super::read_line::{self, Line};
use super::tables::{TABLES, Table};
use super::{Marks, Row, StoreDump};
use crate::store::{StoreError, StoreErrorKind, StoreResult};

/// How every export begins.
const BEGIN: &[u8] = b"{\"table\":";

/// Why an export is not read.
#[derive(Debug, Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error("cannot read the export: {0}")]
    Read(#[from] io::Error),
    /// Its end is missing.
    #[error(
        "the export is cut off: it ends after {lines} lines without the record that ends every export; nothing was taken \
         from it, export again"
    )]
    CutOff {
        /// Whole lines there are.
        lines: u64,
    },
    /// It is not what was written.
    #[error("the export was changed or damaged after it was written ({0}); nothing was taken from it")]
    Changed(String),
}

/// A whole export.
#[derive(Debug)]
pub struct ExportFile {
    path: PathBuf,
    counts: Vec<u64>,
    marks: Marks,
}

impl ExportFile {
    /// Whether a file begins as an export does.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        if !path.is_file() {
            return false;
        }
        let begin = File::open(path).and_then(|file| BufReader::with_capacity(64, file).fill_buf().map(<[u8]>::to_vec));
        begin.is_ok_and(|begin| begin.starts_with(BEGIN))
    }

    /// Reads all of it, and proves it.
    ///
    /// # Errors
    /// When it is cut off, or not what was written.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let mut reader = BufReader::with_capacity(256 << 10, File::open(path)?);
        let (mut counts, mut marks) = (vec![0; TABLES.len()], None);
        let (mut lines, mut hash, mut text) = (0_u64, Sha256::new(), Vec::new());
        loop {
            text.clear();
            reader.read_until(b'\n', &mut text)?;
            if text.last() != Some(&b'\n') {
                return Err(ImportError::CutOff { lines });
            }
            let read = std::str::from_utf8(&text).map_err(|error| error.to_string()).and_then(read_line::line);
            match read.map_err(|why| ImportError::Changed(format!("line {}: {why}", lines + 1)))? {
                Line::Row(table, _) => {
                    if let Some(count) = counts.get_mut(table) {
                        *count += 1;
                    }
                }
                Line::Marks(read) => marks = Some(read),
                Line::End { lines: told, sha256 } => {
                    let is_whole = told == lines && sha256 == line::hexadecimal_of(&hash.finalize());
                    let marks = marks.filter(|_| is_whole);
                    let marks = marks.ok_or_else(|| ImportError::Changed("its checksum differs".to_owned()))?;
                    return Ok(Self { path: path.to_owned(), counts, marks });
                }
            }
            hash.update(&text);
            lines += 1;
        }
    }

    /// Its rows, to be read once from the first to the last.
    ///
    /// # Errors
    /// When it cannot be opened again.
    pub fn dump(self) -> io::Result<Box<dyn StoreDump>> {
        let reader = BufReader::with_capacity(256 << 10, File::open(&self.path)?);
        Ok(Box::new(ExportDump { export: self, reader, next: None, is_through: false }))
    }
}

/// The rows of an export, as far as they were read.
struct ExportDump {
    export: ExportFile,
    reader: BufReader<File>,
    /// The row that was read and not yet given.
    next: Option<(usize, Row)>,
    is_through: bool,
}

impl ExportDump {
    fn read(&mut self) -> Result<Option<(usize, Row)>, String> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        if self.is_through {
            return Ok(None);
        }
        let mut text = String::new();
        self.reader.read_line(&mut text).map_err(|error| error.to_string())?;
        match read_line::line(&text)? {
            Line::Row(table, row) => Ok(Some((table, row))),
            Line::Marks(_) | Line::End { .. } => {
                self.is_through = true;
                Ok(None)
            }
        }
    }

    fn failed(&self, message: String) -> StoreError {
        let key = self.export.path.display().to_string();
        StoreError { kind: StoreErrorKind::Permanent, operation: "read the export", key, message, source: None }
    }
}

#[async_trait]
impl StoreDump for ExportDump {
    async fn count(&mut self, table: &'static Table) -> StoreResult<u64> {
        let counts = TABLES.iter().zip(&self.export.counts);
        Ok(counts.into_iter().find(|(known, _)| known.name == table.name).map_or(0, |(_, count)| *count))
    }

    /// The next rows of the table: they come in order, whatever `after` says.
    async fn page(&mut self, table: &'static Table, _after: Option<&Row>, limit: u32) -> StoreResult<Vec<Row>> {
        let mut rows = Vec::new();
        while rows.len() < limit as usize {
            match self.read().map_err(|why| self.failed(why))? {
                Some((at, row)) if TABLES.get(at).is_some_and(|known| known.name == table.name) => rows.push(row),
                other => {
                    self.next = other;
                    break;
                }
            }
        }
        Ok(rows)
    }

    async fn marks(&mut self) -> StoreResult<Marks> {
        // Everything was asked for by now: rows in another order would have been left out.
        if self.read().map_err(|why| self.failed(why))?.is_some() {
            return Err(self.failed("its rows are not in the order in which they are written".to_owned()));
        }
        Ok(self.export.marks.clone())
    }
}
