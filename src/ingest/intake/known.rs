//! What the service does with files it knows: looks into those that are named, and retires those that are gone.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::domain::intake::{FileMark, FileState, KnownPath, OfferedFile, Origin};
use crate::store::DeletedDocument;

use super::regular::{self, Links};
use super::vanished::{self, Lot};
use super::{Intake, IntakeError, IntakeOffer, paths};

/// Known files looked at in one step while what is gone is searched for.
const LOOK_BATCH: u32 = 1_000;

impl Intake {
    /// Queues files that somebody, or an event, named: their content decides whether they changed, not what the file system
    /// says of them, and what failed is tried again.
    pub(crate) async fn offer_named(
        &self,
        files: Vec<OfferedFile>,
        offer: &mut IntakeOffer,
    ) -> Result<(), IntakeError> {
        let names: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let marks = self.store.marks(&names).await?;
        let marks: HashMap<&str, &FileMark> = marks.iter().map(|mark| (mark.path.as_str(), mark)).collect();
        let (mut plain, mut forced) = (Vec::new(), Vec::new());
        for file in files {
            let Some(mark) = marks.get(file.path.as_str()) else {
                plain.push(file);
                continue;
            };
            match self.look_into(&file, mark).await {
                Look::Same => offer.unchanged += 1,
                Look::Ask => plain.push(file),
                Look::Changed => forced.push(file),
            }
        }
        self.offer_files(plain, offer).await?;
        if !forced.is_empty() {
            offer.queued += self.store.offer(&forced, true, self.clock.now()).await?;
            self.ingest_wake.notify_one();
        }
        Ok(())
    }

    /// Compares a file with what is known of it.
    async fn look_into(&self, file: &OfferedFile, mark: &FileMark) -> Look {
        match mark.state {
            FileState::Failed => return Look::Changed,
            FileState::Indexed | FileState::Duplicate | FileState::Skipped => {}
            FileState::Queued | FileState::Parsing | FileState::Retired => return Look::Ask,
        }
        if mark.size_bytes != file.size_bytes {
            return Look::Ask;
        }
        // Never read whole: an archive too large for it, or something left out by rule.
        let Some(known) = mark.content_sha256 else {
            return if mark.state == FileState::Skipped { Look::Changed } else { Look::Ask };
        };
        let path = paths::path_of(&file.path);
        let hashing = tokio::task::spawn_blocking(move || hash_of(&path)).await;
        match hashing {
            Ok(Ok(content)) if content == known => Look::Same,
            _ => Look::Changed,
        }
    }

    /// Retires the known files at and below `path` that are not there any more. Those whose drive is not there are told and
    /// left alone, unless `gone`.
    pub(crate) async fn retire_vanished(
        &self,
        path: &Path,
        gone: bool,
        offer: &mut IntakeOffer,
    ) -> Result<(), IntakeError> {
        let name = paths::text_of(path);
        let own = self.store.marks(std::slice::from_ref(&name)).await?;
        let mut known: Vec<KnownPath> = own
            .into_iter()
            .filter(|mark| mark.state != FileState::Retired)
            .map(|mark| KnownPath { path: mark.path, device: mark.device })
            .collect();
        let (mut after, mut unmounted) = (String::new(), 0_u64);
        loop {
            let below = self.store.paths_below(&name, &after, LOOK_BATCH).await?;
            let is_last = below.is_empty();
            if let Some(last) = below.last() {
                after.clone_from(&last.path);
            }
            known.extend(below);
            let looking = tokio::task::spawn_blocking(move || vanished::missing(known)).await;
            let missing =
                looking.map_err(|error| IntakeError::Refused(format!("looking at {name} failed: {error}")))?;
            for (path, lot) in missing {
                if lot == Lot::Unmounted && !gone {
                    unmounted += 1;
                    continue;
                }
                self.recorder.retire_file(&path, self.clock.now()).await?;
                offer.retired += 1;
            }
            if is_last {
                break;
            }
            known = Vec::new();
        }
        if unmounted > 0 {
            let reason = format!(
                "{unmounted} known files are not there, and neither is the drive they lay on: nothing of them was retired \
                 (mount it, or say `peanut ingest --gone` if they are gone for good)"
            );
            offer.refused.push((name, reason));
        }
        // What repeats a retired document is queued.
        self.ingest_wake.notify_one();
        Ok(())
    }
}

impl Intake {
    /// Of these documents, which are about to be brought back, the files that are not there: known to be gone from now on, so
    /// that nobody takes the documents away again for that. The drop zone is an inbox: what was in it need not be there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_gone(&self, documents: &[DeletedDocument]) -> Result<BTreeSet<String>, IntakeError> {
        let mut gone = BTreeSet::new();
        for path in documents.iter().map(|document| &document.source_path).collect::<BTreeSet<_>>() {
            let record = self.store.file(path).await?.filter(|record| record.origin != Origin::DropZone);
            if record.is_none() || tokio::fs::try_exists(paths::path_of(path)).await.unwrap_or(true) {
                continue;
            }
            let mut offer = IntakeOffer::default();
            self.retire_vanished(&paths::path_of(path), false, &mut offer).await?;
            gone.insert(path.clone());
        }
        Ok(gone)
    }
}

/// What a look into a named file says.
enum Look {
    /// Its content is known.
    Same,
    /// The store may tell by size and times.
    Ask,
    /// It is to be read, all of it.
    Changed,
}

fn hash_of(path: &Path) -> Result<[u8; 32], regular::NotOpened> {
    let mut hash = Sha256::new();
    let (mut file, _) = regular::open(path, Links::Follow)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(hash.finalize().into());
        };
        hash.update(bytes);
    }
}
