//! The table of settings, in the order in which screen and example file list them.

use super::{Bounds, EMBEDDING_PAUSED, INTAKE_PAUSED, Kept, Setting};

const fn stored(name: &'static str, default: &'static str, bounds: Bounds, about: &'static str) -> Setting {
    Setting { name, about, bounds, default, example: "", variables: &[], flag: None, kept: Kept::Store }
}

const fn filed(
    name: &'static str,
    default: &'static str,
    bounds: Bounds,
    variables: &'static [&'static str],
    about: &'static str,
) -> Setting {
    Setting { name, about, bounds, default, example: "", variables, flag: None, kept: Kept::File }
}

const fn outside(
    variables: &'static [&'static str],
    default: &'static str,
    bounds: Bounds,
    about: &'static str,
) -> Setting {
    Setting { name: variables[0], about, bounds, default, example: "", variables, flag: None, kept: Kept::Environment }
}

impl Setting {
    const fn like(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    const fn by_option(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }
}

const NONE: &str = "none";
const FOLDER: Bounds = Bounds::Other("a folder");
const FILE: Bounds = Bounds::Other("a file");
const ADDRESS: Bounds = Bounds::Other("an address with a port, like 127.0.0.1:8000, or a port alone");
const WEB: Bounds = Bounds::Other("an address like http://127.0.0.1:11434");
/// No more a minute than this can be told from no limit.
const A_MINUTE: Bounds = Bounds::Number { least: 0, most: 1_000_000 };

/// All of them.
pub const SETTINGS: &[Setting] = &[
    stored(
        "search.vector_weight",
        "auto",
        Bounds::Share,
        "weight of meaning against words: 0 is words only, 1 meaning only; auto takes the model's measured best",
    ),
    stored(
        "search.fusion",
        "auto",
        Bounds::OneOf(&["auto", "score", "rrf", "zscore"]),
        "how words and meaning are put together; auto takes what suits the model",
    ),
    stored(
        "search.rrf_k",
        "60",
        Bounds::Number { least: 1, most: 1000 },
        "constant of reciprocal rank fusion, when fusion is rrf",
    ),
    stored(
        "search.candidates",
        "100",
        Bounds::Number { least: 10, most: 1000 },
        "candidates that words and meaning each give to the fusion",
    ),
    stored(INTAKE_PAUSED, "false", Bounds::Switch, "files wait in the queue until intake goes on"),
    stored(
        EMBEDDING_PAUSED,
        "false",
        Bounds::Switch,
        "the background model rests; searches use what it has made so far",
    ),
    filed("data_dir", "below XDG_DATA_HOME", FOLDER, &["PEANUT_DATA_DIR"], "store and drop zone")
        .like("\"~/.local/share/peanut\"")
        .by_option("--data-dir"),
    filed("state_dir", "below XDG_STATE_HOME", FOLDER, &["PEANUT_STATE_DIR"], "logs and crash reports")
        .like("\"~/.local/state/peanut\""),
    filed(
        "drop_zone",
        "drop, below data_dir",
        FOLDER,
        &["PEANUT_DROP_ZONE", "DROP_ZONE_PATH"],
        "files put here are taken in",
    )
    .like("\"~/.local/share/peanut/drop\""),
    filed(
        "me",
        NONE,
        Bounds::Other("addresses such as \"you@example.org\""),
        &["PEANUT_ME"],
        "your addresses, for from:me and to:me",
    )
    .like("[\"you@example.org\"]"),
    filed(
        "log_level",
        "info",
        Bounds::OneOf(&["error", "warn", "info", "debug", "trace"]),
        &["PEANUT_LOG", "LOG_LEVEL"],
        "how much the log says: error, warn, info, debug, trace; by hand a tracing filter too",
    )
    .by_option("--log-level"),
    filed("store.postgres_url", NONE, Bounds::Secret, &["POSTGRES_URL"], "a PostgreSQL instead of the SQLite file")
        .like("\"postgres://peanut@localhost/peanut\""),
    filed(
        "store.postgres_replica_url",
        NONE,
        Bounds::Secret,
        &["POSTGRES_REPLICA_URL"],
        "a streaming replica: serves searches while it follows closely",
    )
    .like("\"postgres://peanut@standby/peanut\""),
    filed("graph.host", NONE, Bounds::Other("a host name or address alone"), &["FALKORDB_HOST"], "a FalkorDB")
        .like("\"localhost\""),
    filed("graph.port", "6379", Bounds::Number { least: 1, most: 65_535 }, &["FALKORDB_PORT"], "its port"),
    filed(
        "graph.password",
        NONE,
        Bounds::Secret,
        &["FALKORDB_PASSWORD"],
        "its password, better in FALKORDB_PASSWORD_FILE",
    )
    .like("\"…\""),
    filed("graph.name", "peanut", Bounds::Other("a name"), &["FALKORDB_GRAPH"], "the graph in it"),
    filed(
        "embedding.model",
        "minilm",
        Bounds::Other("minilm, static, or a model the embedding service has"),
        &["PEANUT_MODEL", "EMBED_MODEL"],
        "minilm: instant first, better in the background; static: instant only; or a service's model",
    ),
    filed("embedding.ollama_url", NONE, WEB, &["OLLAMA_URL"], "an Ollama").like("\"http://localhost:11434\""),
    filed("embedding.openai_url", NONE, WEB, &["OPENAI_BASE_URL"], "any server with OpenAI's /v1/embeddings")
        .like("\"http://localhost:8080/v1\""),
    filed("chunks.tokens", "512", Bounds::Number { least: 32, most: 8192 }, &[], "tokens of a chunk"),
    filed(
        "chunks.overlap",
        "50",
        Bounds::Number { least: 0, most: 4096 },
        &[],
        "tokens that neighbours share, at most half of chunks.tokens",
    ),
    filed(
        "serve.listen",
        "127.0.0.1:8000",
        ADDRESS,
        &["PEANUT_LISTEN", "API_PORT"],
        "an address that is not of this host alone needs a key (peanut keys); \"off\"",
    ),
    filed("serve.unix_socket", NONE, FILE, &["PEANUT_UNIX_SOCKET"], "readable and writable for owner and group")
        .like("\"/run/peanut/peanut.sock\""),
    filed("serve.metrics_listen", NONE, ADDRESS, &["METRICS_ADDR"], "an address of its own for /metrics, without keys")
        .like("\"127.0.0.1:9464\""),
    filed("serve.tls_certificate", NONE, FILE, &["PEANUT_TLS_CERTIFICATE"], "the TCP address speaks TLS")
        .like("\"cert.pem\""),
    filed("serve.tls_key", NONE, FILE, &["PEANUT_TLS_KEY"], "the key that belongs to it").like("\"key.pem\""),
    filed(
        "serve.trusted_proxies",
        NONE,
        Bounds::Other("addresses and ranges"),
        &[],
        "whose X-Forwarded-For is believed",
    )
    .like("[\"127.0.0.1\", \"10.0.0.0/8\"]"),
    filed(
        "serve.allowed_origins",
        NONE,
        Bounds::Other("origins such as \"https://notes.example\""),
        &[],
        "pages that may read answers, \"https://notes.example\"",
    )
    .like("[]"),
    filed("serve.in_app", "false", Bounds::Switch, &[], "whether the full-screen app opens the door too"),
    filed(
        "limits.per_address",
        "100",
        A_MINUTE,
        &["PEANUT_LIMIT_PER_ADDRESS"],
        "requests a minute of one address; 0: no limit",
    ),
    filed("limits.per_key", "0", A_MINUTE, &["PEANUT_LIMIT_PER_KEY"], "requests a minute of one key; 0: no limit"),
    filed(
        "mcp.personal_data",
        "false",
        Bounds::Switch,
        &["PEANUT_MCP_PERSONAL_DATA"],
        "whether agents are told of people marked as personal data",
    ),
    filed(
        "screen.theme",
        "terminal",
        Bounds::OneOf(&["dark", "light", "terminal"]),
        &["PEANUT_THEME"],
        "colours of the screen",
    ),
    filed("screen.mouse", "true", Bounds::Switch, &[], "whether the screen takes the mouse"),
    filed("screen.ascii", "false", Bounds::Switch, &[], "borders of plain ASCII"),
    outside(
        &["PEANUT_HOST"],
        "the system's name",
        Bounds::Other("a name"),
        "name of this host, where its own name changes",
    ),
    outside(&["API_KEY_READ"], NONE, Bounds::Secret, "a key to the HTTP door that may read"),
    outside(&["API_KEY_WRITE"], NONE, Bounds::Secret, "a key to the HTTP door that may write"),
    outside(&["OPENAI_API_KEY"], NONE, Bounds::Secret, "the key that the server of embedding.openai_url wants"),
];
