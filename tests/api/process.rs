//! `peanut serve` as a process: signals, sockets, a service manager, crashes, and a second process beside it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use peanut::store::{DocumentStore as _, SystemStore as _};
use serde_json::{Value, json};

use crate::harness::{PATIENCE, client};
use crate::terminal::Terminal;

/// A running `peanut serve`.
pub(crate) struct Process {
    child: Child,
    log: Receiver<Value>,
    pub(crate) base: String,
}

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(data).arg("serve").args(arguments);
    command.env("PEANUT_LIMIT_PER_ADDRESS", "0");
    command.env("HOME", data).env("PEANUT_MODEL", "static").stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::piped());
    command
}

impl Process {
    pub(crate) fn start(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(data, arguments);
        command.envs(environment.iter().copied());
        let mut child = command.spawn().expect("start");
        let (sender, log) = channel();
        let errors = BufReader::new(child.stderr.take().expect("stderr"));
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                // The contract of the log: every line is JSON with these four.
                let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                for field in ["timestamp", "service", "level", "event"] {
                    assert!(line[field].is_string(), "{field} in {line}");
                }
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut process = Self { child, log, base: String::new() };
        let listening = process.wait_for("listening");
        let addresses = listening["addresses"].as_str().expect("addresses");
        addresses.split(',').next().expect("an address").clone_into(&mut process.base);
        process
    }

    pub(crate) fn on_loopback(data: &Path) -> Self {
        Self::start(data, &["--listen", "127.0.0.1:0"], &[])
    }

