//! Work that nobody waits for, on a thread of its own that yields to everything a user waits for. Called by both engines'
//! `search::tidy`.

use std::io;

use tokio::sync::oneshot;

/// Lower than the screen's and the workers'.
const NICENESS: i32 = 12;

/// Runs work and returns what it says.
///
/// # Errors
/// Those of the work, and when it panicked or no thread could be had.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (answer, answered) = oneshot::channel();
    std::thread::Builder::new().name("peanut-index".to_owned()).spawn(move || {
        // Linux keeps a priority per thread; elsewhere, and where it is refused, the thread is an ordinary one.
        let own = rustix::process::Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
        let _ = rustix::process::setpriority_process(own, NICENESS);
        let _ = answer.send(work());
    })?;
    answered.await.map_err(|_| io::Error::other("merging the search index ended without an answer"))?
}
