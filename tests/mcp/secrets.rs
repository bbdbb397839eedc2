//! Secrets planted wherever one can stand; then everything that was ever written is looked through for them.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Agent, Home, Server, client, post, until};

/// One file or answer, and where it came from.
type Piece = (String, Vec<u8>);

fn files(folder: &Path, pieces: &mut Vec<Piece>) {
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path: PathBuf = entry.path();
        if path.is_dir() {
            files(&path, pieces);
        } else if let Ok(bytes) = std::fs::read(&path) {
            pieces.push((path.display().to_string(), bytes));
        }
    }
}

fn said(home: &Home, arguments: &[&str], pieces: &mut Vec<Piece>) -> Option<i32> {
    let output = home.command(arguments).output().expect("run");
    pieces.push((format!("stdout of {arguments:?}"), output.stdout));
    pieces.push((format!("stderr of {arguments:?}"), output.stderr));
    output.status.code()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// No piece holds any secret.
fn assert_clean(pieces: &[Piece], secrets: &[String]) {
    for (source, bytes) in pieces {
        for secret in secrets {
            if holds(bytes, secret) {
                let text = String::from_utf8_lossy(bytes);
                let line = text.lines().find(|line| line.contains(secret.as_str())).unwrap_or_default();
                panic!("{secret} stands in {source}: {}", line.chars().take(600).collect::<String>());
            }
        }
    }
}

fn private(path: &Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("chmod");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_secrets_are_found_nowhere() {
    let mut home = Home::with(&[
        ("PEANUT_LOG", "trace"),
        ("API_KEY_READ", "plAnt3d-read-of-the-environment"),
        ("FALKORDB_HOST", "127.0.0.1"),
        ("FALKORDB_PORT", "1"),
        ("FALKORDB_PASSWORD", "plAnt3d-graph-password"),
        ("OLLAMA_URL", "http://someone:plAnt3d-web-password@127.0.0.1:1"),
        ("PEANUT_PANIC", "worker"),
    ]);
    home.set("PEANUT_MODEL", "");
    let file = home.write("secrets/write", "plAnt3d-write-of-a-file\n");
    private(&file);
    home.set("API_KEY_WRITE_FILE", file.to_str().expect("a path"));
    let mut pieces: Vec<Piece> = Vec::new();
    let ((_, read), (id, write)) = (home.key("reader", "read"), home.key("writer", "write"));
    let rotated = home.run(&["keys", "rotate", &id]).out.trim_end().to_owned();
    let wrong = format!("peanut_{}", "deadbeef".repeat(8));

    let mut server = Server::start(&home);
    let mut web: Vec<(String, String)> = Vec::new();
    for key in [
        &read,
        &rotated,
        &write,
        &wrong,
        "plAnt3d-read-of-the-environment",
        "plAnt3d-write-of-a-file",
        "plAnt3d-unknown-key",
    ] {
        for path in [
            "/documents",
            "/status",
            "/health",
            "/metrics",
            "/openapi.json",
            "/config",
            "/events-of-nobody",
            "/graph/nodes",
        ] {
            for header in ["x-api-key", "authorization"] {
                let value = if header == "authorization" { format!("Bearer {key}") } else { key.to_owned() };
                let request = client().get(format!("{}{path}?token={key}", server.base)).header(header, value);
                let response = request.send().await.expect("an answer");
                let heads = format!("{:?}", response.headers());
                web.push((format!("{path} with {key}"), format!("{heads}{}", response.text().await.expect("a body"))));
            }
        }
        let add = json!({ "name": "add_document", "arguments": { "text": "planted", "key": key } });
        for (method, params) in [("tools/list", json!({})), ("tools/call", add), ("no/such", json!({ "key": "x" }))] {
            let response = post(&server, Some(key), method, params).send().await.expect("an answer");
            web.push((format!("{method} with {key}"), response.text().await.expect("a body")));
        }
        let odd = client().post(format!("{}/search", server.base)).header("x-api-key", key).body("{");
        web.push((format!("odd body with {key}"), odd.send().await.expect("an answer").text().await.expect("a body")));
    }
    // An address, a key of the caller's own making and the like come back in no error.
    pieces.extend(web.into_iter().map(|(source, text)| (source, text.into_bytes())));
    let crashes = home.path("data/state/crashes");
    let is_report = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("crash-");
    until("a crash report", || std::fs::read_dir(&crashes).ok()?.flatten().find(is_report));
    for name in ["cmdline", "status", "comm"] {
        let path = format!("/proc/{}/{name}", server.pid());
        pieces.push((path.clone(), std::fs::read(&path).expect("of our child")));
    }
    for arguments in [
        &["status", "--json"][..],
        &["status"],
        &["config"],
        &["doctor"],
        &["doctor", "--json"],
        &["keys", "list"],
        &["keys", "list", "--json"],
        &["search", "planted"],
    ] {
        said(&home, arguments, &mut pieces);
    }
    server.stop();
    pieces.extend(server.logged.iter().map(|line| ("stderr of serve".to_owned(), line.clone().into_bytes())));

    let mut agent = Agent::start(&home, &[]);
    agent.does("search_facts", json!({ "query": "planted" }));
    pieces.extend(agent.heard.iter().map(|line| ("stdout of mcp".to_owned(), line.clone().into_bytes())));
    let (_, rest, err) = agent.leave();
    pieces.push(("end of mcp".to_owned(), format!("{}{err}", rest.join("\n")).into_bytes()));

    // Passwords in addresses that do not work, and in settings that cannot be read.
    home.set("POSTGRES_URL", "postgres://someone:plAnt3d-store-password@127.0.0.1:1/peanut");
    for arguments in [&["status"][..], &["doctor"], &["config"], &["keys", "list"], &["mcp"], &["serve"]] {
        said(&home, arguments, &mut pieces);
    }
    home.set("POSTGRES_URL", "mysql://someone:plAnt3d-store-password@127.0.0.1:1/peanut");
    assert_eq!(said(&home, &["status"], &mut pieces), Some(2));
    home.set("POSTGRES_URL", "");
    home.set("OLLAMA_URL", "ftp://someone:plAnt3d-web-password@127.0.0.1");
    assert_eq!(said(&home, &["status"], &mut pieces), Some(2));
    home.set("OLLAMA_URL", "");
    for settings in [
        "[store]\npostgres_url = \"postgres://u:plAnt3d-store-password@h/d\n",
        "[graph]\npassword = plAnt3d-graph-password\n",
    ] {
        let path = home.write("config.toml", settings);
        home.set("PEANUT_CONFIG", path.to_str().expect("a path"));
        assert_eq!(said(&home, &["status"], &mut pieces), Some(2));
    }
    home.set("PEANUT_CONFIG", "");
    home.set("API_KEY_WRITE_FILE", "");
    home.set("API_KEY_WRITE", "plAnt3d");
    assert_eq!(said(&home, &["status"], &mut pieces), Some(2), "too short");

    files(&home.path("data"), &mut pieces);
    let database: usize =
        pieces.iter().filter(|(source, _)| source.contains("peanut.db")).map(|(_, bytes)| bytes.len()).sum();
    assert!(database > 10_000, "the store itself is among what is looked through");
    assert!(pieces.iter().any(|(source, bytes)| source.contains("crash-") && bytes.len() > 500));
    assert!(pieces.iter().any(|(source, bytes)| source.contains("/logs/") && holds(bytes, "\"TRACE\"")));
    let mut secrets: Vec<String> = vec!["plAnt3d".to_owned()];
    // A secret's random part alone must not stand anywhere either.
    secrets.extend([&read, &write, &rotated, &wrong].map(|key| key["peanut_".len()..].to_owned()));
    assert_clean(&pieces, &secrets);
    // The test itself sees one.
    let seen = std::panic::catch_unwind(|| assert_clean(&[("x".to_owned(), read.clone().into_bytes())], &secrets));
    assert!(seen.is_err());
}
