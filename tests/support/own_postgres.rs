//! A PostgreSQL of one test alone: to be stopped, started again, copied to a standby, or to lack something.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::services::{free_port, services};

/// The system user the servers run as when the tests are run by root, who may not run PostgreSQL.
const USER: &str = "peanut-test";

/// A server with its data.
pub(crate) struct OwnPostgres {
    folder: tempfile::TempDir,
    /// Folder of the programs.
    bin: PathBuf,
    child: Option<Child>,
    /// Its port, the same after a restart.
    pub(crate) port: u16,
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("run");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A program of the server's, as a user who may run it, ended when the test ends.
fn program(bin: &Path, name: &str) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
    }
    command.args(["--pdeathsig", "KILL", "--"]).arg(bin.join(name)).env("LC_ALL", "C.UTF-8").current_dir("/");
    command
}

fn own_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    if is_root() {
        run(Command::new("chown").arg(format!("{USER}:")).arg(folder.path()));
    }
    folder
}

impl OwnPostgres {
    /// An empty one with pgvector.
    pub(crate) fn start() -> Self {
        Self::with_programs(services().postgres_bin.clone())
    }

    /// An empty one whose installation lacks pgvector: a copy of the programs without it, below `place`.
    pub(crate) fn without_pgvector(place: &Path) -> Self {
        let installed = services().postgres_bin.parent().expect("an installation").to_owned();
        // Libraries of the wheel lie two folders up, beside the installation's own folder.
        let (package, root) = (installed.parent().expect("package"), place.join("package"));
        std::fs::create_dir_all(&root).expect("folder");
        let libraries = package.with_extension("libs");
        run(Command::new("cp").arg("-r").arg(&installed).arg(&root));
        if libraries.is_dir() {
            run(Command::new("cp").arg("-r").arg(&libraries).arg(place.join("package.libs")));
            let named = libraries.file_name().expect("name");
            run(Command::new("cp").arg("-r").arg(&libraries).arg(place.join(named)));
        }
        let copy = root.join(installed.file_name().expect("name"));
        std::fs::remove_file(copy.join("share/postgresql/extension/vector.control")).expect("pgvector was there");
        run(Command::new("chmod").args(["-R", "a+rX"]).arg(place));
        Self::with_programs(copy.join("bin"))
    }

    fn with_programs(bin: PathBuf) -> Self {
        let own = Self { folder: own_folder(), bin, child: None, port: free_port() };
        run(program(&own.bin, "initdb").arg("-D").arg(own.data()).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]));
        own.started()
    }

    /// A standby that follows this one from now on.
    pub(crate) fn standby(&self) -> Self {
        let other = Self { folder: own_folder(), bin: self.bin.clone(), child: None, port: free_port() };
        run(program(&self.bin, "pg_basebackup")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-R", "--checkpoint=fast", "-D"])
            .arg(other.data()));
        other.started()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn started(mut self) -> Self {
        self.start_again();
        self
    }

    /// Starts it again on the same port, with its data.
    pub(crate) fn start_again(&mut self) {
        let mut child = program(&self.bin, "postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-k"])
            .arg(self.folder.path())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "dynamic_shared_memory_type=mmap"])
            .args(["-c", "hot_standby=on", "-c", "max_connections=60"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start PostgreSQL");
        let mut output = BufReader::new(child.stderr.take().expect("output"));
        let mut told = String::new();
        while !told.contains("ready to accept") {
            assert!(output.read_line(&mut told).expect("output") > 0, "PostgreSQL did not start: {told}");
        }
        // It goes on telling; nobody needs it, but a closed pipe would end it.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        self.child = Some(child);
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            run(program(&self.bin, "pg_ctl").args(["stop", "-m", "immediate", "-s", "-D"]).arg(self.data()));
            child.wait().expect("wait for PostgreSQL");
        }
    }

    /// Address of a database, as its superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ =
                program(&self.bin, "pg_ctl").args(["stop", "-m", "immediate", "-s", "-D"]).arg(self.data()).output();
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
