-- Keys to the doors. Times are milliseconds since the epoch; the secret itself is nowhere.
CREATE TABLE api_key (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    scope         TEXT    NOT NULL,                     -- read | write | admin
    secret_sha256 BLOB    NOT NULL UNIQUE,
    created_at    INTEGER NOT NULL,
    rotated_at    INTEGER,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    last_used_at  INTEGER
) STRICT, WITHOUT ROWID;
