//! Where secrets are looked for, and which files are refused. Called by the readers of settings that need one.
//!
//! First the file its `…_FILE` variable names, then systemd's credentials (`$CREDENTIALS_DIRECTORY/<name>`), then the secrets
//! folder of container runtimes (`/run/secrets/<name>`), then the environment, then the settings file. Names of files are
//! those of the variables in lower case.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::domain::Secret;

use super::{ConfigError, Environment};

/// Where container runtimes put secrets; `PEANUT_SECRETS_DIR` names another folder.
const SECRETS: &str = "/run/secrets";
/// Read and write for everybody.
const FOR_OTHERS: u32 = 0o006;
/// No secret is longer; a larger file is another file.
const LARGEST_FILE: u64 = 64 * 1024;

/// Whether a file holds this secret, which then goes before the environment.
pub(super) fn has_file(environment: &Environment, name: &str) -> bool {
    environment.path(&format!("{name}_FILE")).is_some()
        || folders(environment).into_iter().flatten().any(|folder| folder.join(name.to_lowercase()).is_file())
}

fn folders(environment: &Environment) -> [Option<PathBuf>; 2] {
    [
        environment.path("CREDENTIALS_DIRECTORY"),
        Some(environment.path("PEANUT_SECRETS_DIR").unwrap_or_else(|| PathBuf::from(SECRETS))),
    ]
}

/// Reads a secret from the first place that has it.
///
/// # Errors
/// When a file that is there cannot be read, or may be read by others.
pub(super) fn secret(
    environment: &Environment,
    name: &str,
    in_file: Option<&String>,
) -> Result<Option<Secret>, ConfigError> {
    if let Some(path) = environment.path(&format!("{name}_FILE")) {
        return read(&path);
    }
    for folder in folders(environment).into_iter().flatten() {
        let path = folder.join(name.to_lowercase());
        if path.is_file() {
            return read(&path);
        }
    }
    Ok(environment.text(name).or_else(|| in_file.filter(|text| !text.is_empty()).cloned()).map(Secret::new))
}

fn read(path: &Path) -> Result<Option<Secret>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    // The rights are those of the very file that is read, whatever its name points at meanwhile.
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mode = mode_of(&file).map_err(unreadable)?;
    if mode & FOR_OTHERS != 0 {
        return Err(ConfigError::Exposed { path: path.to_owned(), mode: mode & 0o7777 });
    }
    let mut text = String::new();
    file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST_FILE {
        let source = std::io::Error::other("is larger than any secret: 64 KiB");
        return Err(unreadable(source));
    }
    let text = text.trim_end_matches(['\r', '\n']);
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

#[cfg(unix)]
fn mode_of(file: &std::fs::File) -> std::io::Result<u32> {
    Ok(std::os::unix::fs::MetadataExt::mode(&file.metadata()?))
}

#[cfg(not(unix))]
fn mode_of(_file: &std::fs::File) -> std::io::Result<u32> {
    Ok(0)
}
