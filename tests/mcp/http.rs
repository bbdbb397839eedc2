//! Keys, limits and MCP at the door of `peanut serve`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Home, Server, client, post, rpc};

async fn status(server: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, reqwest::header::HeaderMap, String) {
    let mut request = client().get(format!("{}{path}", server.base));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.headers().clone(), response.text().await.expect("a body"))
}

fn tools(answer: &Value) -> Vec<&str> {
    let tools = answer["result"]["tools"].as_array().expect("tools");
    tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn every_request_may_do_what_its_own_key_may() {
    let home = Home::new();
    let ((_, read), (_, write), (_, admin)) = (home.key("r", "read"), home.key("w", "write"), home.key("a", "admin"));
    let server = Server::start(&home);
    let add = json!({ "name": "add_document", "arguments": { "text": "The sorb tree." } });
    for (key, may_write) in [(&read, false), (&write, true), (&admin, true)] {
        let listed = rpc(&server, Some(key), "tools/list", json!({})).await;
        assert_eq!(tools(&listed).contains(&"add_document"), may_write);
        let answer = rpc(&server, Some(key), "tools/call", add.clone()).await;
        assert_eq!(answer["result"]["isError"], !may_write, "{answer}");
        let find = json!({ "name": "search_facts", "arguments": { "query": "sorb" } });
        let found = rpc(&server, Some(key), "tools/call", find).await;
        assert_eq!(
            found["result"]["structuredContent"]["facts"].as_array().map(Vec::len),
            Some(usize::from(may_write))
        );
    }
    let bearer = post(&server, None, "tools/list", json!({})).header("authorization", format!("Bearer {read}"));
    assert_eq!(bearer.send().await.expect("an answer").status(), 200);
    for wrong in [None, Some("peanut_wrong"), Some(read.to_uppercase().as_str())] {
        let refused = post(&server, wrong, "tools/list", json!({})).send().await.expect("an answer");
        assert_eq!(refused.status(), 401, "{wrong:?}");
        assert!(refused.headers()["www-authenticate"].to_str().is_ok_and(|how| how.starts_with("Bearer")));
    }
    let (refused, _, body) = status(&server, "/documents", &[("x-api-key", "")]).await;
    assert_eq!(refused, 401, "{body}");
}

#[tokio::test]
async fn a_key_revoked_elsewhere_stops_within_a_second() {
    let home = Home::new();
    let (id, key) = home.key("short", "read");
    let server = Server::start(&home);
    for _ in 0..5 {
        assert_eq!(status(&server, "/documents", &[("x-api-key", &key)]).await.0, 200);
    }
    assert_eq!(home.run(&["keys", "revoke", &id]).code, Some(0));
    let revoked = Instant::now();
    while status(&server, "/documents", &[("x-api-key", &key)]).await.0 == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(1), "still good after a second");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(&server, "/documents", &[("x-api-key", &key)]).await.0, 401);
    let refused = post(&server, Some(&key), "tools/list", json!({})).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    // No key is left that opens: the door does not open for everybody by that.
    assert_eq!(status(&server, "/documents", &[]).await.0, 401);
}

