//! Whose search is next: so many are under way at once, and the rest wait, each caller in a line of its own. The lines take
//! turns, so whoever sends a hundred heavy searches waits behind his own, and somebody who sends one waits for a place, not
//! for the hundred. Called by the service for everything that asks the store.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who searches, as far as turns go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Who {
    /// The one in front of this machine: screens, commands, an agent on standard input, a socket file.
    #[default]
    Here,
    /// Whoever shows this key.
    Key(String),
    /// An address without a key.
    Address(IpAddr),
}

/// The places and who waits for them.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    free: usize,
    /// Places that one caller may hold.
    most_of_one: usize,
    held: HashMap<Who, usize>,
    /// Whoever was served longest ago first.
    waiting: VecDeque<(Who, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None` once given back.
    turns: Option<Turns>,
    who: Who,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.lines().give_back(&self.who);
            turns.let_in();
        }
    }
}

impl Lines {
    fn give_back(&mut self, who: &Who) {
        self.free += 1;
        if let Some(held) = self.held.get_mut(who) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(who);
            }
        }
    }

    fn take(&mut self, who: &Who) {
        self.free -= 1;
        *self.held.entry(who.clone()).or_default() += 1;
    }

    fn may(&self, who: &Who) -> bool {
        self.free > 0 && self.held.get(who).copied().unwrap_or(0) < self.most_of_one
    }

    /// The next to be let in; its line goes to the end.
    fn next(&mut self) -> Option<(Who, oneshot::Sender<Turn>)> {
        // Those who gave up leave no trace.
        for (_, line) in &mut self.waiting {
            line.retain(|waiting| !waiting.is_closed());
        }
        self.waiting.retain(|(_, line)| !line.is_empty());
        let at = self.waiting.iter().position(|(who, _)| self.may(who))?;
        let (who, mut line) = self.waiting.remove(at)?;
        let first = line.pop_front()?;
        if !line.is_empty() {
            self.waiting.push_back((who.clone(), line));
        }
        self.take(&who);
        Some((who, first))
    }
}

impl Turns {
    /// So many places. One of them is never for a caller who holds all others.
    pub(super) fn new(places: usize) -> Self {
        let places = places.max(1);
        let most_of_one = places.saturating_sub(1).max(1);
        let (held, waiting) = (HashMap::new(), VecDeque::new());
        Self(Arc::new(Mutex::new(Lines { free: places, most_of_one, held, waiting })))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place.
    pub(super) async fn turn(&self, who: Who) -> Turn {
        let waiting = {
            let mut lines = self.lines();
            let (place, waiting) = oneshot::channel();
            match lines.waiting.iter_mut().find(|(known, _)| *known == who) {
                Some((_, line)) => line.push_back(place),
                None => lines.waiting.push_back((who.clone(), VecDeque::from([place]))),
            }
            waiting
        };
        self.let_in();
        match waiting.await {
            Ok(turn) => turn,
            // A sender is only dropped with its place taken or when its receiver is gone: this cannot be.
            Err(_) => std::future::pending().await,
        }
    }

    /// Hands out the places that are free. Nothing is sent or dropped while the lines are locked: a place that nobody takes
    /// any more comes back at once.
    fn let_in(&self) {
        loop {
            let next = self.lines().next();
            let Some((who, place)) = next else { return };
            if let Err(mut unwanted) = place.send(Turn { turns: Some(self.clone()), who }) {
                // Given back here, so that this does not call itself once for everyone who gave up.
                unwanted.turns = None;
                self.lines().give_back(&unwanted.who);
            }
        }
    }

    /// How many wait, for tests.
    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.lines().waiting.iter().map(|(_, line)| line.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Who {
        Who::Key(name.to_owned())
    }

    /// Asks for a turn and says so when it has it.
    async fn asking(turns: &Turns, who: Who, had: &tokio::sync::mpsc::UnboundedSender<(Who, Turn)>) {
        let before = turns.waiting();
        let (turns_of, had) = (turns.clone(), had.clone());
        tokio::spawn(async move {
            let turn = turns_of.turn(who.clone()).await;
            drop(had.send((who, turn)));
        });
        while turns.waiting() == before {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn one_with_many_searches_never_holds_every_place_and_lines_take_turns() {
        let turns = Turns::new(3);
        let (had, mut getting) = tokio::sync::mpsc::unbounded_channel();
        let (one, two) = (turns.turn(key("many")).await, turns.turn(key("many")).await);
        for _ in 0..20 {
            asking(&turns, key("many"), &had).await;
        }
        // The third place is somebody else's at once.
        let other = turns.turn(key("few")).await;
        asking(&turns, key("few"), &had).await;
        asking(&turns, Who::Here, &had).await;
        drop(one);
        // The line of the many stood first; after it the others have their turn before it comes again.
        let (first, _first) = getting.recv().await.unwrap();
        assert_eq!(first, key("many"));
        drop(two);
        let (second, second_turn) = getting.recv().await.unwrap();
        assert_eq!(second, key("few"));
        drop(other);
        let (third, third_turn) = getting.recv().await.unwrap();
        assert_eq!(third, Who::Here);
        drop((second_turn, third_turn));
        for _ in 0..19 {
            assert_eq!(getting.recv().await.unwrap().0, key("many"));
        }
    }

    #[tokio::test]
    async fn whoever_gave_up_keeps_no_place() {
        let turns = Turns::new(1);
        let held = turns.turn(key("a")).await;
        let mut waiting: Vec<_> = (0..10_000).map(|_| Box::pin(turns.turn(key("b")))).collect();
        for one in &mut waiting {
            let pending =
                std::future::poll_fn(|context| std::task::Poll::Ready(one.as_mut().poll(context).is_pending()));
            assert!(pending.await);
        }
        drop(held);
        // The first of them was sent the place and never took it; the others never got one.
        drop(waiting);
        drop(turns.turn(key("c")).await);
        assert_eq!((turns.waiting(), turns.lines().free), (0, 1));
    }
}
