//! The sockets: TCP with or without TLS, and Unix-domain. Opened before anything is announced, drained together.

use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Address, Control, Handle, Server};
use thiserror::Error;
use tokio::net::{TcpSocket, UnixListener};
use tokio::task::JoinSet;

use crate::api::peer::Peer;
use crate::api::places::Places;

/// Connections the kernel keeps while we are busy.
const BACKLOG: u32 = 4096;
/// A connection's first request must have its whole head here within this.
const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Any further one must within this, and a connection that says nothing is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// An HTTP/2 connection that is silent for so long is asked for a sign of life, and closed without one.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests at once on one HTTP/2 connection.
const MOST_STREAMS: u32 = 64;
/// Longest head of a request.
const LARGEST_HEAD: u32 = 64 * 1024;

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, the leaf first.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// Why a socket was not opened; says what to do.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Which.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another process answers there.
    #[error("cannot listen on {address}: another process does; end it or choose another address with --listen")]
    Taken {
        /// Which.
        address: String,
    },
    /// Certificate or key cannot be used.
    #[error("cannot use certificate {} with key {}: {source}", .files.certificate.display(), .files.key.display())]
    Tls {
        /// Which.
        files: TlsFiles,
        /// Why.
        source: std::io::Error,
    },
}

/// Sockets that are open and served.
pub struct Listeners {
    control: Control,
    serving: JoinSet<std::io::Result<()>>,
    addresses: Vec<String>,
    socket_files: Vec<PathBuf>,
    places: Places,
}

impl Default for Listeners {
    fn default() -> Self {
        Self::with(Places::default())
    }
}

impl Listeners {
    /// None yet; all that are opened share these places.
    #[must_use]
    pub fn with(places: Places) -> Self {
        let (control, serving) = (Control::new(), JoinSet::new());
        Self { control, serving, addresses: Vec::new(), socket_files: Vec::new(), places }
    }

    /// Opens a TCP address and serves `router` on it. Returns the address in use (port 0 takes a free one).
    ///
    /// # Errors
    /// When the address is taken or not ours, or the certificate cannot be used.
    pub async fn tcp(
        &mut self,
        address: SocketAddr,
        tls: Option<&TlsFiles>,
        router: Router,
    ) -> Result<SocketAddr, ListenError> {
        let name = address.to_string();
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => ListenError::Taken { address: name.clone() },
            _ => ListenError::Bind { address: name.clone(), source },
        };
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(&failed)?;
        // A restart need not wait until the kernel forgets the old connections.
        socket.set_reuseaddr(true).map_err(&failed)?;
        socket.bind(address).map_err(&failed)?;
        let listener = socket.listen(BACKLOG).map_err(&failed)?;
        let own = listener.local_addr().map_err(&failed)?;
        let server = Server::<SocketAddr>::from_listener(listener);
        let service = router.into_make_service_with_connect_info::<Peer>();
        match tls {
            None => {
                let server = self.prepared(server.acceptor(self.places.clone()));
                self.serving.spawn(async move { server.serve(service).await });
                self.addresses.push(format!("http://{own}"));
            }
            Some(files) => {
                // The same provider as everywhere; installing it twice is no error worth a word.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let config = RustlsConfig::from_pem_file(&files.certificate, &files.key).await;
                let config = config.map_err(|source| ListenError::Tls { files: files.clone(), source })?;
                let server = self.prepared(server.acceptor(RustlsAcceptor::new(config).acceptor(self.places.clone())));
                self.serving.spawn(async move { server.serve(service).await });
                self.addresses.push(format!("https://{own}"));
            }
        }
        Ok(own)
    }

    /// Opens a socket file, readable and writable for owner and group, and serves `router` on it. A file left by a
    /// process that is gone is replaced.
    ///
    /// # Errors
    /// When another process answers there, something else has the name, or the folder does not let us.
    pub async fn unix(&mut self, path: &Path, router: Router) -> Result<(), ListenError> {
        let address = format!("unix:{}", path.display());
        let failed = |source: std::io::Error| ListenError::Bind { address: address.clone(), source };
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            if tokio::net::UnixStream::connect(path).await.is_ok() {
                return Err(ListenError::Taken { address });
            }
            std::fs::remove_file(path).map_err(&failed)?;
        }
        let listener = UnixListener::bind(path).map_err(&failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(&failed)?;
        let server = Server::<std::os::unix::net::SocketAddr>::from_listener(listener);
        let server = self.prepared(server.acceptor(self.places.clone()));
        let service = router.into_make_service_with_connect_info::<Peer>();
        self.serving.spawn(async move { server.serve(service).await });
        self.addresses.push(address);
        self.socket_files.push(path.to_owned());
        Ok(())
    }

    fn prepared<A: Address, T>(&self, mut server: Server<A, T>) -> Server<A, T> {
        server.http_builder().http1().header_read_timeout(HEAD_TIMEOUT);
        let mut second = server.http_builder().http2();
        second.keep_alive_interval(PING_AFTER).keep_alive_timeout(PING_TIMEOUT);
        second.max_concurrent_streams(MOST_STREAMS).max_header_list_size(LARGEST_HEAD);
        server
            .handle(Handle::with_control(self.control.clone()))
            .first_request_timeout(FIRST_HEAD_TIMEOUT)
            .accept_error_handler(|from, error| match error.kind() {
                // Said by the places, once.
                std::io::ErrorKind::QuotaExceeded => {}
                // What anybody may send is not worth a line each.
                _ if from.is_some() => tracing::debug!(%error, "connection_not_accepted"),
                _ => tracing::warn!(%error, "connection_not_accepted"),
            })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.control.connection_count()
    }

    /// Takes no new connection; open ones end with the answer they wait for, and all of them after `at_most`.
    pub fn drain(&self, at_most: Duration) {
        self.control.graceful_shutdown(Some(at_most));
    }

    /// Waits until every socket is closed; a socket that failed is told in the log.
    pub async fn closed(&mut self) {
        while let Some(ended) = self.serving.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "listener_failed"),
                Err(error) => tracing::error!(%error, "listener_failed"),
            }
        }
        for path in self.socket_files.drain(..) {
            let _ = std::fs::remove_file(path);
        }
    }
}
