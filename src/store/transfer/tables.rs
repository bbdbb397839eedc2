//! Every table that travels, with its columns. A test of each engine holds this list against the schema, so that a new
//! column cannot be forgotten.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// Yes or no.
    Flag,
    /// Text.
    Text,
    /// A name that may stand in an index: shortened when it is very long (`shared::text::key_text`).
    Key,
    /// Bytes.
    Bytes,
    /// A UUID.
    Id,
    /// A vector of f32.
    Vector,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in both engines.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name in both engines.
    pub name: &'static str,
    /// Its columns, those of the key first.
    pub columns: &'static [Column],
    /// How many of them are the key: what rows are ordered by.
    pub key: usize,
    /// Rows that stay behind: an SQL condition the others meet.
    pub only: Option<&'static str>,
}

impl Table {
    /// The columns rows are ordered by.
    #[must_use]
    pub fn key_columns(&self) -> &'static [Column] {
        self.columns.get(..self.key).unwrap_or_default()
    }

    /// The names of all columns, commas between.
    #[must_use]
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    /// The statement that reads a page, with parameters numbered from 1 after `sign` for the key of the row before.
    #[must_use]
    pub fn page_sql(&self, sign: char, is_first: bool, limit: u32) -> String {
        let keys: Vec<&str> = self.key_columns().iter().map(|column| column.name).collect();
        let mut conditions: Vec<String> = self.only.iter().map(|only| (*only).to_owned()).collect();
        if !is_first {
            let parameters: Vec<String> = (1..=self.key).map(|number| format!("{sign}{number}")).collect();
            conditions.push(format!("({}) > ({})", keys.join(", "), parameters.join(", ")));
        }
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let (columns, keys) = (self.column_list(), keys.join(", "));
        format!("SELECT {columns} FROM {}{condition} ORDER BY {keys} LIMIT {limit}", self.name)
    }

    /// The statement that counts the rows.
    #[must_use]
    pub fn count_sql(&self) -> String {
        let condition = self.only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
        format!("SELECT count(*) FROM {}{condition}", self.name)
    }
}

/// Tables whose numbers are never used again, whatever was deleted.
pub(super) const NUMBERED: [&str; 6] = ["document", "person", "chunk", "outbox", "file", "dead_letter"];

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}
const fn integer(name: &'static str) -> Column {
    column(name, Kind::Integer)
}
const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}
const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}
const fn key(name: &'static str) -> Column {
    column(name, Kind::Key)
}
const fn bytes(name: &'static str) -> Column {
    column(name, Kind::Bytes)
}
const fn id(name: &'static str) -> Column {
    column(name, Kind::Id)
}
const fn table(name: &'static str, key: usize, columns: &'static [Column]) -> Table {
    Table { name, columns, key, only: None }
}

