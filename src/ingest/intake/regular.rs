//! Opens what was offered as a file, and only if it is one still. Blocking; called by the pipeline's reader and wherever
//! the service looks into a file.
//!
//! Between the offer and the reading anything may have taken its name: a pipe that nobody writes to, a device, a link. So it
//! is looked at before it is opened (opening a device may do something), opened without waiting, and looked at again.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use thiserror::Error;

/// Why it is not read.
#[derive(Debug, Error)]
pub(crate) enum NotOpened {
    /// The system did not hand it out.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is something else by now.
    #[error("is {0}, no regular file")]
    Other(&'static str),
}

/// Whether a link may stand for the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// Somebody named it: what it leads to is meant.
    Follow,
    /// It was found in a folder, and no link is taken there.
    Refuse,
}

/// The file at `path`, open for reading.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub(crate) fn open(path: &Path, links: Links) -> Result<(File, Metadata), NotOpened> {
    let look = if links == Links::Follow { std::fs::metadata } else { std::fs::symlink_metadata };
    refuse_other(&look(path)?)?;
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(NotOpened::Other("a symbolic link"));
        }
        opened => opened?,
    };
    let metadata = file.metadata()?;
    refuse_other(&metadata)?;
    Ok((file, metadata))
}

fn refuse_other(found: &Metadata) -> Result<(), NotOpened> {
    let kind = found.file_type();
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(NotOpened::Other(what))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        let mut text = String::new();
        open(&at("file"), Links::Refuse).unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        let refused = |name: &str, links| open(&at(name), links).unwrap_err().to_string();
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        // A pipe without a writer would be waited for.
        assert_eq!(refused("pipe", Links::Follow), "is a named pipe, no regular file");
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(refused("socket", Links::Refuse), "is a socket, no regular file");
        assert_eq!(
            open(Path::new("/dev/null"), Links::Refuse).unwrap_err().to_string(),
            "is a device, no regular file"
        );
        assert_eq!(refused("", Links::Follow), "is a folder, no regular file");
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        assert_eq!(refused("link", Links::Refuse), "is a symbolic link, no regular file");
        assert!(open(&at("link"), Links::Follow).is_ok());
        std::os::unix::fs::symlink(at("pipe"), at("to pipe")).unwrap();
        assert_eq!(refused("to pipe", Links::Follow), "is a named pipe, no regular file");
        assert!(matches!(open(&at("nothing"), Links::Follow), Err(NotOpened::Io(_))));
    }
}
