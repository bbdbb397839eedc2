-- Keys of requests that must be answered once however often they are sent (Idempotency-Key); kept for a week.
CREATE TABLE commit_once (
    key         TEXT    PRIMARY KEY,
    fingerprint BLOB    NOT NULL,                       -- SHA-256 of what was asked
    document_id BLOB    NOT NULL,
    added       INTEGER NOT NULL,                       -- 0: another document held the content already
    at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX commit_once_at ON commit_once (at);
