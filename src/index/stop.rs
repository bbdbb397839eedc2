//! Ends work that nobody waits for any more: scoring and scans run on threads of their own, which a request that is given
//! up (its deadline, its client gone) cannot end by itself. Used by both engines' searches.
//!
//! Whoever waits holds an [`Awaited`]; the work holds the [`Stop`] that belongs to it and looks at it between stretches of
//! bounded size. When the waiting ends, however it ends, the work gives its core back at its next look.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the work looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    is_set: Arc<AtomicBool>,
    /// For tests: looks after which it counts as set.
    #[cfg(test)]
    looks_left: Option<Arc<std::sync::atomic::AtomicUsize>>,
}

impl Stop {
    /// Whether nobody waits any more.
    pub(crate) fn is_set(&self) -> bool {
        #[cfg(test)]
        if let Some(left) = &self.looks_left
            && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        {
            return true;
        }
        self.is_set.load(Ordering::Relaxed)
    }

    /// One that is set after so many looks.
    #[cfg(test)]
    pub(crate) fn after(looks: usize) -> Self {
        Self { looks_left: Some(Arc::new(looks.into())), ..Self::default() }
    }
}

/// Held by whoever waits; dropped, it stops the work.
#[derive(Debug, Default)]
pub(crate) struct Awaited(Stop);

impl Awaited {
    /// For the work.
    pub(crate) fn stop(&self) -> Stop {
        self.0.clone()
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.is_set.store(true, Ordering::Relaxed);
    }
}

/// Runs work off the async threads and stops it when the caller goes. A panic there is the caller's to report.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    let awaited = Awaited::default();
    let stop = awaited.stop();
    tokio::task::spawn_blocking(move || work(&stop)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends() {
        let (began, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let (ended, end) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn(apart(move |stop| {
            began.send(()).unwrap();
            while !stop.is_set() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
        }));
        begun.recv().await.unwrap();
        waiting.abort();
        // Comes only when the thread left its loop.
        end.await.unwrap();
    }

    #[tokio::test]
    async fn work_that_is_waited_for_goes_on_to_its_end() {
        assert!(!apart(Stop::is_set).await.unwrap());
        let stop = Stop::after(2);
        assert_eq!([stop.is_set(), stop.is_set(), stop.is_set()], [false, false, true]);
    }
}
