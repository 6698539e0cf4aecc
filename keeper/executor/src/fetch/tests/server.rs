//! A web server that does what it is told, wrong things included.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) struct Server {
    address: std::net::SocketAddr,
    task: JoinHandle<()>,
}

pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) location: Option<String>,
    /// What the header says; without it, the body ends with the connection.
    pub(crate) length: Option<usize>,
    pub(crate) body: Vec<u8>,
    pub(crate) repeat: usize,
}

impl Answer {
    pub(crate) fn ok(body: &[u8]) -> Self {
        Self { status: "200 OK", location: None, length: Some(body.len()), body: body.to_vec(), repeat: 1 }
    }

    pub(crate) fn to(location: &str) -> Self {
        Self { status: "302 Found", location: Some(location.to_owned()), ..Self::ok(b"") }
    }
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Clone + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, answer.clone()));
            }
        });
        Self { address, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same server under another name.
    pub(crate) fn url_by_name(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> Answer) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let answer = answer(request.split(' ').nth(1).unwrap_or_default());
    let complete = answer.length.is_none_or(|length| length <= answer.body.len());
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", answer.status);
    if let Some(length) = answer.length {
        head += &format!("content-length: {length}\r\n");
    }
    if let Some(location) = answer.location {
        head += &format!("location: {location}\r\n");
    }
    if stream.write_all(format!("{head}\r\n").as_bytes()).await.is_err() {
        return;
    }
    for _ in 0..answer.repeat {
        if stream.write_all(&answer.body).await.is_err() {
            return;
        }
    }
    if !complete {
        // The rest never comes: wait until the client hangs up.
        let _ = stream.read_u8().await;
    }
}
