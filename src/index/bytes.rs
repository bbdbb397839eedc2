//! Where the bytes of a segment or block lie: mapped from a file, or held in memory.
//!
//! The one place with `unsafe` of ours. The reason: a process that searches once reads a few pages of files of hundreds of
//! megabytes, and every process of the machine shares them; a copy in memory takes a hundred times as long and as much.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

/// Bytes that never change, cheap to share.
#[derive(Clone, Debug)]
pub(crate) enum Bytes {
    /// Mapped from a file.
    Mapped(Arc<Mmap>),
    /// Held in memory.
    Held(Arc<[u8]>),
}

impl Bytes {
    /// Maps a file that is never written to again.
    ///
    /// # Errors
    /// When the file cannot be opened or mapped.
    pub(crate) fn map(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Self::Held(Arc::from([])));
        }
        #[expect(unsafe_code, reason = "mapping a file is unsafe: see below")]
        // SAFETY: what is mapped must not change. Files of the index are written under another name, synced, renamed, and
        // from then on only ever removed as a whole, which leaves a mapping as it is; they belong to the user alone
        // (0600). Their content is never trusted: every offset read from it is checked.
        let mapped = unsafe { Mmap::map(&file)? };
        Ok(Self::Mapped(Arc::new(mapped)))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(mapped) => mapped,
            Self::Held(held) => held,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Held(bytes.into())
    }
}
