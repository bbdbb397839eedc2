//! A block of vectors of one model, packed once and never changed. Pure; called by `model` and by whoever tidies up.
//!
//! In order of chunk ids, numbers in little-endian order: the ids (8 bytes each), the scales (4), the codes (a byte a
//! dimension), what the codes leave (the same); then the number of vectors (8), the dimension (8) and what tells a block (8).

use std::io::{self, Write};

use crate::index::bytes::Bytes;
use crate::index::codes::{quantise, remainder};

const MAGIC: [u8; 8] = *b"pnvects1";
const FOOTER_BYTES: usize = 24;

/// A chunk's vector in codes.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    /// The chunk.
    pub(crate) chunk: i64,
    /// One byte a dimension.
    pub(crate) code: Vec<i8>,
    /// What the code leaves.
    pub(crate) fine: Vec<i8>,
    /// What undoes the code.
    pub(crate) scale: f32,
}

impl Coded {
    /// The codes of a vector.
    pub(crate) fn of(chunk: i64, vector: &[f32]) -> Self {
        let (code, scale) = quantise(vector);
        let fine = remainder(vector, &code, scale);
        Self { chunk, code, fine, scale }
    }
}

/// A block that lies somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    bytes: Bytes,
    vectors: usize,
    dimension: usize,
}

impl Block {
    /// A block of these bytes; `None` when they are none, or of other vectors than those of `dimension`.
    pub(crate) fn of(bytes: Bytes, dimension: usize) -> Option<Self> {
        let (rest, footer) = bytes.split_at_checked(bytes.len().checked_sub(FOOTER_BYTES)?)?;
        let (numbers, magic) = footer.split_at_checked(16)?;
        let [vectors, held] = numbers.as_chunks::<8>().0 else { return None };
        let vectors = usize::try_from(u64::from_le_bytes(*vectors)).ok()?;
        let fits = u64::from_le_bytes(*held) == dimension as u64
            && magic == MAGIC
            && vectors.checked_mul(dimension.checked_mul(2)?.checked_add(12)?)? == rest.len();
        fits.then_some(Self { bytes, vectors, dimension })
    }

    /// Number of vectors.
    pub(crate) fn vectors(&self) -> usize {
        self.vectors
    }

    fn ids(&self) -> &[[u8; 8]] {
        self.bytes.get(..self.vectors * 8).unwrap_or_default().as_chunks::<8>().0
    }

    /// The chunk of a row; 0 where there is none.
    pub(crate) fn id(&self, row: usize) -> i64 {
        self.ids().get(row).map_or(0, |id| i64::from_le_bytes(*id))
    }

    /// The row of a chunk.
    pub(crate) fn find(&self, chunk: i64) -> Option<usize> {
        let (first, last) = (self.id(0), self.id(self.vectors.checked_sub(1)?));
        if chunk < first || chunk > last {
            return None;
        }
        self.ids().binary_search_by_key(&chunk, |id| i64::from_le_bytes(*id)).ok()
    }

    /// What undoes the code of a row.
    pub(crate) fn scale(&self, row: usize) -> f32 {
        let at = self.vectors * 8 + row * 4;
        self.bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).map_or(f32::NAN, |scale| f32::from_le_bytes(*scale))
    }

    /// Codes of all rows, one after the other.
    pub(crate) fn codes(&self) -> &[i8] {
        let at = self.vectors * 12;
        bytemuck::cast_slice(self.bytes.get(at..at + self.vectors * self.dimension).unwrap_or_default())
    }

    /// The code of a row.
    pub(crate) fn code(&self, row: usize) -> &[i8] {
        self.codes().get(row * self.dimension..(row + 1) * self.dimension).unwrap_or_default()
    }

    /// What the code of a row leaves.
    pub(crate) fn fine(&self, row: usize) -> &[i8] {
        let at = self.vectors * (12 + self.dimension) + row * self.dimension;
        bytemuck::cast_slice(self.bytes.get(at..at + self.dimension).unwrap_or_default())
    }
}

/// Writes a block of some vectors.
///
/// # Errors
/// When `out` fails.
pub(crate) fn write<W: Write>(mut vectors: Vec<Coded>, dimension: usize, mut out: W) -> io::Result<W> {
    vectors.sort_by_key(|vector| vector.chunk);
    vectors.dedup_by_key(|vector| vector.chunk);
    for vector in &vectors {
        out.write_all(&vector.chunk.to_le_bytes())?;
    }
    for vector in &vectors {
        out.write_all(&vector.scale.to_le_bytes())?;
    }
    for vector in &vectors {
        out.write_all(bytemuck::cast_slice(&vector.code))?;
    }
    for vector in &vectors {
        out.write_all(bytemuck::cast_slice(&vector.fine))?;
    }
    finish(vectors.len(), dimension, out)
}

/// Writes one block of several, without the vectors of chunks that `is_gone`.
///
/// # Errors
/// When `out` fails.
pub(crate) fn merge<W: Write>(
    blocks: &[Block],
    dimension: usize,
    is_gone: impl Fn(i64) -> bool,
    mut out: W,
) -> io::Result<(W, usize)> {
    let rows = (0..).zip(blocks).flat_map(|(at, block)| (0..block.vectors).map(move |row| (block.id(row), at, row)));
    let mut rows: Vec<(i64, usize, usize)> = rows.filter(|(id, ..)| !is_gone(*id)).collect();
    rows.sort_unstable();
    rows.dedup_by_key(|(id, ..)| *id);
    for (id, ..) in &rows {
        out.write_all(&id.to_le_bytes())?;
    }
    for (_, block, row) in &rows {
        out.write_all(&blocks[*block].scale(*row).to_le_bytes())?;
    }
    for (_, block, row) in &rows {
        out.write_all(bytemuck::cast_slice(blocks[*block].code(*row)))?;
    }
    for (_, block, row) in &rows {
        out.write_all(bytemuck::cast_slice(blocks[*block].fine(*row)))?;
    }
    Ok((finish(rows.len(), dimension, out)?, rows.len()))
}

fn finish<W: Write>(vectors: usize, dimension: usize, mut out: W) -> io::Result<W> {
    out.write_all(&(vectors as u64).to_le_bytes())?;
    out.write_all(&(dimension as u64).to_le_bytes())?;
    out.write_all(&MAGIC)?;
    Ok(out)
}
