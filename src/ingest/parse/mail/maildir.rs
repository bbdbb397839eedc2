//! Maildir: which files of a directory tree are messages, told from their paths alone.
//!
//! Pure helpers; `ingest::watch` and `ingest::pipeline` walk the tree and ask here.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The three directories every Maildir folder has; messages in `tmp` are still being delivered.
const DELIVERED: [&str; 2] = ["cur", "new"];

/// Whether `path` names a delivered message of a Maildir: a plain file name directly inside `cur` or `new`, not hidden.
///
/// The caller tells by [`is_maildir`] (or by the file's content) whether the parent really is one.
#[must_use]
pub fn is_message_path(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else { return false };
    let parent = path.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    let is_bookkeeping = name.starts_with('.') || name.starts_with("dovecot") || name == "maildirfolder";
    parent.is_some_and(|parent| DELIVERED.contains(&parent)) && !is_bookkeeping
}

/// The Maildir folder a message belongs to: the directory above `cur` or `new`.
#[must_use]
pub fn folder_of(path: &Path) -> Option<PathBuf> {
    is_message_path(path).then(|| path.parent().and_then(Path::parent).map(Path::to_path_buf)).flatten()
}

/// Whether a directory whose sub-directories are `children` (names only) is a Maildir folder: it has `cur` and `new`.
pub fn is_maildir<'names>(children: impl IntoIterator<Item = &'names str>) -> bool {
    let mut found = [false; 2];
    for child in children {
        if let Some(slot) = DELIVERED.iter().position(|name| *name == child) {
            found[slot] = true;
        }
    }
    found == [true; 2]
}

/// Whether the name of a message says that its owner deleted it: `T` (trashed) among the flags behind `:2,`.
#[must_use]
pub fn is_trashed(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(OsStr::to_str).filter(|_| is_message_path(path)) else { return false };
    let flags = name.get(base_name(name).len() + 3..).unwrap_or_default();
    // Dovecot puts fields of its own behind the flags, after a comma.
    flags.split(',').next().is_some_and(|flags| flags.contains('T'))
}

/// The part of a message's file name that stays when its flags change: everything before `:2,` (or `;2,`, `!2,`
/// on file systems without colons). Two paths with the same base name are the same message.
#[must_use]
pub fn base_name(file_name: &str) -> &str {
    let end = [":2,", ";2,", "!2,"].iter().filter_map(|mark| file_name.find(mark)).min();
    end.map_or(file_name, |end| &file_name[..end])
}

/// The name of a Maildir++ sub-folder as its user sees it: `.Lists.Rust` becomes `Lists/Rust`; the top is `None`.
#[must_use]
pub fn folder_label(directory_name: &str) -> Option<String> {
    let label = directory_name.strip_prefix('.')?;
    (!label.is_empty()).then(|| label.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_delivered_messages_count() {
        assert!(is_message_path(Path::new("/m/.My Folder/new/1276528487.M364837P9451.kurkku,S=1355,W=1394;2,")));
        assert!(is_message_path(Path::new("/m/cur/1491941793.M41850:2,S")));
        assert!(!is_message_path(Path::new("/m/tmp/1491941793.M41850")));
        assert!(!is_message_path(Path::new("/m/cur/.nfs0001")));
        assert!(!is_message_path(Path::new("/m/cur/deeper/1491941793")));
        assert_eq!(folder_of(Path::new("/m/cur/1")), Some(PathBuf::from("/m")));
    }

    #[test]
    fn a_maildir_has_cur_and_new() {
        assert!(is_maildir(["new", "tmp", "cur", ".Sent"]));
        assert!(!is_maildir(["new", "tmp"]));
    }

    #[test]
    fn flags_do_not_change_the_base_name() {
        assert_eq!(base_name("1276.M3P6.kurkku:2,FP"), "1276.M3P6.kurkku");
        assert_eq!(base_name("1276.M3P6.kurkku;2,"), "1276.M3P6.kurkku");
        assert_eq!(base_name("1276.M3P6.kurkku"), "1276.M3P6.kurkku");
        assert_eq!(folder_label(".Lists.Rust").as_deref(), Some("Lists/Rust"));
        assert_eq!(folder_label("cur"), None);
    }

    #[test]
    fn trashed_messages_say_so() {
        for name in ["1276.M3P6.host:2,ST", "1276.M3P6.host;2,T", "1276.M3P6.host!2,FSTab", "1276.M3,S=1:2,RST,x"] {
            assert!(is_trashed(&Path::new("/m/cur").join(name)), "{name}");
        }
        for name in ["1276.M3P6.host:2,S", "1276.M3P6.HOST", "1276.MT.host:2,", "1276.M3:2,S,T"] {
            assert!(!is_trashed(&Path::new("/m/cur").join(name)), "{name}");
        }
        assert!(!is_trashed(Path::new("/notes/a:2,T")));
    }
}
