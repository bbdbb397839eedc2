//! How many connections may be open at once, in all and from one address: each takes a descriptor and memory before it has
//! said a word. An acceptor of `api::listen`; a connection that finds no place is closed at once.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::api::peer::Network;

/// Connections at once: less than the descriptors a process usually has, so that the store finds some.
pub const MOST: usize = 512;
/// Of these, from one address.
pub const MOST_OF_ONE: usize = 256;

/// The places of all listeners together.
#[derive(Clone, Debug)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    most_of_one: usize,
    /// Whoever stands for many: proxies of the settings.
    unlimited: Vec<Network>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Whether it was said that there are no more.
    was_said: bool,
}

impl Places {
    /// So many places, so many of them for one address, except the `unlimited`.
    #[must_use]
    pub fn new(most: usize, most_of_one: usize, unlimited: Vec<Network>) -> Self {
        Self(Arc::new(Shared { most, most_of_one, unlimited, taken: Mutex::default() }))
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `address` (`None`: a socket file).
    fn take(&self, address: Option<IpAddr>) -> Option<Place> {
        // As for requests: what is one subscriber counts as one.
        let address = address.map(super::limits::subscriber);
        let mut taken = self.taken();
        let of_one = address.and_then(|address| taken.by_address.get(&address)).copied().unwrap_or(0);
        let is_unlimited = address.is_none_or(|address| self.0.unlimited.iter().any(|one| one.holds(address)));
        if taken.all >= self.0.most || (of_one >= self.0.most_of_one && !is_unlimited) {
            // Once, until there is room again: whoever floods the door does not flood the log.
            if !std::mem::replace(&mut taken.was_said, true) {
                tracing::warn!(connections = taken.all, of_address = of_one, ?address, "too_many_connections");
            }
            return None;
        }
        taken.all += 1;
        if let Some(address) = address {
            *taken.by_address.entry(address).or_default() += 1;
        }
        drop(taken);
        Some(Place { places: self.clone(), address })
    }
}

impl Default for Places {
    fn default() -> Self {
        Self::new(MOST, MOST_OF_ONE, Vec::new())
    }
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
struct Place {
    places: Places,
    address: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        taken.was_said &= taken.all * 2 > self.places.0.most;
        if let Some(address) = self.address
            && let Some(count) = taken.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

/// A connection that knows its other end.
pub trait Remote {
    /// Its address; `None` for a socket file.
    fn remote(&self) -> Option<IpAddr>;
}

impl Remote for TcpStream {
    fn remote(&self) -> Option<IpAddr> {
        self.peer_addr().ok().map(|address| address.ip().to_canonical())
    }
}

impl Remote for UnixStream {
    fn remote(&self) -> Option<IpAddr> {
        None
    }
}

impl<I: Remote, S> Accept<I, S> for Places {
    type Stream = Held<I>;
    type Service = S;
    type Future = Ready<io::Result<(Held<I>, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        ready(match self.take(stream.remote()) {
            Some(place) => Ok((Held { stream, _place: place }, service)),
            None => Err(io::Error::from(io::ErrorKind::QuotaExceeded)),
        })
    }
}

/// A connection that has a place.
#[derive(Debug)]
pub struct Held<S> {
    stream: S,
    _place: Place,
}

impl<S: AsyncRead + Unpin> AsyncRead for Held<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn one_address_takes_its_part_and_all_together_take_all() {
        let places = Places::new(6, 3, vec!["10.0.0.0/8".parse().unwrap()]);
        let take = |from: &str, times: usize| -> Vec<Place> {
            (0..times).filter_map(|_| places.take(address(from))).collect()
        };
        let greedy = take("192.0.2.1", 9);
        assert_eq!(greedy.len(), 3);
        assert_eq!(take("192.0.2.2", 1).len(), 1, "somebody else finds a place");
        let proxy = take("10.0.0.1", 9);
        assert_eq!((proxy.len(), take("192.0.2.2", 1).len()), (3, 0), "a proxy stands for many, all places are all");
        drop(greedy);
        assert_eq!(take("192.0.2.2", 9).len(), 3);
        drop(proxy);
        let taken = places.taken();
        assert_eq!((taken.all, taken.by_address.len()), (0, 0));
    }
}
