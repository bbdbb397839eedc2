//! A home for one test, the binary in it, an agent at its standard streams, and a server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longest wait for something that happens in its own time; only a failure takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between looks.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// A data folder with the settings of one test.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a command left.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With these variables.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let mut environment: Vec<(String, String)> = Vec::new();
        for (name, value) in
            [("PEANUT_MODEL", "static"), ("PEANUT_LIMIT_PER_ADDRESS", "0"), ("PEANUT_SECRETS_DIR", "/nowhere")]
        {
            environment.push((name.to_owned(), value.to_owned()));
        }
        let mut home = Self { folder, environment };
        for (name, value) in variables {
            home.set(name, value);
        }
        home
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(held, _)| held != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file for the test.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(&path, text).expect("write");
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
        // Nothing of whoever runs the tests.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        command.arg("--data-dir").arg(self.path("data")).args(arguments).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).output().expect("run");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Makes a key; its id and its secret.
    pub(crate) fn key(&self, name: &str, scope: &str) -> (String, String) {
        let done = self.run(&["keys", "create", name, "--scope", scope]);
        assert_eq!(done.code, Some(0), "{}", done.err);
        let id = done.err.split_whitespace().nth(2).expect("an id").to_owned();
        (id, done.out.trim_end().to_owned())
    }

    /// The status picture.
    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["status", "--json"]).out).expect("status")
    }
}

/// Looks until it is so.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "never saw {what}");
        std::thread::sleep(LOOK);
    }
}

fn lines(reader: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// `peanut mcp`, spoken to line by line.
pub(crate) struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<String>,
    pub(crate) heard: Vec<String>,
    next: u64,
}

impl Agent {
    /// Started and introduced.
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut all = vec!["mcp"];
        all.extend_from_slice(arguments);
        let mut child = home
            .command(&all)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let output = lines(child.stdout.take().expect("stdout"));
        let mut agent = Self { input: child.stdin.take(), child, output, heard: Vec::new(), next: 0 };
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
        let answer = agent.ask("initialize", hello);
        assert_eq!(answer["result"]["serverInfo"]["name"], "peanut", "{answer}");
        agent.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        agent
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("still open");
        writeln!(input, "{message}").expect("send");
        input.flush().expect("send");
    }

    /// A request and its answer.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let line =
                self.output.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no answer to {method}: {error}"));
            self.heard.push(line.clone());
            let answer: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("not the protocol: {error}: {line}"));
            assert_eq!(answer["jsonrpc"], "2.0", "{line}");
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// Calls a tool: its result.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(answer["error"].is_null(), "{tool}: {answer}");
        answer["result"].take()
    }

    /// Calls a tool that must do it: its structured content.
    pub(crate) fn does(&mut self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        assert!(result["content"][0]["text"].as_str().is_some_and(|text| !text.is_empty()), "{tool}: {result}");
        result["structuredContent"].take()
    }

    /// Calls a tool that must refuse: what it says.
    pub(crate) fn refuses(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        assert!(result["structuredContent"].is_null(), "{result}");
        result["content"][0]["text"].as_str().expect("a sentence").to_owned()
    }

    /// Closes its standard input and waits for its end: the exit code, what was left to hear, and its standard error.
    pub(crate) fn leave(mut self) -> (ExitStatus, Vec<String>, String) {
        drop(self.input.take());
        let status = until("the end of peanut mcp", || self.child.try_wait().expect("wait"));
        let rest = self.output.iter().collect();
        let mut err = String::new();
        let mut stream = self.child.stderr.take().expect("stderr");
        std::io::Read::read_to_string(&mut stream, &mut err).expect("stderr");
        (status, rest, err)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `peanut serve` on a free port of loopback.
pub(crate) struct Server {
    child: Child,
    pub(crate) base: String,
    log: Receiver<String>,
    pub(crate) logged: Vec<String>,
}

impl Server {
    pub(crate) fn start(home: &Home) -> Self {
        Self::on(home, "127.0.0.1:0")
    }

    pub(crate) fn on(home: &Home, address: &str) -> Self {
        let mut command = home.command(&["serve", "--listen", address]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start");
        let log = lines(child.stderr.take().expect("stderr"));
        let mut server = Self { child, base: String::new(), log, logged: Vec::new() };
        let listening = server.wait_for("listening");
        let addresses = listening["addresses"].as_str().expect("addresses");
        addresses.split(',').next().expect("an address").clone_into(&mut server.base);
        server
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_for(&mut self, event: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("never logged {event}: {error}; {:?}", self.logged));
            self.logged.push(line.clone());
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            if line["event"] == event {
                return line;
            }
        }
    }

    /// Ends it as a service manager does.
    pub(crate) fn stop(&mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        let status = until("the end of peanut serve", || self.child.try_wait().expect("wait"));
        assert_eq!(status.code(), Some(0));
        self.logged.extend(self.log.iter());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request to `/mcp`.
pub(crate) fn post(server: &Server, key: Option<&str>, method: &str, params: Value) -> reqwest::RequestBuilder {
    let request = client().post(format!("{}/mcp", server.base));
    let request = request.header("accept", "application/json, text/event-stream");
    let request = request.json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
    match key {
        Some(key) => request.header("x-api-key", key),
        None => request,
    }
}

/// A request to `/mcp` that must be answered.
pub(crate) async fn rpc(server: &Server, key: Option<&str>, method: &str, params: Value) -> Value {
    let response = post(server, key, method, params).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{method}");
    response.json().await.expect("JSON")
}

/// A client that waits as long as it takes.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().expect("client")
}
