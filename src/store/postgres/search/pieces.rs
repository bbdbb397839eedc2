//! The bytes of segments and blocks: rows of some megabytes on the server, and where large ones lie on this host.
//!
//! What is small is held in memory. What is large is copied into the local folder by its name, once for all processes of
//! the host, and mapped there. Whatever comes from the server is held against its name; a copy that is missing or cut off
//! is made again. A copy that was begun is finished, also when the search that began it is given up: the next one finds it.
//! Called by everything here that reads or writes the index.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write as _};
use std::sync::Arc;

use sqlx::{FromRow, PgConnection, PgPool};

use crate::index::bytes::Bytes;
use crate::index::files::{Folder, Naming, ending_of, name_of};
use crate::index::tiers::LEAST_FILE_BYTES;
use crate::store::StoreError;

use super::super::error::classify;
use super::local::Local;

/// Bytes of one row.
pub(super) const PIECE_BYTES: usize = 4 << 20;
/// Times a copy is made again because it went.
const ATTEMPTS: usize = 3;
/// Pieces on their way to a file.
const AHEAD: usize = 2;

/// A row of `word_segment` or `vector_segment`, as far as its bytes are concerned.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct Stored {
    /// Its number.
    pub(super) id: i64,
    /// Its name, by its content.
    pub(super) name: String,
    /// Its length.
    pub(super) size_bytes: i64,
}

impl Stored {
    fn is_large(&self) -> bool {
        self.size_bytes >= LEAST_FILE_BYTES as i64
    }

    /// Whether there is a whole copy on this host.
    pub(super) fn is_copied(&self, local: &Local) -> bool {
        local.known().is_some_and(|folder| folder.is_there(&self.name, self.size_bytes.unsigned_abs()))
    }
}

/// Why something of the index could not be read.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server's bytes are not what their name says.
    Damaged(String),
    /// The server did not answer well.
    Store(sqlx::Error),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl Failed {
    /// What the caller is told.
    pub(super) fn told(self, operation: &'static str) -> StoreError {
        match self {
            Self::Store(error) => classify(operation, "", error),
            Self::Damaged(name) => StoreError::invariant(
                operation,
                name,
                "this segment of the search index is damaged: `peanut check --repair` makes it anew from the store"
                    .to_owned(),
            ),
        }
    }
}

