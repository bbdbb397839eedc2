//! Real services for tests: starts them once for everything that runs under one `cargo test`, through
//! `tests/services/services`, which ends them with it. A test that cannot have them fails. Called by the test binaries.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Addresses of what runs.
pub(crate) struct Services {
    /// PostgreSQL 18, as its superuser.
    pub(crate) postgres: String,
    /// PostgreSQL 16, as its superuser.
    pub(crate) postgres16: String,
    /// Programs of PostgreSQL 18, for a private one.
    pub(crate) postgres_bin: PathBuf,
    /// FalkorDB: `redis://host:port`.
    pub(crate) falkordb: String,
    /// The server behind FalkorDB, for a private one.
    pub(crate) redis_server: PathBuf,
    /// Its graph module.
    pub(crate) falkordb_module: PathBuf,
}

impl Services {
    /// Host and port of the shared FalkorDB.
    pub(crate) fn falkordb_at(&self) -> (String, u16) {
        let address = self.falkordb.trim_start_matches("redis://");
        let (host, port) = address.rsplit_once(':').expect("redis://host:port");
        (host.to_owned(), port.parse().expect("port"))
    }
}

/// The services of this run; started on first use.
pub(crate) fn services() -> &'static Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        // Everything under one `cargo test` shares; alone, a test binary has its own.
        let parent = std::os::unix::process::parent_id();
        let name = std::fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
        let keeper = if name.trim().starts_with("cargo") { parent } else { std::process::id() };
        let output = Command::new(root.join("tests/services/services"))
            .arg("start")
            .arg(std::env::temp_dir().join(format!("peanut-services-{keeper}")))
            .arg(keeper.to_string())
            .stdin(Stdio::null())
            .output()
            .expect("run tests/services/services");
        assert!(
            output.status.success(),
            "the test services cannot be had: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("addresses");
        let started = |name: &str| {
            let line =
                text.lines().find_map(|line| line.strip_prefix("export ")?.strip_prefix(name)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("{name} in {text}")).to_owned()
        };
        let given = |name: &str| std::env::var(name).unwrap_or_else(|_| started(name));
        Services {
            postgres: given("PEANUT_TEST_POSTGRES_URL"),
            postgres16: given("PEANUT_TEST_POSTGRES16_URL"),
            postgres_bin: given("PEANUT_TEST_POSTGRES_BIN").into(),
            falkordb: given("PEANUT_TEST_FALKORDB_URL"),
            redis_server: given("PEANUT_TEST_REDIS_SERVER").into(),
            falkordb_module: given("PEANUT_TEST_FALKORDB_MODULE").into(),
        }
    })
}

/// A FalkorDB of one test alone: to be stopped, started again, and emptied.
pub(crate) struct OwnFalkor {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
    /// Its port, the same after a restart.
    pub(crate) port: u16,
}

impl OwnFalkor {
    /// Starts one; `arguments` go to the server (`--requirepass x`).
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut own = Self { folder, arguments, child: None, port: free_port() };
        own.start_again();
        own
    }

    /// Starts it again on the same port, without data.
    pub(crate) fn start_again(&mut self) {
        let services = services();
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&services.redis_server)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.arguments)
            .arg("--loadmodule")
            .arg(&services.falkordb_module)
            .args(["THREAD_COUNT", "2"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start FalkorDB");
        let mut output = BufReader::new(child.stdout.take().expect("output"));
        let mut told = String::new();
        while !told.contains("Ready to accept") {
            assert!(output.read_line(&mut told).expect("output") > 0, "FalkorDB did not start: {told}");
        }
        // It goes on telling; nobody needs it, but a closed pipe would end it.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        self.child = Some(child);
    }

    /// Ends it at once.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill FalkorDB");
            child.wait().expect("wait for FalkorDB");
        }
    }
}

impl Drop for OwnFalkor {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port nobody listens on.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address").port()
}
