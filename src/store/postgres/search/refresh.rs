//! Brings what a process knows of the index to the present: one small statement when nothing changed, and the bytes of new
//! segments when something did.
//!
//! The list of segments is read whole. Removed chunks and retired documents are read from where the last look ended, by
//! transaction number: everything that was written by transactions at or after the oldest one running then, so nothing
//! that was still uncommitted is missed, in whatever order transactions end. When the list is another, all of it is read
//! from one moment: what was merged meanwhile is still there to be read. One look serves all searches that wait. Every
//! server has its own list; the copies of segments on this host serve both.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sqlx::{PgConnection, PgExecutor, Row as _};

use crate::index::view::View;
use crate::index::words::Segment;
use crate::store::StoreResult;

use super::super::ONE_MOMENT;
use super::pieces::{self, Failed, Stored};
use super::source::Source;
use super::vectors::Held;
use super::{SearchIndex, answers};

pub(super) const OPERATION: &str = "read search index";

/// A model the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownModel {
    pub(super) seq: i64,
    pub(super) name: String,
    pub(super) dimension: usize,
}

/// What a search sees.
#[derive(Clone, Debug, Default)]
pub(super) struct Present {
    /// The server that was looked at.
    pub(super) source: Source,
    /// The look that made it; later ones have greater numbers. 0 before the first.
    pub(super) number: u64,
    /// The chunks.
    pub(super) view: Arc<View>,
    /// Every model.
    pub(super) models: Arc<Vec<KnownModel>>,
    /// Transactions before this one are accounted for.
    seen: i64,
}

/// Looks at one server.
#[derive(Debug, Default)]
pub(super) struct Looking {
    present: RwLock<Present>,
    models: Mutex<HashMap<i64, Arc<Held>>>,
    /// The last look that ended. Held while looking.
    finished: tokio::sync::Mutex<u64>,
    /// Held while a model's vectors are brought up to date: one search does it for all that wait.
    pub(super) following: tokio::sync::Mutex<()>,
}

impl Looking {
    fn present(&self) -> Present {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, present: &Present) {
        let is_known = |seq: &i64| present.models.iter().any(|model| model.seq == *seq);
        self.held().retain(|seq, _| is_known(seq));
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = present.clone();
    }

    /// Models with their vectors, by number.
    pub(super) fn held(&self) -> MutexGuard<'_, HashMap<i64, Arc<Held>>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything: the next search reads it again.
    pub(super) async fn forget(&self) {
        let mut finished = self.finished.lock().await;
        // Who waits for a look must not take the nothing that is left here for its answer.
        *finished = 0;
        self.held().clear();
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Present::default();
    }
}

/// What one look at the database says.
struct Look {
    segments: Vec<i64>,
    seen: i64,
    gone: Vec<i64>,
    /// Documents that were deleted, or came back.
    turned: Vec<(i64, bool)>,
    models: Vec<KnownModel>,
}

impl SearchIndex {
    pub(super) fn looking(&self, source: Source) -> &Looking {
        match source {
            Source::Primary => &self.primary_looks,
            Source::Replica => &self.replica_looks,
        }
    }

    /// Everything the server held before the call, and maybe more.
    pub(super) async fn refresh(&self, source: Source) -> StoreResult<Present> {
        let begun = self.looks_begun.load(Ordering::SeqCst);
        let looking = self.looking(source);
        let mut finished = looking.finished.lock().await;
        if *finished > begun {
            // A look that began after we came has ended while we waited.
            return Ok(looking.present());
        }
        let number = self.looks_begun.fetch_add(1, Ordering::SeqCst) + 1;
        let before = looking.present();
        let present = self.look_on(source, number, before).await.map_err(|error| error.told(OPERATION))?;
        looking.keep(&present);
        *finished = number;
        Ok(present)
    }

    async fn look_on(&self, source: Source, number: u64, before: Present) -> Result<Present, Failed> {
        let look = look(self.at(source), before.seen).await?;
        let is_same = before.number > 0
            && before.view.parts.len() == look.segments.len()
            && look.segments.iter().all(|id| before.view.has(*id));
        if !is_same {
            let missing = look.segments.into_iter().filter(|id| !before.view.has(*id)).collect();
            pieces::copy_ahead(self.at(source), stored(self.at(source), missing).await?, &self.local).await;
            return self.look_anew(source, number, before).await;
        }
        let mut view = before.view;
        if !look.gone.is_empty() || !look.turned.is_empty() {
            let changed = Arc::make_mut(&mut view);
            changed.remove(look.gone);
            let turned = changed.turn_deleted(look.turned);
            if changed.has_quotes() && !turned.is_empty() {
                let mut connection = self.at(source).acquire().await?;
                answers::follow(&mut connection, changed, turned).await?;
            }
        }
        let models = if *before.models == look.models { before.models } else { Arc::new(look.models) };
        Ok(Present { source, number, view, models, seen: look.seen })
    }

