//! Keeps what is being written, key by key, and what was searched for, without holding a key up: a thread that writes the
//! newest state of a draft. Made and ended by the loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::event::Event;
use crate::app::ports::{Draft, Drafts, Searches};

/// A disk that takes longer than this at the end is not waited for.
const LAST_WRITE: Duration = Duration::from_secs(3);

/// What is wanted of a draft.
enum Order {
    Keep(Draft),
    Discard(u64),
    Remember(String),
}

/// The writing thread, seen from the loop.
pub(super) struct Keeper {
    orders: Option<Sender<Order>>,
    ended: Receiver<()>,
}

impl Keeper {
    /// Starts the thread: it tells `events` what earlier processes left, and afterwards what it could not keep.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn start(
        drafts: Arc<dyn Drafts>,
        searches: Arc<dyn Searches>,
        events: mpsc::Sender<Event>,
    ) -> std::io::Result<Self> {
        let (orders, taken) = channel();
        let (end, ended) = channel();
        std::thread::Builder::new().name("peanut-drafts".to_owned()).spawn(move || {
            // A closed channel means that the app is gone.
            let _ = events.blocking_send(Event::DraftsFound(drafts.waiting()));
            let _ = events.blocking_send(Event::SearchesFound(searches.remembered()));
            while let Ok(first) = taken.recv() {
                carry_out(&*drafts, &*searches, first, &taken, &events);
            }
            let _ = end.send(());
        })?;
        Ok(Self { orders: Some(orders), ended })
    }

    /// Keeps a draft as it is now.
    pub(super) fn keep(&self, draft: Draft) {
        self.order(Order::Keep(draft));
    }

    /// Forgets a draft: it was stored, or thrown away.
    pub(super) fn discard(&self, number: u64) {
        self.order(Order::Discard(number));
    }

    /// Remembers a search.
    pub(super) fn remember(&self, query: String) {
        self.order(Order::Remember(query));
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // The thread ends after us.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Keeper {
    /// Whatever was wanted is done before the app ends.
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.ended.recv_timeout(LAST_WRITE);
    }
}

/// Carries out what is wanted by now; of several states of one draft only the newest is written.
fn carry_out(
    drafts: &dyn Drafts,
    searches: &dyn Searches,
    first: Order,
    more: &Receiver<Order>,
    events: &mpsc::Sender<Event>,
) {
    let mut newest: HashMap<u64, Option<Draft>> = HashMap::new();
    for order in std::iter::once(first).chain(more.try_iter()) {
        match order {
            Order::Keep(draft) => {
                newest.insert(draft.number, Some(draft));
            }
            Order::Discard(number) => {
                newest.insert(number, None);
            }
            // Nobody is to be interrupted for a search that the next start will not know.
            Order::Remember(query) => {
                if let Err(error) = searches.remember(&query) {
                    tracing::warn!(error, "search_not_remembered");
                }
            }
        }
    }
    for (number, state) in newest {
        let result = match state {
            Some(draft) => drafts.keep(&draft).map_err(|error| format!("what you write cannot be kept: {error}")),
            None => drafts.discard(number),
        };
        if let Err(error) = result {
            // Never waits: the loop may be waiting for this thread.
            let _ = events.try_send(Event::Finished(Err(error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Shelf(Mutex<Vec<String>>);

    impl Drafts for Shelf {
        fn waiting(&self) -> Vec<Draft> {
            Vec::new()
        }

        fn keep(&self, draft: &Draft) -> Result<(), String> {
            self.0.lock().unwrap().push(format!("{} {}", draft.number, draft.text));
            Ok(())
        }

        fn discard(&self, number: u64) -> Result<(), String> {
            self.0.lock().unwrap().push(format!("{number} gone"));
            Ok(())
        }
    }

    impl Searches for Shelf {
        fn remembered(&self) -> Vec<String> {
            vec!["old".to_owned()]
        }

        fn remember(&self, query: &str) -> Result<(), String> {
            self.0.lock().unwrap().push(format!("searched {query}"));
            Ok(())
        }
    }

    #[test]
    fn the_newest_state_is_kept_when_the_app_has_ended() {
        let shelf = Arc::new(Shelf::default());
        let (events, mut received) = mpsc::channel(4);
        let searches = Arc::clone(&shelf) as Arc<dyn Searches>;
        let keeper = Keeper::start(Arc::clone(&shelf) as Arc<dyn Drafts>, searches, events).unwrap();
        for text in ["a", "ab", "abc"] {
            keeper.keep(Draft { number: 1, title: String::new(), text: text.to_owned() });
        }
        keeper.discard(2);
        keeper.remember("budget".to_owned());
        drop(keeper);
        assert!(matches!(received.try_recv(), Ok(Event::DraftsFound(found)) if found.is_empty()));
        assert!(matches!(received.try_recv(), Ok(Event::SearchesFound(found)) if found == ["old"]));
        let written = shelf.0.lock().unwrap();
        assert!(written.contains(&"searched budget".to_owned()), "{written:?}");
        assert!(written.contains(&"1 abc".to_owned()) && written.contains(&"2 gone".to_owned()), "{written:?}");
        assert_eq!(written.iter().rfind(|line| line.starts_with('1')).unwrap(), "1 abc");
    }
}
