//! What the system lets this process have, looked at before anything is begun: too little is told in words, and a small
//! address space is not used up by what the C library sets aside for each thread.

use std::os::unix::process::CommandExt as _;

use color_eyre::eyre;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that may be open: the store's, the threads', those that are read, and the parsers' pipes.
const FEWEST_FILES: u64 = 32;
/// With more address space than this nobody counts it.
const SMALL_ADDRESS_SPACE: u64 = 4 << 30;
/// How the C library is told how many heaps it may keep: each takes 64 MiB of address space, one for each thread by default.
const HEAPS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// Where address space is limited and nobody said how many heaps there may be, begins anew with few.
pub(super) fn few_heaps() {
    let is_small = getrlimit(Resource::As).current.is_some_and(|bytes| bytes < SMALL_ADDRESS_SPACE);
    if !is_small || std::env::var_os(HEAPS.0).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Some(name), Ok(program)) = (arguments.next(), std::env::current_exe()) else { return };
    // Comes back only when it could not be done: then as it is.
    let _ = std::process::Command::new(program).arg0(name).args(arguments).env(HEAPS.0, HEAPS.1).exec();
}

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
