//! Why a file could not be read, and what follows for what it held. Used by `reader`.
//!
//! What is not there any more (gone, no longer readable by this user, something else under the old name) takes its
//! documents with it. What may pass by itself (a disk error, a share that hangs, no descriptors left) takes nothing. Whatever
//! the system refuses is tried again until it goes well, by the running process and by the next `ingest`: nothing is wrong
//! with the file. What is wrong with its content is tried a few times.

use std::io::{Error, ErrorKind};

use tokio::sync::mpsc;

use crate::domain::intake::{FileRecord, FileState, NewDeadLetter, Origin, Retry};
use crate::ingest::intake::paths;
use crate::ingest::intake::regular::NotOpened;
use crate::ingest::parse::ParseError;

use super::reader::{End, Holds, Output, Position};

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum Refused {
    /// The system did not hand it out.
    Io(Error),
    /// Its content cannot be read.
    Parse(ParseError),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Io(error)
    }
}

impl From<NotOpened> for Refused {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::Io(error) => Self::Io(error),
            NotOpened::Other(_) => Self::Parse(ParseError::Unsupported(error.to_string())),
        }
    }
}

impl From<ParseError> for Refused {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

/// Whether nothing lies where the file lay: its drive may only not be mounted. A scan, which knows the device, decides.
fn is_alone(path: &str) -> bool {
    let path = paths::path_of(path);
    let entries = path.parent().map(std::fs::read_dir);
    !entries.is_some_and(|entries| entries.is_ok_and(|mut entries| entries.next().is_some()))
}

/// When something is tried again that could not be parsed.
pub(super) fn retry_of(error: &ParseError) -> Retry {
    match error {
        ParseError::EndedParser(_) | ParseError::EndedProgram(_) => Retry::ByHand,
        _ => Retry::AFewTimes,
    }
}

impl Refused {
    /// How the file ends for that; tells what failed.
    pub(super) fn end(self, file: &FileRecord, position: &mut Position, outputs: &mpsc::Sender<Output>) -> End {
        let retry = match self {
            Self::Io(_) => Retry::UntilItPasses,
            Self::Parse(ref error) => retry_of(error),
        };
        let of_content = position.content_sha256.map_or(Holds::What, |content| Holds::WhatIsOf(vec![content]));
        let (error, holds) = match self {
            Self::Io(error)
                if error.kind() == ErrorKind::NotFound && file.origin != Origin::DropZone && is_alone(&file.path) =>
            {
                (
                    "it is not there, nor anything beside it; if its drive is not mounted, mount it".to_owned(),
                    Holds::Unknown,
                )
            }
            Self::Io(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                // The drop zone is an inbox: what was in it stays known.
                let holds = if file.origin == Origin::DropZone { Holds::Unknown } else { Holds::What };
                *position = Position::default();
                let reason = Some("the file is gone".to_owned());
                return End::State { state: FileState::Retired, reason, holds };
            }
            Self::Io(error) if error.kind() == ErrorKind::PermissionDenied => (paths::explain(&error), Holds::What),
            Self::Io(error) => (paths::explain(&error), Holds::Unknown),
            // Nothing in it to read is no failure: an empty note, a file of blanks.
            Self::Parse(ParseError::NoText) => {
                position.seen = 1;
                position.skipped = 1;
                let reason = Some(ParseError::NoText.to_string());
                return End::State { state: FileState::Skipped, reason, holds: of_content };
            }
            Self::Parse(error) => (error.to_string(), of_content),
        };
        // An archive that breaks off is one more item beside its messages; any other file is the one item itself.
        position.seen = if position.source_type.is_some() { position.seen + 1 } else { 1 };
        let holds = if position.source_type.is_some() { Holds::Unknown } else { holds };
        let letter = NewDeadLetter { path: file.path.clone(), offset: None, error: error.clone(), retry };
        // A closed channel means that the worker is gone; then there is nobody to tell.
        let _ = outputs.blocking_send(Output::Failed(letter));
        End::State { state: FileState::Failed, reason: Some(error), holds }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Timestamp;
    use crate::domain::intake::ItemCounts;
    use crate::ingest::intake::regular::{self, Links};

    use super::*;

    fn ended(refused: Refused) -> (End, Option<NewDeadLetter>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("beside"), "").unwrap();
        let file = FileRecord {
            path: folder.path().join("a.md").display().to_string(),
            origin: Origin::Folder,
            source_type: None,
            state: FileState::Parsing,
            reason: None,
            size_bytes: 0,
            modified_at: Timestamp(0),
            bytes_done: 0,
            head_sha256: None,
            items: ItemCounts::default(),
            offered_at: Timestamp(0),
            updated_at: Timestamp(0),
            attempts: 1,
        };
        let (sender, mut outputs) = mpsc::channel(4);
        let end = refused.end(&file, &mut Position::default(), &sender);
        let letter = match outputs.try_recv() {
            Ok(Output::Failed(letter)) => Some(letter),
            _ => None,
        };
        (end, letter)
    }

    #[test]
    fn what_the_system_refuses_is_tried_until_it_goes_well_and_takes_nothing() {
        use rustix::io::Errno;
        for errno in [Errno::MFILE, Errno::NFILE, Errno::IO, Errno::INTR, Errno::STALE, Errno::NOMEM] {
            let (end, letter) = ended(Refused::Io(errno.into()));
            let letter = letter.unwrap();
            assert_eq!((letter.retry, letter.offset), (Retry::UntilItPasses, None), "{errno:?}");
            let End::State { state, holds, .. } = end else { panic!("{errno:?}") };
            assert_eq!((state, holds), (FileState::Failed, Holds::Unknown), "{errno:?}");
        }
        // Who may not read it any more does not find it any more; it is tried again all the same.
        let (end, letter) = ended(Refused::Io(Errno::ACCESS.into()));
        assert_eq!(letter.unwrap().retry, Retry::UntilItPasses);
        assert!(matches!(end, End::State { state: FileState::Failed, holds: Holds::What, .. }), "{end:?}");
        // What is gone is no failure, and what is wrong with its content is tried a few times only.
        let (end, letter) = ended(Refused::Io(Errno::NOENT.into()));
        assert!(letter.is_none() && matches!(end, End::State { state: FileState::Retired, .. }), "{end:?}");
        let retry = |error: ParseError| ended(Refused::Parse(error)).1.unwrap().retry;
        assert_eq!(retry(ParseError::Damaged("broken".into())), Retry::AFewTimes);
        assert_eq!(retry(ParseError::EndedParser("x".into())), Retry::ByHand);
        let other = regular::open(std::path::Path::new("/dev/null"), Links::Follow).unwrap_err();
        let letter = ended(other.into()).1.unwrap();
        assert!(letter.retry == Retry::AFewTimes && letter.error.contains("is a device"), "{}", letter.error);
    }
}
