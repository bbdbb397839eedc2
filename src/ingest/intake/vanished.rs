//! Which known files are not there any more. Blocking and pure but for looking; asked by the service and the watcher.
//!
//! A file is gone when its name is. What cannot be looked at may be there, and a drive that is not mounted takes nothing
//! with it: its files were on another device than the folder that is left in its place, which is empty or further up.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::domain::intake::KnownPath;

use super::paths;

/// What became of a known file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lot {
    /// It is there, or it cannot be told.
    There,
    /// It is gone.
    Gone,
    /// It is not there, and neither is the device it lay on.
    Unmounted,
}

/// Of known files those that are not there, each with what became of it.
pub(crate) fn missing(known: Vec<KnownPath>) -> Vec<(String, Lot)> {
    let lots = known.into_iter().map(|known| {
        let lot = lot_of(&paths::path_of(&known.path), known.device);
        (known.path, lot)
    });
    lots.filter(|(_, lot)| *lot != Lot::There).collect()
}

/// What became of the file at `path` that was last seen on `device`.
pub(crate) fn lot_of(path: &Path, device: Option<i64>) -> Lot {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Lot::Gone,
        Ok(_) => Lot::There,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            if is_unmounted(path, device) { Lot::Unmounted } else { Lot::Gone }
        }
        Err(_) => Lot::There,
    }
}

/// Whether what is left of the way to `path` lies on another device, as an empty folder or not down to its own.
fn is_unmounted(path: &Path, device: Option<i64>) -> bool {
    let Some(device) = device else {
        // Nobody noted where it lay (an older version took it in): gone with its whole folder says too little.
        return path.parent().is_some_and(|folder| !folder.exists());
    };
    for (steps, folder) in path.ancestors().skip(1).enumerate() {
        let Ok(found) = std::fs::metadata(folder) else { continue };
        if !found.is_dir() || found.dev().cast_signed() == device {
            return false;
        }
        let is_empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
        return steps > 0 || is_empty;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_gone_with_its_name_but_not_with_its_device() {
        let folder = tempfile::tempdir().unwrap();
        let here = std::fs::metadata(folder.path()).unwrap().dev().cast_signed();
        let path = folder.path().join("sub/a.md");
        let lot = |device| lot_of(&path, device);
        assert_eq!((lot(Some(here)), lot(None)), (Lot::Gone, Lot::Unmounted), "its folder is gone with it");
        assert_eq!(lot(Some(here + 1)), Lot::Unmounted, "a folder further up is left, on another device");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        assert_eq!((lot(Some(here)), lot(Some(here + 1))), (Lot::Gone, Lot::Unmounted), "an empty folder is left");
        std::fs::write(folder.path().join("sub/b.md"), "b").unwrap();
        assert_eq!(lot(Some(here + 1)), Lot::Gone, "its neighbours are there");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(lot(Some(here)), Lot::Gone, "a folder has its name now");
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, "a").unwrap();
        assert_eq!(lot(Some(here)), Lot::There);
    }
}
