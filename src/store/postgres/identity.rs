//! Which store the database holds, and whether it is still the one that was opened.
//!
//! A database that is dropped and made anew under a running process takes connections like the old one did, and what this
//! process believes to be there is not. So the store's own number and the database's are compared with every sign of life
//! and by every transaction that writes documents; once they differ, nothing is written any more until the process is
//! started again. Owned by the store; asked by `begin`, `begin_writing` and `system`.

use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::PgPool;
use uuid::Uuid;

use crate::store::error::Displaced;
use crate::store::{StoreError, StoreErrorKind, StoreResult};

/// Asks for it: as the type [`Found`]. More columns may follow.
pub(super) const IDENTITY: &str = "SELECT (SELECT id FROM store_identity), \
    (SELECT oid::BIGINT FROM pg_database WHERE datname = current_database())";

/// The store's number, and that of the database.
pub(super) type Found = (Uuid, i64);

/// What was opened.
#[derive(Debug)]
pub(super) struct Identity {
    opened: Found,
    is_lost: AtomicBool,
}

impl Identity {
    /// That of the database behind `pool`.
    pub(super) async fn read(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let opened = sqlx::query_as(IDENTITY).fetch_one(pool).await?;
        Ok(Self { opened, is_lost: AtomicBool::new(false) })
    }

    /// Compares what was found now.
    ///
    /// # Errors
    /// As [`Identity::check`].
    pub(super) fn compare(&self, found: Found, operation: &'static str, location: &str) -> StoreResult<()> {
        if found != self.opened {
            self.is_lost.store(true, Ordering::Release);
        }
        self.check(operation, location)
    }

    /// Whether the store is still the one that was opened, as far as is known.
    ///
    /// # Errors
    /// `Permanent` when another was found in its place.
    pub(super) fn check(&self, operation: &'static str, location: &str) -> StoreResult<()> {
        if !self.is_lost.load(Ordering::Acquire) {
            return Ok(());
        }
        let message =
            "the store's database was dropped or replaced while it was open: nothing is written any more; start \
                       Peanut again"
                .to_owned();
        let source = Some(Box::new(Displaced(message.clone().into())) as _);
        Err(StoreError { kind: StoreErrorKind::Permanent, operation, key: location.to_owned(), message, source })
    }
}