#[tokio::test]
async fn without_keys_only_this_machine_is_answered_and_no_page_of_another() {
    let home = Home::new();
    let server = Server::start(&home);
    let port = server.base.rsplit(':').next().expect("a port");
    let ask = async |header: &str, value: String| {
        let request = post(&server, None, "tools/list", json!({})).header(header, value);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(post(&server, None, "tools/list", json!({})).send().await.expect("an answer").status(), 200);
    assert_eq!(ask("host", format!("localhost:{port}")).await, 200);
    assert_eq!(ask("host", format!("evil.example:{port}")).await, 403, "a name that was pointed at 127.0.0.1");
    assert_eq!(ask("origin", "http://localhost:6274".to_owned()).await, 200);
    assert_eq!(ask("origin", "http://evil.example".to_owned()).await, 403);
    assert_eq!(ask("origin", "null".to_owned()).await, 403);
    let (id, key) = home.key("first", "read");
    assert_eq!(post(&server, Some(&key), "tools/list", json!({})).send().await.expect("an answer").status(), 200);
    let refused = async || status(&server, "/documents", &[]).await.0 == 401;
    let deadline = Instant::now() + Duration::from_secs(1);
    while !refused().await {
        assert!(Instant::now() < deadline, "the first key closes the door within a second");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(home.run(&["keys", "revoke", &id, "--forget"]).code, Some(0));
    let deadline = Instant::now() + Duration::from_secs(1);
    while refused().await {
        assert!(Instant::now() < deadline, "forgetting the last one opens it again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_again() {
    let home = Home::with(&[("PEANUT_LIMIT_PER_ADDRESS", "5")]);
    let server = Server::start(&home);
    for number in 0..5 {
        // What anybody may write into a header makes nobody another; and behind a proxy nobody is let in without a key.
        let other = format!("203.0.113.{number}");
        let (code, expected) = if number % 2 == 0 { ("x-forwarded-for", 401) } else { ("x-nothing", 200) };
        assert_eq!(status(&server, "/documents", &[(code, &other)]).await.0, expected);
    }
    let (code, headers, body) = status(&server, "/documents", &[("x-forwarded-for", "203.0.113.99")]).await;
    assert_eq!(code, 429, "{body}");
    let seconds: u64 = headers["retry-after"].to_str().expect("text").parse().expect("whole seconds");
    assert!((1..=12).contains(&seconds), "{seconds}");
    assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON")["code"], "too_many_requests");
    let refused = post(&server, None, "tools/list", json!({})).send().await.expect("an answer");
    assert_eq!(refused.status(), 429, "MCP counts like everything else");
    assert_eq!(status(&server, "/livez", &[]).await.0, 200, "whoever looks whether it lives is not counted");
}

#[tokio::test]
async fn a_trusted_proxy_tells_its_clients_apart() {
    let mut home = Home::with(&[("PEANUT_LIMIT_PER_ADDRESS", "2")]);
    let settings = home.write("config.toml", "[serve]\ntrusted_proxies = [\"127.0.0.0/8\"]\n");
    home.set("PEANUT_CONFIG", settings.to_str().expect("a path"));
    let (_, key) = home.key("proxied", "read");
    let server = Server::start(&home);
    let ask = async |forwarded: &str| {
        status(&server, "/documents", &[("x-api-key", &key), ("x-forwarded-for", forwarded)]).await.0
    };
    for client in ["203.0.113.1", "203.0.113.2", "2001:db8:1::1", "2001:db8:2::1"] {
        assert_eq!((ask(client).await, ask(client).await, ask(client).await), (200, 200, 429), "{client}");
    }
    assert_eq!(ask("1.1.1.1, 203.0.113.1").await, 429, "what the client wrote itself changes nothing");
    assert_eq!(ask("2001:db8:1:0:ffff::9").await, 429, "one subscriber, one limit");
    let told = async |line: &str| status(&server, "/documents", &[("x-api-key", &key), ("forwarded", line)]).await.0;
    assert_eq!(told("for=\"[2001:db8:2::7]:4711\"").await, 429);
    assert_eq!(told("for=198.51.100.7;proto=https").await, 200);
}

#[tokio::test]
async fn without_keys_nobody_behind_a_proxy_is_let_in() {
    let mut home = Home::new();
    let server = Server::start(&home);
    for header in ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via", "x-real-ip"] {
        let (code, _, body) = status(&server, "/documents", &[(header, "203.0.113.9")]).await;
        assert_eq!(code, 401, "{header}: {body}");
        assert!(body.contains("peanut keys create") && body.contains(header), "{body}");
    }
    let change = client().post(format!("{}/config", server.base)).json(&json!({ "intake.paused": true }));
    let refused = change.header("x-forwarded-for", "203.0.113.9").send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    let asked = post(&server, None, "tools/list", json!({})).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(asked.send().await.expect("an answer").status(), 401, "agents neither");
    assert_eq!(status(&server, "/documents", &[]).await.0, 200, "programs of this host still are");
    drop(server);
    // A proxy that adds nothing is known by its address.
    let settings = home.write("config.toml", "[serve]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    home.set("PEANUT_CONFIG", settings.to_str().expect("a path"));
    let server = Server::start(&home);
    let (code, _, body) = status(&server, "/documents", &[]).await;
    assert!(code == 401 && body.contains("trusted_proxies"), "{body}");
    let (_, key) = home.key("one", "admin");
    let named = [("x-api-key", key.as_str()), ("x-forwarded-for", "203.0.113.9")];
    assert_eq!(status(&server, "/documents", &named).await.0, 200);
}

#[tokio::test]
async fn whoever_guesses_keys_locks_nobody_out() {
    let home = Home::with(&[("PEANUT_LIMIT_PER_ADDRESS", "3")]);
    let (_, key) = home.key("good", "read");
    let server = Server::start(&home);
    let mut codes = Vec::new();
    for _ in 0..10 {
        codes.push(status(&server, "/documents", &[("x-api-key", "peanut_guess")]).await.0);
    }
    assert_eq!(codes[..4], [401, 401, 401, 429]);
    for expected in [200, 200, 200, 429] {
        assert_eq!(status(&server, "/documents", &[("x-api-key", &key)]).await.0, expected);
    }
}

#[tokio::test]
async fn errors_of_agents_are_told_as_everywhere() {
    let home = Home::new();
    let server = Server::start(&home);
    let url = format!("{}/mcp", server.base);
    let json = "application/json";
    let both = "application/json, text/event-stream";
    let request = |kind: &'static str, accept: &'static str, body: &'static str| {
        client().post(&url).header("content-type", kind).header("accept", accept).body(body)
    };
    for (request, status, code) in [
        (client().get(&url).header("accept", "text/event-stream"), 405, "method_not_allowed"),
        (client().delete(&url), 405, "method_not_allowed"),
        (request(json, "text/html", "{}"), 406, "not_acceptable"),
        (request("text/plain", both, "{}"), 415, "unsupported_media_type"),
        (request(json, both, "{"), 400, "malformed_body"),
        (request(json, both, "{}").header("origin", "http://evil.example"), 403, "origin_not_allowed"),
        (request(json, both, "{}").header("x-api-key", "peanut_wrong"), 401, "key_needed"),
    ] {
        let answer = request.send().await.expect("an answer");
        let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
        let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
        assert_eq!((answer.status().as_u16(), kind.as_str()), (status, "application/problem+json"), "{code}");
        let problem: Value = answer.json().await.expect("JSON");
        assert_eq!((&problem["code"], &problem["request_id"]), (&json!(code), &json!(id)), "{problem}");
    }
}

#[tokio::test]
async fn a_key_has_a_limit_whatever_address_it_comes_from() {
    let mut home = Home::with(&[("PEANUT_LIMIT_PER_KEY", "3")]);
    let settings = home.write("config.toml", "[serve]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    home.set("PEANUT_CONFIG", settings.to_str().expect("a path"));
    let ((_, one), (_, other)) = (home.key("one", "read"), home.key("other", "read"));
    let server = Server::start(&home);
    let mut codes = Vec::new();
    for number in 0..5 {
        let address = format!("203.0.113.{number}");
        codes.push(status(&server, "/documents", &[("x-api-key", &one), ("x-forwarded-for", &address)]).await.0);
    }
    assert_eq!(codes, [200, 200, 200, 429, 429]);
    assert_eq!(status(&server, "/documents", &[("x-api-key", &other)]).await.0, 200);
}

#[tokio::test]
async fn keys_of_the_environment_open_with_their_scope() {
    let mut home = Home::with(&[("API_KEY_READ", "read-key-of-the-environment")]);
    let file = home.write("api_key_write", "write-key-of-a-file\n");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o400)).expect("chmod");
    home.set("API_KEY_WRITE_FILE", file.to_str().expect("a path"));
    let server = Server::start(&home);
    let add = json!({ "name": "add_document", "arguments": { "text": "By environment." } });
    let read = rpc(&server, Some("read-key-of-the-environment"), "tools/call", add.clone()).await;
    assert_eq!(read["result"]["isError"], true, "{read}");
    let write = rpc(&server, Some("write-key-of-a-file"), "tools/call", add).await;
    assert_eq!(write["result"]["isError"], false, "{write}");
    assert_eq!(status(&server, "/documents", &[]).await.0, 401);
    drop(server);
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("chmod");
    let refused = home.run(&["serve"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains(&format!("chmod 600 {}", file.display())), "{}", refused.err);
}

#[tokio::test]
async fn an_address_of_others_needs_a_key_first() {
    let home = Home::new();
    let refused = home.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("peanut keys create") && refused.err.contains("127.0.0.1"), "{}", refused.err);
    let (_, key) = home.key("lan", "read");
    let mut server = Server::on(&home, "0.0.0.0:0");
    server.base = server.base.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(status(&server, "/documents", &[]).await.0, 401);
    let named = [("x-api-key", key.as_str()), ("host", "peanut.lan")];
    assert_eq!(status(&server, "/documents", &named).await.0, 200, "with a key the host's name does not matter");
}
