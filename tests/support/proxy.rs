//! A TCP proxy that can be bad: between Peanut and a service, for tests of what happens then.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does with what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Lets everything through.
    Pass,
    /// Resets connections, new and old.
    Reset,
    /// Holds every answer back this long.
    Delay(Duration),
    /// Lets answers through a few bytes at a time.
    Trickle,
    /// Takes everything and answers nothing.
    Blackhole,
}

/// A running proxy; ends when dropped.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) port: u16,
    mode: watch::Sender<Mode>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// A proxy before `127.0.0.1:target` that lets everything through for now.
    pub(crate) async fn before(host: &str, target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let port = listener.local_addr().expect("address").port();
        let mode = watch::Sender::new(Mode::Pass);
        let (modes, host) = (mode.subscribe(), host.to_owned());
        let task = tokio::spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                passing.spawn(pass(client, host.clone(), target, modes.clone()));
            }
        });
        Self { port, mode, task }
    }

    /// From now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Closes so that the other side sees a reset, not an end.
fn reset(client: &TcpStream) {
    let _ = client.set_zero_linger();
}

async fn pass(client: TcpStream, host: String, target: u16, mut modes: watch::Receiver<Mode>) {
    if *modes.borrow() == Mode::Reset {
        return reset(&client);
    }
    let Ok(server) = TcpStream::connect((host.as_str(), target)).await else { return reset(&client) };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut question, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            changed = modes.changed() => {
                if changed.is_err() || *modes.borrow_and_update() == Mode::Reset {
                    break;
                }
            }
            read = from_client.read(&mut question) => {
                let Ok(read @ 1..) = read else { break };
                if *modes.borrow() != Mode::Blackhole && to_server.write_all(&question[..read]).await.is_err() {
                    break;
                }
            }
            read = from_server.read(&mut answer) => {
                let Ok(read @ 1..) = read else { break };
                let mode = *modes.borrow();
                if !answer_in(mode, &answer[..read], &mut to_client).await {
                    break;
                }
            }
        }
    }
    if let Ok(client) = from_client.reunite(to_client) {
        reset(&client);
    }
}

async fn answer_in(mode: Mode, bytes: &[u8], to_client: &mut tokio::net::tcp::OwnedWriteHalf) -> bool {
    match mode {
        Mode::Pass => to_client.write_all(bytes).await.is_ok(),
        Mode::Reset => false,
        Mode::Delay(time) => {
            tokio::time::sleep(time).await;
            to_client.write_all(bytes).await.is_ok()
        }
        Mode::Trickle => {
            for piece in bytes.chunks(7) {
                tokio::time::sleep(Duration::from_millis(2)).await;
                if to_client.write_all(piece).await.is_err() {
                    return false;
                }
            }
            true
        }
        Mode::Blackhole => true,
    }
}
