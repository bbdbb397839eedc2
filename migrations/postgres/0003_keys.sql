-- Keys to the doors. Times are milliseconds since the epoch; the secret itself is nowhere.
CREATE TABLE api_key (
    id            TEXT   COLLATE "C" PRIMARY KEY,
    name          TEXT   COLLATE "C" NOT NULL,
    scope         TEXT   COLLATE "C" NOT NULL,          -- read | write | admin
    secret_sha256 BYTEA  NOT NULL UNIQUE,
    created_at    BIGINT NOT NULL,
    rotated_at    BIGINT,
    expires_at    BIGINT,
    revoked_at    BIGINT,
    last_used_at  BIGINT
);