/// Writes the bytes of a segment or block.
pub(super) async fn write(connection: &mut PgConnection, id: i64, bytes: &[u8]) -> Result<(), sqlx::Error> {
    for (number, piece) in (0_i32..).zip(bytes.chunks(PIECE_BYTES)) {
        sqlx::query("INSERT INTO index_piece (segment_id, piece, bytes) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(number)
            .bind(piece)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn piece(connection: &mut PgConnection, id: i64, number: i32) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("SELECT bytes FROM index_piece WHERE segment_id = $1 AND piece = $2")
        .bind(id)
        .bind(number)
        .fetch_optional(connection)
        .await
}

/// Whether the server's bytes are what their name says.
pub(super) async fn is_sound(connection: &mut PgConnection, stored: &Stored) -> Result<bool, sqlx::Error> {
    let mut naming = Naming::default();
    let mut number = 0;
    while let Some(bytes) = piece(connection, stored.id, number).await? {
        naming.add(&bytes);
        number += 1;
    }
    Ok(naming.name(ending_of(&stored.name)) == stored.name)
}

/// The bytes, where they lie or in memory.
pub(super) async fn read(connection: &mut PgConnection, stored: &Stored, local: &Local) -> Result<Bytes, Failed> {
    if !stored.is_large() {
        return held(connection, stored).await;
    }
    match copied(connection, stored, local).await? {
        Ok(bytes) => Ok(bytes),
        Err(error) => {
            tracing::warn!(event = "index_copy_failed", name = stored.name, %error, "it is held in memory: make room");
            held(connection, stored).await
        }
    }
}

/// Makes the copies that these want and that are not there. What goes wrong is told when they are read.
pub(super) async fn copy_ahead(pool: &PgPool, mut stored: Vec<Stored>, local: &Arc<Local>) {
    stored.retain(|stored| stored.is_large() && !stored.is_copied(local));
    if stored.is_empty() {
        return;
    }
    let (pool, local) = (pool.clone(), Arc::clone(local));
    let copying = tokio::spawn(async move {
        // One at a time: whoever comes next finds what this one copied.
        let _copying = local.copying.lock().await;
        for stored in stored {
            let made = async {
                let mut connection = pool.acquire().await?;
                copied(&mut connection, &stored, &local).await
            };
            if let Err(error) = made.await {
                tracing::debug!(event = "index_copy_failed", name = stored.name, ?error, "it is read again");
            }
        }
        // What these were merged of may be old by now.
        if let Err(error) = sweep(&pool, &local).await {
            tracing::debug!(event = "index_copies_not_swept", %error, "the next time");
        }
    });
    // It panics only with a bug, which the reading below would meet too.
    let _ = copying.await;
}

/// Removes copies that nothing names any more, but young ones: another process may be about to name them.
pub(super) async fn sweep(pool: &PgPool, local: &Local) -> Result<(), sqlx::Error> {
    let Some(folder) = local.known() else { return Ok(()) };
    let named: Vec<String> = sqlx::query_scalar("SELECT name FROM word_segment UNION SELECT name FROM vector_segment")
        .fetch_all(pool)
        .await?;
    let named: HashSet<String> = named.into_iter().collect();
    let sweeping = tokio::task::spawn_blocking(move || folder.sweep(|name| named.contains(name)));
    sweeping.await.map_err(|error| sqlx::Error::Protocol(format!("sweeping copies failed: {error}")))
}

/// The bytes of several, the small ones in one go.
pub(super) async fn read_all(
    connection: &mut PgConnection,
    stored: &[Stored],
    local: &Local,
) -> Result<Vec<Bytes>, Failed> {
    let small = stored.iter().filter(|stored| !stored.is_large()).map(|stored| stored.id);
    let mut held = pieces_of(connection, small.collect()).await?;
    let mut all = Vec::with_capacity(stored.len());
    for stored in stored {
        all.push(match held.remove(&stored.id) {
            Some(bytes) => named(bytes, stored)?,
            None => read(connection, stored, local).await?,
        });
    }
    Ok(all)
}

async fn held(connection: &mut PgConnection, stored: &Stored) -> Result<Bytes, Failed> {
    let mut held = pieces_of(connection, vec![stored.id]).await?;
    named(held.remove(&stored.id).unwrap_or_default(), stored)
}

fn named(bytes: Vec<u8>, stored: &Stored) -> Result<Bytes, Failed> {
    if name_of(&bytes, ending_of(&stored.name)) != stored.name {
        return Err(Failed::Damaged(stored.name.clone()));
    }
    Ok(Bytes::from(bytes))
}

async fn pieces_of(connection: &mut PgConnection, ids: Vec<i64>) -> Result<HashMap<i64, Vec<u8>>, sqlx::Error> {
    let mut found: HashMap<i64, Vec<u8>> = HashMap::new();
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT segment_id, bytes FROM index_piece WHERE segment_id = ANY($1) ORDER BY segment_id, piece",
    )
    .bind(ids)
    .fetch_all(connection)
    .await?;
    for (id, bytes) in rows {
        found.entry(id).or_default().extend_from_slice(&bytes);
    }
    Ok(found)
}

/// The local copy, made where there is none; the inner error is this host's.
async fn copied(connection: &mut PgConnection, stored: &Stored, local: &Local) -> Result<io::Result<Bytes>, Failed> {
    let folder = match local.folder() {
        Ok(folder) => folder,
        Err(error) => return Ok(Err(error)),
    };
    for _ in 0..ATTEMPTS {
        if !stored.is_copied(local)
            && let Err(error) = copy(connection, stored, folder.clone()).await?
        {
            return Ok(Err(error));
        }
        match Bytes::map(&folder.file(&stored.name)) {
            // Another process merged it away in between, and this one still lists it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => return Ok(done),
        }
    }
    Ok(Err(io::ErrorKind::NotFound.into()))
}

/// Copies the bytes from the server into the folder.
async fn copy(connection: &mut PgConnection, stored: &Stored, folder: Folder) -> Result<io::Result<()>, Failed> {
    let (sender, mut coming) = tokio::sync::mpsc::channel::<Option<Vec<u8>>>(AHEAD);
    let (ending, target) = (ending_of(&stored.name).to_owned(), folder.clone());
    let writing = tokio::task::spawn_blocking(move || {
        target.write(&ending, |mut out| {
            loop {
                match coming.blocking_recv() {
                    Some(Some(bytes)) => out.write_all(&bytes)?,
                    Some(None) => return Ok((out, ())),
                    None => return Err(io::Error::other("the server's bytes ended early")),
                }
            }
        })
    });
    let mut number = 0;
    loop {
        let bytes = piece(connection, stored.id, number).await?;
        let is_last = bytes.is_none();
        // Nobody takes it when writing failed; why is told below.
        if sender.send(bytes).await.is_err() || is_last {
            break;
        }
        number += 1;
    }
    drop(sender);
    let written = match writing.await {
        Ok(Ok((written, ()))) => written,
        Ok(Err(error)) => return Ok(Err(error)),
        Err(error) => return Ok(Err(io::Error::other(error))),
    };
    if written.name == stored.name {
        return Ok(Ok(()));
    }
    folder.remove(&written.name);
    Err(Failed::Damaged(stored.name.clone()))
}