    /// Waits for a line of the log.
    pub(crate) fn wait_for(&mut self, event: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line["event"] == event => return line,
                Ok(_) => {}
                Err(error) => panic!("never saw {event} in the log: {error}; {:?}", self.child.try_wait()),
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    pub(crate) fn ends(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn host(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// Sends a request's head and half of its body; the handler waits for the rest.
    fn half_a_request(&self, text: &str) -> (TcpStream, String) {
        let body = json!({ "text": text }).to_string();
        let head = format!(
            "POST /ingest/text HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host(),
            body.len()
        );
        let (first, rest) = body.split_at(body.len() / 2);
        let mut stream = TcpStream::connect(self.host()).expect("connect");
        stream.write_all(head.as_bytes()).expect("head");
        stream.write_all(first.as_bytes()).expect("half of the body");
        let deadline = Instant::now() + PATIENCE;
        // The scrape itself is one of the two.
        while !plain(self.host(), "/metrics").contains("\npkg_http_requests_in_flight 2\n") {
            assert!(Instant::now() < deadline, "the request never arrived");
        }
        (stream, rest.to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request without a client library, and everything that comes back.
pub(crate) fn plain(host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(host).expect("connect");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    answer
}

/// Opens the store of a process that is gone: it must be sound. Returns the texts of these documents.
async fn texts(data: &Path, ids: &[String]) -> Vec<String> {
    let store = peanut::store::sqlite::SqliteStore::open(&data.join("peanut.db")).await.expect("open");
    assert_eq!(store.verify().await.expect("verify").problems, Vec::<String>::new());
    let mut found = Vec::new();
    for id in ids {
        let id = peanut::domain::DocumentId(id.parse().expect("id"));
        found.push(store.document(id).await.expect("an acknowledged document").body());
    }
    store.close().await;
    found
}

async fn post(client: &reqwest::Client, base: &str, text: &str) -> Result<(u16, String), reqwest::Error> {
    let response = client.post(format!("{base}/ingest/text")).json(&json!({ "text": text })).send().await?;
    let status = response.status().as_u16();
    let body: Value = response.json().await?;
    Ok((status, body["document_id"].as_str().unwrap_or_default().to_owned()))
}

/// Posts from `clients` at once, for as long as the door is open. Returns `(id, text)` of every acknowledged text.
async fn under_load(base: &str, clients: usize, mut after: impl FnMut(), acknowledged: usize) -> Vec<(String, String)> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let posting = (0..clients).map(|number| {
        let (base, sender) = (base.to_owned(), sender.clone());
        tokio::spawn(async move {
            let client = client();
            for n in 0.. {
                let text = format!("text {n} of client {number}");
                match post(&client, &base, &text).await {
                    Ok((202, id)) => sender.send((id, text)).expect("the test listens"),
                    Ok((503, _)) | Err(_) => return,
                    Ok(other) => panic!("{other:?}"),
                }
            }
        })
    });
    let posting: Vec<_> = posting.collect();
    drop(sender);
    let mut all = Vec::new();
    while let Some(one) = receiver.recv().await {
        all.push(one);
        if all.len() == acknowledged {
            after();
        }
    }
    for ended in join_all(posting).await {
        ended.expect("a client");
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_search_has_the_indexes_read_into_memory() {
    let folder = tempfile::tempdir().expect("folder");
    let mut process = Process::on_loopback(folder.path());
    let search = async |process: &Process| {
        let search = client().post(format!("{}/search", process.base)).json(&json!({ "query": "word" }));
        assert_eq!(search.send().await.expect("send").status(), 200);
    };
    search(&process).await;
    process.wait_for("search_indexes_loaded");
    search(&process).await;
    process.signal("TERM");
    // Once is enough: the log ends without a second time.
    while let Ok(line) = process.log.recv_timeout(PATIENCE) {
        assert_ne!(line["event"], "search_indexes_loaded");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_signal_drains_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let mut process = Process::on_loopback(folder.path());
    let base = process.base.clone();
    let (mut stream, rest) = process.half_a_request("in hand when the signal came");
    let mut signalled = None;
    let acknowledged = under_load(
        &base,
        6,
        || {
            process.signal("TERM");
            signalled = Some(Instant::now());
        },
        60,
    )
    .await;
    let signalled = signalled.expect("the signal");
    // It says what it waits for.
    let told = process.wait_for("draining");
    assert!(told["requests"].as_u64().is_some_and(|requests| requests >= 1), "{told}");
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(process.host()).is_ok() {
        assert!(Instant::now() < deadline, "something new is taken");
    }
    // What was in hand is answered.
    stream.write_all(rest.as_bytes()).expect("the rest of the body");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert_eq!(process.ends().code(), Some(0));
    assert!(signalled.elapsed() < Duration::from_secs(30), "{:?}", signalled.elapsed());
    let ids: Vec<String> = acknowledged.iter().map(|(id, _)| id.clone()).collect();
    let expected: Vec<String> = acknowledged.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts(folder.path(), &ids).await, expected);
}

#[test]
fn the_second_signal_leaves_at_once() {
    let folder = tempfile::tempdir().expect("folder");
    let mut process = Process::on_loopback(folder.path());
    let _held = process.half_a_request("never finished");
    process.signal("TERM");
    process.wait_for("draining");
    let second = Instant::now();
    process.signal("INT");
    assert_eq!(process.ends().code(), Some(143));
    assert!(second.elapsed() < Duration::from_secs(5), "{:?}", second.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().expect("folder");
    let process = Process::on_loopback(folder.path());
    let base = process.base.clone();
    let acknowledged = under_load(&base, 6, || process.signal("KILL"), 80).await;
    assert!(acknowledged.len() >= 80);
    assert_eq!(process.ends().code(), None);
    let ids: Vec<String> = acknowledged.iter().map(|(id, _)| id.clone()).collect();
    let expected: Vec<String> = acknowledged.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts(folder.path(), &ids).await, expected);
}

#[test]
fn a_process_that_ended_without_a_word_is_known_to_doctor() {
    let folder = tempfile::tempdir().expect("folder");
    let crashes = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir").arg(folder.path()).args(["doctor", "--json"]);
        command.env("HOME", folder.path()).env("PEANUT_MODEL", "static");
        let findings = command.output().expect("doctor").stdout;
        let findings: Value = serde_json::from_slice(&findings).expect("findings");
        let of_crashes = findings.as_array().expect("a list").iter().find(|finding| finding["what"] == "crashes");
        of_crashes.expect("crashes")["detail"].as_str().expect("text").to_owned()
    };
    for killed in 1..=3 {
        let process = Process::on_loopback(folder.path());
        process.signal("KILL");
        assert_eq!(process.ends().code(), None);
        assert!(crashes().starts_with(&format!("{killed} recorded")), "{killed}: {}", crashes());
    }
    let process = Process::on_loopback(folder.path());
    assert!(crashes().starts_with("3 recorded"), "the living one is none: {}", crashes());
    process.signal("TERM");
    assert_eq!(process.ends().code(), Some(0));
    assert!(crashes().starts_with("3 recorded"), "an orderly end is none: {}", crashes());
}

#[test]
fn under_a_service_manager_a_store_that_is_not_there_yet_is_waited_for() {
    let folder = tempfile::tempdir().expect("folder");
    let manager = UnixDatagram::bind(folder.path().join("notify")).expect("socket");
    let mut command = command(&folder.path().join("data"), &["--listen", "127.0.0.1:0"]);
    command
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .env("POSTGRES_URL", "postgres://peanut@127.0.0.1:1/peanut");
    let mut child = command.spawn().expect("start");
    let mut told = [0; 256];
    let length = manager.recv(&mut told).expect("a word to the manager");
    assert_eq!(&told[..length], b"STATUS=waiting for the store\n");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("signal");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

/// Runs one that must refuse to start. Returns what it said.
fn refused(data: &Path, arguments: &[&str]) -> String {
    let output = command(data, arguments).output().expect("run");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn other_hosts_are_not_let_in_without_a_key() {
    let folder = tempfile::tempdir().expect("folder");
    for address in ["0.0.0.0:0", "[::]:0"] {
        let said = refused(folder.path(), &["--listen", address]);
        assert!(said.contains("peanut keys create") && said.contains("127.0.0.1"), "{said}");
    }
}

#[test]
fn a_taken_address_and_a_second_process_are_told_apart() {
    let folder = tempfile::tempdir().expect("folder");
    let process = Process::on_loopback(folder.path());
    let said = refused(folder.path(), &["--listen", process.host()]);
    assert!(said.contains("another process") && said.contains("--listen"), "{said}");
    // On an address of its own it attaches: the same store, the first one's workers.
    let second = Process::on_loopback(folder.path());
    let until = |wanted: &dyn Fn(&Value) -> bool| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = plain(second.host(), "/status");
            let body = answer.split("\r\n\r\n").nth(1).expect("a body");
            let status: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "{status}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let relay_of = |status: &Value, id: u32| {
        let is_relay = |worker: &Value| worker["pid"] == id && worker["name"] == "relay";
        status["workers"].as_array().is_some_and(|workers| workers.iter().any(is_relay))
    };
    let (first_id, second_id) = (process.child.id(), second.child.id());
    assert_eq!(until(&|status| relay_of(status, first_id))["runs_workers"], false);
    // And when the first one ends, it goes on with the work.
    process.signal("TERM");
    assert_eq!(process.ends().code(), Some(0));
    until(&|status| status["runs_workers"] == true && relay_of(status, second_id));
    second.signal("TERM");
    assert_eq!(second.ends().code(), Some(0));
}

#[test]
fn a_socket_file_serves_and_a_stale_one_is_replaced() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("peanut.sock");
    let name = path.to_str().expect("path");
    let ask = || {
        let mut stream = UnixStream::connect(&path).expect("connect");
        stream.write_all(b"GET /documents HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n").expect("send");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        answer
    };
    let process = Process::start(folder.path(), &["--unix-socket", name, "--no-tcp"], &[]);
    assert_eq!(process.base, format!("unix:{name}"));
    assert!(ask().starts_with("HTTP/1.1 200"), "{}", ask());
    assert_eq!(std::fs::metadata(&path).expect("file").permissions().mode() & 0o777, 0o660);
    let said = refused(&folder.path().join("other"), &["--unix-socket", name, "--no-tcp"]);
    assert!(said.contains("another process"), "{said}");
    process.signal("KILL");
    process.ends();
    assert!(path.exists());
    let process = Process::start(folder.path(), &["--unix-socket", name, "--no-tcp"], &[]);
    assert!(ask().starts_with("HTTP/1.1 200"));
    process.signal("TERM");
    assert_eq!(process.ends().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_service_manager_is_told() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("notify.sock");
    let manager = UnixDatagram::bind(&path).expect("bind");
    manager.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let environment = [("NOTIFY_SOCKET", path.to_str().expect("path")), ("WATCHDOG_USEC", "300000")];
    let process = Process::start(folder.path(), &["--listen", "127.0.0.1:0"], &environment);
    let wait_for = |word: &str| {
        let mut buffer = [0_u8; 4096];
        loop {
            let length = manager.recv(&mut buffer).expect("a word");
            let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if said.lines().any(|line| line == word) {
                return said;
            }
        }
    };
    assert!(wait_for("READY=1").contains("STATUS=listening on http://127.0.0.1:"));
    wait_for("WATCHDOG=1");
    wait_for("WATCHDOG=1");
    process.signal("TERM");
    wait_for("STOPPING=1");
    assert_eq!(process.ends().code(), Some(0));
}

#[test]
fn metrics_have_an_address_of_their_own_when_asked() {
    let folder = tempfile::tempdir().expect("folder");
    let environment = [("METRICS_ADDR", "127.0.0.1:0")];
    let mut command = command(folder.path(), &["--listen", "127.0.0.1:0"]);
    command.envs(environment);
    let mut child = command.spawn().expect("start");
    let errors = BufReader::new(child.stderr.take().expect("stderr"));
    let mut lines = errors.lines().map_while(Result::ok);
    let listening = lines.find(|line| line.contains("\"listening\"")).expect("listening");
    let listening: Value = serde_json::from_str(&listening).expect("json");
    let addresses = listening["addresses"].as_str().expect("addresses");
    let host = addresses.split(',').nth(1).expect("a second address").trim_start_matches("http://");
    assert!(plain(host, "/metrics").contains("pkg_build_info{"));
    assert!(plain(host, "/documents").starts_with("HTTP/1.1 404"));
    child.kill().expect("kill");
    child.wait().expect("wait");
}

#[tokio::test]
async fn tls_is_spoken_where_files_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/tls");
    let (certificate, key) = (files.join("certificate.pem"), files.join("key.pem"));
    let environment = [
        ("PEANUT_TLS_CERTIFICATE", certificate.to_str().expect("path")),
        ("PEANUT_TLS_KEY", key.to_str().expect("path")),
    ];
    let process = Process::start(folder.path(), &["--listen", "127.0.0.1:0"], &environment);
    assert!(process.base.starts_with("https://127.0.0.1:"), "{}", process.base);
    let port = process.base.rsplit(':').next().expect("port");
    let _ = client();
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(&certificate).expect("file")).expect("certificate");
    let client = reqwest::Client::builder().tls_certs_only([trusted]).timeout(PATIENCE).build().expect("client");
    let answer = client.get(format!("https://localhost:{port}/livez")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let said = {
        let mut command = command(folder.path(), &["--listen", "127.0.0.1:0"]);
        command.env("PEANUT_TLS_CERTIFICATE", &key).env("PEANUT_TLS_KEY", "/nowhere/key.pem");
        let output = command.output().expect("run");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said.contains("/nowhere/key.pem"), "{said}");
}

#[test]
fn the_app_opens_the_same_door_when_asked() {
    let folder = tempfile::tempdir().expect("folder");
    let port = crate::services::free_port();
    let settings = folder.path().join("config.toml");
    std::fs::write(&settings, format!("[serve]\nin_app = true\nlisten = \"127.0.0.1:{port}\"\n")).expect("write");
    let environment = [("PEANUT_CONFIG", settings.to_str().expect("path")), ("PEANUT_MODEL", "static")];
    let mut terminal = Terminal::start(&folder.path().join("data"), 80, 24, &environment);
    terminal.wait_for("Welcome");
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "the door stays closed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let answer = plain(&format!("127.0.0.1:{port}"), "/status");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"runs_workers\":true"), "{answer}");
    terminal.send("q");
    let (status, _, _) = terminal.finish();
    assert_eq!(status.code(), Some(0));
}
