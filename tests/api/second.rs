//! HTTP/2: whose host a request names is asked as strictly as over HTTP/1.1, and one connection has its bounds.

use axum::http::{HeaderValue, Request, header};
use h2::client::SendRequest;
use tokio::net::TcpStream;

use crate::harness::Served;

/// A connection that speaks HTTP/2 from its first byte.
async fn connect(host: &str) -> SendRequest<axum::body::Bytes> {
    let stream = TcpStream::connect(host).await.expect("connect");
    let (client, connection) = h2::client::handshake(stream).await.expect("handshake");
    tokio::spawn(async move { drop(connection.await) });
    client.ready().await.expect("settings")
}

/// The status of an answer; `authority` is what `:authority` says, `lines` the headers.
async fn asked(host: &str, authority: &str, lines: &[(header::HeaderName, &str)]) -> u16 {
    let mut request = Request::get(format!("http://{authority}/documents")).body(()).expect("a request");
    for (name, value) in lines {
        request.headers_mut().append(name, HeaderValue::from_str(value).expect("a value"));
    }
    let (answer, _) = connect(host).await.send_request(request, true).expect("send");
    answer.await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_other_hosts_are_refused() {
    let served = Served::start().await;
    let host = served.base.trim_start_matches("http://").to_owned();
    let port = host.rsplit(':').next().expect("a port").to_owned();
    for own in [host.clone(), format!("localhost:{port}"), "localhost".into(), format!("[::1]:{port}")] {
        assert_eq!(asked(&host, &own, &[]).await, 200, "{own}");
        assert_eq!(asked(&host, &own, &[(header::HOST, &own)]).await, 200, "{own}");
        assert_eq!(asked(&host, &own, &[(header::HOST, "evil.example")]).await, 403, "{own}");
        assert_eq!(asked(&host, &own, &[(header::HOST, &own), (header::HOST, "evil.example")]).await, 403, "{own}");
        assert_eq!(asked(&host, &own, &[(header::ORIGIN, "http://evil.example")]).await, 403, "{own}");
        let through = header::HeaderName::from_static("x-forwarded-for");
        assert_eq!(asked(&host, &own, &[(through, "203.0.113.9")]).await, 401, "{own}");
    }
    for other in ["evil.example".to_owned(), format!("evil.example:{port}"), "127.0.0.1.evil.example".into()] {
        assert_eq!(asked(&host, &other, &[]).await, 403, "{other}");
        assert_eq!(asked(&host, &other, &[(header::HOST, "localhost")]).await, 403, "{other}");
    }
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_has_so_many_requests_at_once() {
    let served = Served::start().await;
    let host = served.base.trim_start_matches("http://");
    let mut client = connect(host).await;
    // With the first answer come the server's settings.
    let request = Request::get(format!("http://{host}/livez")).body(()).expect("a request");
    let (answer, _) = client.send_request(request, true).expect("send");
    assert_eq!(answer.await.expect("an answer").status(), 200);
    assert_eq!(client.current_max_send_streams(), 64);
    served.stop().await;
}
