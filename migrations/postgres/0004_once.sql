-- Keys of requests that must be answered once however often they are sent (Idempotency-Key); kept for a week.
CREATE TABLE commit_once (
    key         TEXT    COLLATE "C" PRIMARY KEY,
    fingerprint BYTEA   NOT NULL,                       -- SHA-256 of what was asked
    document_id UUID    NOT NULL,
    added       BOOLEAN NOT NULL,                       -- false: another document held the content already
    at          BIGINT  NOT NULL
);
CREATE INDEX commit_once_at ON commit_once (at);