    async fn look_anew(&self, source: Source, number: u64, before: Present) -> Result<Present, Failed> {
        let mut snapshot = self.at(source).begin_with(ONE_MOMENT).await?;
        let look = look(&mut *snapshot, before.seen).await?;
        let (last_known, knew_quotes) = (before.view.last_id(), before.view.has_quotes());
        let mut view = View::clone(&before.view);
        let missing: Vec<i64> = look.segments.iter().filter(|id| !view.has(**id)).copied().collect();
        let new = self.segments(&mut snapshot, missing).await?;
        let listed: HashSet<i64> = look.segments.iter().copied().collect();
        let is_merged = before.number == 0 || view.parts.iter().any(|part| !listed.contains(&part.key));
        view.replace(|key| listed.contains(&key), new);
        // What was merged is marked anew: it may hold chunks that went while it was made.
        view.remove(if is_merged { all_gone(&mut snapshot).await? } else { look.gone });
        let mut turned = view.turn_deleted(look.turned);
        if view.has_quotes() && !knew_quotes {
            answers::all(&mut snapshot, &mut view).await?;
        } else if view.has_quotes() {
            // Chunks are numbered in the order of commits: what merged segments bring along is known.
            turned.extend(view.documents_after(last_known).into_iter().map(i64::from));
            answers::follow(&mut snapshot, &mut view, turned).await?;
        }
        snapshot.commit().await?;
        Ok(Present { source, number, view: Arc::new(view), models: Arc::new(look.models), seen: look.seen })
    }

    /// Segments by their numbers.
    pub(super) async fn segments(
        &self,
        snapshot: &mut PgConnection,
        ids: Vec<i64>,
    ) -> Result<Vec<(i64, Segment)>, Failed> {
        let stored = stored(&mut *snapshot, ids).await?;
        let bytes = pieces::read_all(snapshot, &stored, &self.local).await?;
        let segment = |(stored, bytes): (Stored, _)| {
            let segment = Segment::of(bytes).ok_or(Failed::Damaged(stored.name))?;
            Ok((stored.id, segment))
        };
        stored.into_iter().zip(bytes).map(segment).collect()
    }

    /// Brings both servers' state back to nothing.
    pub(super) async fn forget_all(&self) {
        self.primary_looks.forget().await;
        self.replica_looks.forget().await;
    }
}

async fn stored(server: impl PgExecutor<'_>, ids: Vec<i64>) -> Result<Vec<Stored>, sqlx::Error> {
    sqlx::query_as("SELECT id, name, size_bytes FROM word_segment WHERE id = ANY($1) ORDER BY id")
        .bind(ids)
        .fetch_all(server)
        .await
}

/// All segments of a moment without what is gone of them, for `check`.
pub(super) async fn whole_view(index: &SearchIndex, snapshot: &mut PgConnection) -> Result<View, Failed> {
    let ids = sqlx::query_scalar("SELECT id FROM word_segment").fetch_all(&mut *snapshot).await?;
    let segments = index.segments(snapshot, ids).await?;
    let mut view = View::default();
    view.replace(|_| true, segments);
    view.remove(all_gone(snapshot).await?);
    Ok(view)
}

/// Every chunk that segments hold but the store does not.
pub(super) async fn all_gone(connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
    let gone: Option<Vec<i64>> =
        sqlx::query_scalar("SELECT array_agg(chunk_id) FROM word_gone").fetch_one(connection).await?;
    Ok(gone.unwrap_or_default())
}

async fn look(server: impl PgExecutor<'_>, seen: i64) -> Result<Look, sqlx::Error> {
    let row = sqlx::query(
        "SELECT (SELECT array_agg(id) FROM word_segment), \
                pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT, \
                (SELECT array_agg(chunk_id) FROM word_gone WHERE written_by >= $1), \
                (SELECT array_agg(document_seq) FROM search_retired WHERE written_by >= $1 AND retired), \
                (SELECT array_agg(document_seq) FROM search_retired WHERE written_by >= $1 AND NOT retired), \
                (SELECT array_agg(seq ORDER BY seq) FROM model), \
                (SELECT array_agg(name ORDER BY seq) FROM model), \
                (SELECT array_agg(dimension ORDER BY seq) FROM model)",
    )
    .bind(seen)
    .fetch_one(server)
    .await?;
    let numbers = |column| row.try_get::<Option<Vec<i64>>, _>(column).map(Option::unwrap_or_default);
    let names: Vec<String> = row.try_get::<Option<_>, _>(6)?.unwrap_or_default();
    let models = numbers(5)?.into_iter().zip(names).zip(numbers(7)?);
    let retired = numbers(3)?.into_iter().map(|number| (number, true));
    Ok(Look {
        segments: numbers(0)?,
        seen: row.try_get(1)?,
        gone: numbers(2)?,
        turned: retired.chain(numbers(4)?.into_iter().map(|number| (number, false))).collect(),
        models: models
            .map(|((seq, name), dimension)| KnownModel { seq, name, dimension: dimension.unsigned_abs() as usize })
            .collect(),
    })
}

impl Present {
    /// The model of this name.
    pub(super) fn model(&self, name: &str) -> Option<&KnownModel> {
        self.models.iter().find(|model| model.name == name)
    }
}
