//! What the system lets this process have, looked at before anything is begun: too little is told in words. Called by `cli`.

use color_eyre::eyre;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that may be open: the store's, the threads', those that are read, and the parsers' pipes.
const FEWEST_FILES: u64 = 32;

/// Sees to as many open files as the least work takes.
///
/// # Errors
/// When there are fewer and no more can be had.
pub(super) fn enough_files() -> eyre::Result<()> {
    let held = getrlimit(Resource::Nofile);
    let Some(current) = held.current.filter(|current| *current < FEWEST_FILES) else { return Ok(()) };
    let raised = Rlimit { current: Some(FEWEST_FILES), maximum: held.maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    Err(eyre::eyre!(
        "only {current} files may be open at once, and Peanut needs {FEWEST_FILES} at least: raise the limit (ulimit -n)"
    ))
}
