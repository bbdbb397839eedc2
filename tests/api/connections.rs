//! Connections that say nothing: bounded for each address, and closed when their time is up.

use std::io::Read as _;
use std::net::TcpStream;
use std::time::Instant;

use peanut::api::places::MOST_OF_ONE;
use tokio::net::TcpSocket;

use crate::harness::PATIENCE;
use crate::process::{Process, plain};

/// Whether a request from another address of this host is answered.
async fn is_answered_elsewhere(host: &str) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let socket = TcpSocket::new_v4().expect("socket");
    socket.bind("127.0.0.2:0".parse().expect("address")).expect("bind");
    let mut stream = socket.connect(host.parse().expect("address")).await.expect("connect");
    let request = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    answer.starts_with("HTTP/1.1 200")
}

#[tokio::test]
async fn one_address_takes_its_part_and_silence_takes_no_place_for_long() {
    let folder = tempfile::tempdir().expect("folder");
    let process = Process::on_loopback(folder.path());
    let host = process.host().to_owned();
    let mut silent: Vec<TcpStream> = (0..MOST_OF_ONE).map(|_| TcpStream::connect(&host).expect("connect")).collect();
    // One more is closed without a word, while somebody else is served.
    let mut surplus = TcpStream::connect(&host).expect("connect");
    surplus.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let closed = surplus.read(&mut [0; 16]);
    assert!(!matches!(closed, Ok(1..)), "{closed:?}");
    assert!(is_answered_elsewhere(&host).await);
    // Who says nothing is shown out, and then there is room.
    let began = Instant::now();
    for stream in &mut silent {
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(began.elapsed() < PATIENCE, "they stay");
    }
    assert!(plain(&host, "/livez").starts_with("HTTP/1.1 200"));
    process.signal("TERM");
    assert_eq!(process.ends().code(), Some(0));
}
