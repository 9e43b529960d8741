//! A line between client and server that can go deaf or be cut, as networks do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards a loopback port to another.
pub struct Proxy {
    pub port: u16,
    line: Arc<Line>,
    cut: watch::Sender<u64>,
}

struct Line {
    /// What the server says is thrown away.
    deaf: AtomicBool,
    /// Bytes of the client that still pass before the line is cut.
    left: AtomicU64,
}

impl Proxy {
    pub async fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Arc::new(Line {
            deaf: AtomicBool::new(false),
            left: AtomicU64::new(u64::MAX),
        });
        let (cut, _) = watch::channel(0);
        let proxy = Proxy {
            port: listener.local_addr().unwrap().port(),
            line: line.clone(),
            cut: cut.clone(),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(upward(from_client, to_server, line.clone(), cut.clone()));
                tokio::spawn(downward(from_server, to_client, line.clone(), cut.subscribe()));
            }
        });
        proxy
    }

    /// From now on the client hears nothing; or again everything, on new connections.
    pub fn deaf(&self, deaf: bool) {
        self.line.deaf.store(deaf, Ordering::SeqCst);
    }

    /// Ends all connections.
    pub fn cut(&self) {
        self.cut.send_modify(|n| *n += 1);
    }

    /// Ends all connections when the client has sent so many bytes more.
    pub fn cut_after(&self, bytes: u64) {
        self.line.left.store(bytes, Ordering::SeqCst);
    }
}

async fn upward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: Arc<Line>, cut: watch::Sender<u64>) {
    let mut ended = cut.subscribe();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = ended.changed() => 0,
        };
        if read == 0 {
            return;
        }
        let left = line.left.load(Ordering::SeqCst);
        let pass = (read as u64).min(left) as usize;
        if to.write_all(&buffer[..pass]).await.is_err() {
            return;
        }
        if left != u64::MAX {
            line.left.store(left - pass as u64, Ordering::SeqCst);
        }
        if pass < read {
            line.left.store(u64::MAX, Ordering::SeqCst);
            cut.send_modify(|n| *n += 1);
        }
    }
}

async fn downward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    line: Arc<Line>,
    mut ended: watch::Receiver<u64>,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            _ = ended.changed() => 0,
        };
        if read == 0 {
            return;
        }
        if line.deaf.load(Ordering::SeqCst) {
            continue;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