/// Every table that travels, in an order in which rows can be added: what a row names comes before it.
pub const TABLES: &[Table] = &[
    table("model", 1, &[integer("seq"), text("name"), integer("dimension"), integer("registered_at")]),
    table(
        "document",
        1,
        &[
            integer("seq"),
            id("id"),
            text("source_key"),
            text("source_type"),
            text("source_path"),
            integer("source_offset"),
            bytes("content_sha256"),
            text("title"),
            integer("dated_at"),
            integer("ingested_at"),
            integer("changed_at"),
            integer("deleted_at"),
            text("deleted_reason"),
            text("message_id"),
            text("in_reply_to"),
            text("reference_ids"),
            text("attachments"),
            text("aliases"),
            bytes("fingerprint"),
            bytes("title_sha256"),
        ],
    ),
    table("document_tag", 2, &[integer("document_seq"), key("tag")]),
    table(
        "person",
        1,
        &[integer("seq"), id("id"), text("email"), text("display_name"), flag("pii"), integer("first_seen_at")],
    ),
    table("document_person", 3, &[integer("document_seq"), text("role"), integer("person_seq"), text("name")]),
    table(
        "chunk",
        1,
        &[
            integer("id"),
            integer("document_seq"),
            integer("ordinal"),
            text("kind"),
            flag("searchable"),
            text("text"),
            integer("overlap_bytes"),
            text("context"),
            text("place"),
            integer("token_count"),
            bytes("text_sha256"),
        ],
    ),
    table("embedding", 2, &[integer("chunk_id"), integer("model_seq"), column("vector", Kind::Vector)]),
    table(
        "embedding_job",
        2,
        &[
            integer("model_seq"),
            integer("chunk_id"),
            text("state"),
            integer("attempts"),
            integer("due_at"),
            text("worker"),
            integer("lease_until"),
            text("error"),
        ],
    ),
    table("document_name", 2, &[key("name"), integer("document_seq")]),
    table("concept", 1, &[integer("seq"), id("id"), text("label")]),
    table("document_concept", 2, &[integer("document_seq"), integer("concept_seq")]),
    table(
        "document_link",
        3,
        &[integer("document_seq"), text("kind"), text("target"), key("target_name"), integer("concept_seq")],
    ),
    table("document_reference", 2, &[integer("message_hash"), integer("document_seq")]),
    table("archive_message", 1, &[integer("document_seq"), integer("pass")]),
    table("duplicate", 2, &[text("path"), integer("position"), integer("document_seq"), integer("pass")]),
    table(
        "outbox",
        1,
        &[
            integer("id"),
            text("event_type"),
            id("entity_id"),
            integer("recorded_at"),
            text("state"),
            integer("attempts"),
            integer("retry_at"),
            text("worker"),
            integer("lease_until"),
            text("error"),
            integer("dead_at"),
            integer("processed_at"),
        ],
    ),
    table(
        "file",
        1,
        &[
            integer("seq"),
            text("path"),
            text("path_folded"),
            text("origin"),
            text("source_type"),
            text("state"),
            text("reason"),
            integer("size_bytes"),
            integer("modified_at"),
            integer("bytes_done"),
            bytes("head_sha256"),
            integer("seen"),
            integer("documents"),
            integer("duplicates"),
            integer("unchanged"),
            integer("dead_letters"),
            integer("skipped"),
            integer("offered_at"),
            integer("updated_at"),
            text("worker"),
            integer("lease_until"),
            integer("lease_ms"),
            integer("offered_again"),
            integer("pass"),
            integer("pass_start"),
            text("host"),
            integer("stamp"),
            integer("device"),
            bytes("content_sha256"),
            integer("attempts"),
        ],
    ),
    table(
        "dead_letter",
        1,
        &[
            integer("id"),
            text("path"),
            integer("position"),
            text("error"),
            integer("attempts"),
            integer("next_retry_at"),
            flag("retrying"),
            integer("pass"),
            integer("first_failed_at"),
            integer("last_failed_at"),
        ],
    ),
    table("folder", 1, &[text("path"), text("excludes"), integer("added_at")]),
    Table {
        name: "setting",
        columns: &[text("key"), text("value"), integer("updated_at")],
        key: 1,
        only: Some("key <> 'copy.unfinished'"),
    },
    table(
        "graph_node",
        1,
        &[
            integer("seq"),
            id("id"),
            text("label"),
            text("name"),
            text("email"),
            flag("pii"),
            text("source_path"),
            text("source_type"),
            integer("ingested_at"),
            flag("deleted"),
            integer("degree"),
        ],
    ),
    table(
        "graph_edge",
        4,
        &[
            integer("from_seq"),
            text("kind"),
            integer("to_seq"),
            text("field"),
            integer("valid_at"),
            integer("invalid_at"),
        ],
    ),
    table("commit_once", 1, &[text("key"), bytes("fingerprint"), id("document_id"), flag("added"), integer("at")]),
    table(
        "api_key",
        1,
        &[
            text("id"),
            text("name"),
            text("scope"),
            bytes("secret_sha256"),
            integer("created_at"),
            integer("rotated_at"),
            integer("expires_at"),
            integer("revoked_at"),
            integer("last_used_at"),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::transfer::UNFINISHED;

    fn named(name: &str) -> &'static Table {
        TABLES.iter().find(|table| table.name == name).expect("table")
    }

    #[test]
    fn pages_are_read_by_key() {
        assert_eq!(
            named("document_reference").page_sql('$', false, 7),
            "SELECT message_hash, document_seq FROM document_reference \
             WHERE (message_hash, document_seq) > ($1, $2) ORDER BY message_hash, document_seq LIMIT 7"
        );
        let first = named("setting").page_sql('?', true, 2);
        assert!(first.contains(&format!("key <> '{UNFINISHED}'")) && !first.contains('?'), "{first}");
    }
}
