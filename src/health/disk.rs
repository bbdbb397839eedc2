//! How much room is left for the data. Called by [`super::Probes`] and `doctor`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::health::{DiskSpace, ServiceState};

/// Less free space than this is worth a word: a large archive may not fit any more.
pub const LOW_BYTES: u64 = 2 << 30;
/// Less than this stops ingest before long.
pub const LEAST_BYTES: u64 = 256 << 20;

/// The file system a folder lies on.
#[derive(Clone, Debug)]
pub struct Disk {
    folder: PathBuf,
    /// Set while the system is asked: one that hangs (a lost network drive) is not asked again and again.
    is_asked: Arc<AtomicBool>,
}

/// What the disk is like, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskReport {
    /// In numbers.
    pub space: DiskSpace,
    /// Low is `Degraded`, full is `Down`.
    pub state: ServiceState,
    /// How much is free, and where.
    pub detail: String,
    /// What to do about it, when it is low.
    pub remedy: Option<String>,
}

impl Disk {
    /// The disk of a folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), is_asked: Arc::default() }
    }

    /// Asks the system, off the async threads.
    ///
    /// # Errors
    /// When it cannot be asked, or has not answered the last time yet; the sentence says what to do.
    pub async fn look(&self) -> Result<DiskReport, String> {
        if self.is_asked.swap(true, Ordering::AcqRel) {
            let folder = self.folder.display();
            return Err(format!(
                "the file system of {folder} does not answer: check the mount (a lost network drive?)"
            ));
        }
        let (folder, is_asked) = (self.folder.clone(), Arc::clone(&self.is_asked));
        let asked = tokio::task::spawn_blocking(move || {
            let answer = space(&folder);
            is_asked.store(false, Ordering::Release);
            answer
        });
        let folder = self.folder.display().to_string();
        match asked.await {
            Ok(Ok(space)) => Ok(report(space, &folder)),
            Ok(Err(error)) => Err(format!("cannot ask for the room in {folder}: {error}; check the mount")),
            Err(error) => Err(format!("cannot ask for the room in {folder}: {error}")),
        }
    }
}

/// The same at once, for a command that looks once.
///
/// # Errors
/// When the system cannot be asked.
pub fn look_now(folder: &Path) -> std::io::Result<DiskReport> {
    Ok(report(space(folder)?, &folder.display().to_string()))
}

/// What a normal user may still write where `folder` lies, and how large that is.
fn space(folder: &Path) -> std::io::Result<DiskSpace> {
    let disk = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Ok(DiskSpace { free_bytes: bytes(disk.f_bavail), total_bytes: bytes(disk.f_blocks) })
}

fn report(space: DiskSpace, folder: &str) -> DiskReport {
    let free = space.free_bytes;
    let gibibytes = free as f64 / f64::from(1 << 30);
    let detail = format!("{gibibytes:.1} GiB free for {folder}");
    let (state, remedy) = match free {
        LOW_BYTES.. => (ServiceState::Ok, None),
        LEAST_BYTES.. => (ServiceState::Degraded, Some("make room soon, or move the data folder to a larger disk")),
        _ => {
            (ServiceState::Down, Some("make room now: ingest stops when nothing is left, and goes on by itself after"))
        }
    };
    DiskReport { space, state, detail, remedy: remedy.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_amber_and_none_is_red_with_what_to_do() {
        let report = |free_bytes| report(DiskSpace { free_bytes, total_bytes: 1 << 40 }, "/d");
        assert_eq!(report(LOW_BYTES).state, ServiceState::Ok);
        let low = report(LOW_BYTES - 1);
        assert!(low.state == ServiceState::Degraded && low.detail == "2.0 GiB free for /d", "{low:?}");
        assert!(low.remedy.is_some_and(|remedy| remedy.contains("make room")));
        assert_eq!(report(LEAST_BYTES - 1).state, ServiceState::Down);
        assert!(report(0).space.is_full() && !report(LEAST_BYTES).space.is_full());
    }

    #[tokio::test]
    async fn a_real_folder_has_an_answer_and_a_missing_one_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(folder.path());
        assert!(disk.look().await.unwrap().detail.contains("GiB free for"));
        let error = Disk::of(&folder.path().join("absent")).look().await.unwrap_err();
        assert!(error.contains("check the mount"), "{error}");
        // One that hangs is not asked again.
        disk.is_asked.store(true, Ordering::Release);
        assert!(disk.look().await.unwrap_err().contains("does not answer"));
    }
}
