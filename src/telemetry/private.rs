//! Files and folders that nobody but their owner may look into, whatever the umask: logs, crash reports, locks, exports,
//! and the folders that hold them. Called by the log, the crash report, `runtime` and `cli`.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// For the owner alone.
const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Makes a folder, and those above it that are missing, for their owner alone. One that is there stays as it is.
///
/// # Errors
/// When it cannot be made, or something else is there.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER);
    builder.create(folder)
}

/// As [`make_folder`]; one of ours that is there and open to others is closed to them, if the system lets us.
///
/// # Errors
/// As [`make_folder`].
pub fn own_folder(folder: &Path) -> io::Result<()> {
    make_folder(folder)?;
    // Whoever may not change it is told by what is written there.
    let _ = close_to_others(folder, FOLDER);
    Ok(())
}

/// Opens a file to add to its end; a new one is for its owner alone.
///
/// # Errors
/// When it cannot be opened or made.
pub fn append(path: &Path) -> io::Result<File> {
    let file = options().append(true).create(true).open(path)?;
    let _ = close_to_others(path, FILE);
    Ok(file)
}

/// Makes a file that must not be there yet.
///
/// # Errors
/// When it is there, or cannot be made.
pub fn create_new(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// How a file for its owner alone is made.
#[must_use]
pub fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE);
    options
}

#[cfg(unix)]
fn close_to_others(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let held = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if held & !mode == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(held & mode))
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_may_look() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        make_folder(&folder).unwrap();
        assert_eq!((mode(&folder), mode(&root.path().join("a"))), (0o700, 0o700));
        let file = folder.join("x.log");
        drop(append(&file).unwrap());
        assert_eq!(mode(&file), 0o600);
        assert_eq!(create_new(&file).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        for (path, open) in [(&folder, 0o755), (&file, 0o644)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(open)).unwrap();
        }
        make_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o755, "a folder somebody else made stays as it is");
        own_folder(&folder).unwrap();
        drop(append(&file).unwrap());
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
    }
}
