//! Threads that read and parse: a few, at low priority, so that the screen never waits for them. Owned by the worker.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::intake::FileRecord;

use super::IngestContext;
use super::reader::{self, Output};

struct Job {
    file: FileRecord,
    outputs: mpsc::Sender<Output>,
    soft: CancellationToken,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

type SharedQueue = Arc<(Mutex<Queue>, Condvar)>;

/// The threads; dropping the pool ends them after the file in hand.
pub(super) struct ParserPool {
    queue: SharedQueue,
}

impl ParserPool {
    pub(super) fn start(context: &IngestContext) -> std::io::Result<Self> {
        let queue: SharedQueue = Arc::default();
        for number in 0..context.threads.max(1) {
            let (queue, context) = (Arc::clone(&queue), context.clone());
            // The name tells the panic hook that what fails here is a file.
            std::thread::Builder::new().name(format!("peanut-parse-{number}")).stack_size(8 << 20).spawn(
                move || {
                    lower_priority();
                    while let Some(Set { files, outputs, soft }) = next(&queue) {
                        reader::read(&context, &files, &outputs, &soft);
                    }
                },
            )?;
        }
        Ok(Self { queue })
    }

    /// Queues files; every one ends in exactly one [`Output::Done`].
    pub(super) fn submit(&self, files: Vec<FileRecord>, outputs: &mpsc::Sender<Output>, soft: &CancellationToken) {
        let (queue, changed) = &*self.queue;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.jobs.extend(files.into_iter().map(|file| Job { file, outputs: outputs.clone(), soft: soft.clone() }));
        changed.notify_all();
    }
}

impl Drop for ParserPool {
    fn drop(&mut self) {
        let (queue, changed) = &*self.queue;
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.closed = true;
        queue.jobs.clear();
        changed.notify_all();
    }
}

/// Files of one call of [`ParserPool::submit`] that are read together.
struct Set {
    files: Vec<FileRecord>,
    outputs: mpsc::Sender<Output>,
    soft: CancellationToken,
}

fn next(queue: &SharedQueue) -> Option<Set> {
    let (queue, changed) = &**queue;
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(Job { file, outputs, soft }) = queue.jobs.pop_front() {
            let mut bytes = file.size_bytes;
            let mut files = vec![file];
            while let Some(job) = queue.jobs.pop_front_if(|job| {
                job.outputs.same_channel(&outputs) && reader::fits(job.file.size_bytes, files.len(), bytes)
            }) {
                bytes = bytes.saturating_add(job.file.size_bytes);
                files.push(job.file);
            }
            return Some(Set { files, outputs, soft });
        }
        if queue.closed {
            return None;
        }
        queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Linux keeps a priority per thread; elsewhere, and where it is refused, the thread is an ordinary one.
fn lower_priority() {
    let own = rustix::process::Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
    let _ = rustix::process::setpriority_process(own, 10);
}
