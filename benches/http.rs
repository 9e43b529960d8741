//! Durable ingest by HTTP: 32 clients, one event a request, each waiting for its answer. The client is a bare
//! socket that writes prepared bytes, so that the two cores go to the engine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::report::{figure, quantile};
use crate::world;

/// One kept-alive HTTP/1.1 connection.
pub struct Connection {
    reader: BufReader<TcpStream>,
    line: String,
}

impl Connection {
    pub fn open(addr: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            reader: BufReader::with_capacity(64 << 10, stream),
            line: String::new(),
        })
    }

    pub fn get(&mut self, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
        self.exchange(request.as_bytes())
    }

    pub fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        self.exchange(&request(path, content_type, body))
    }

    /// Sends prepared bytes and reads one answer.
    pub fn exchange(&mut self, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        self.reader.get_mut().write_all(request)?;
        self.next_line()?;
        let status = self
            .line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        let (mut length, mut chunked) = (0, false);
        loop {
            self.next_line()?;
            let line = self.line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            } else if line.starts_with("transfer-encoding:") {
                chunked = true;
            }
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                self.next_line()?;
                let size = usize::from_str_radix(self.line.trim(), 16).unwrap_or(0);
                let start = body.len();
                body.resize(start + size, 0);
                self.reader.read_exact(&mut body[start..])?;
                self.next_line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            body.resize(length, 0);
            self.reader.read_exact(&mut body)?;
        }
        Ok((status, body))
    }

    fn next_line(&mut self) -> std::io::Result<()> {
        self.line.clear();
        if self.reader.read_line(&mut self.line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// A whole POST as bytes.
pub fn request(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub fn run() {
    let engine = Engine::start(&["--durability", "synced"]);
    let (clients, seconds) = (32, 10);
    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds);
    let threads: Vec<_> = (0..clients)
        .map(|client| {
            let addr = engine.http.clone();
            std::thread::Builder::new()
                .stack_size(256 << 10)
                .spawn(move || {
                    let mut connection = Connection::open(&addr).unwrap();
                    let mut latencies = Vec::with_capacity(20_000);
                    let mut n = 0;
                    while Instant::now() < end {
                        let event = world::manifested(client, n);
                        n += 1;
                        let bytes = request("/v1/events", "application/cloudevents+json", event.as_bytes());
                        let sent = Instant::now();
                        let (status, body) = connection.exchange(&bytes).unwrap();
                        assert_eq!(status, 202, "{}", String::from_utf8_lossy(&body));
                        latencies.push(sent.elapsed().as_secs_f64() * 1e3);
                    }
                    latencies
                })
                .unwrap()
        })
        .collect();
    let mut latencies: Vec<f64> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    let rate = latencies.len() as f64 / begin.elapsed().as_secs_f64();
    let note = "32 clients, one event a request, fsync before the answer; clients on the same two cores";
    figure("http", "durable HTTP ingest", rate, "events/s", note);
    figure(
        "http",
        "durable HTTP ingest, latency p50",
        quantile(&mut latencies, 0.50),
        "ms",
        note,
    );
    figure(
        "http",
        "durable HTTP ingest, latency p99",
        quantile(&mut latencies, 0.99),
        "ms",
        note,
    );
}
