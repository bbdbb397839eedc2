//! Where the mail tests find real mail: the shared data beside the project, if it is there.

use std::path::{Path, PathBuf};

/// The folder with real mail: `$PEANUT_SHARED_DATA/email`, else `../shared/data/email`; `None` in a clone without it.
pub(crate) fn shared_mail() -> Option<PathBuf> {
    let root = std::env::var_os("PEANUT_SHARED_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let folder = root.join("email");
    folder.is_dir().then_some(folder)
}
