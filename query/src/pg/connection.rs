//! One client's connection, from its first byte to its last: messages read one by one, none larger than a bound, and no more statements
//! and portals kept than a client has use for. The library's own loop takes messages of a gigabyte, from whoever connects.

use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, PgWireServerHandlers};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::extendedquery::TARGET_TYPE_BYTE_STATEMENT;
use pgwire::messages::response::TransactionStatus;
use pgwire::tokio::server::{negotiate_tls, process_error, process_message};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::{Framed, FramedParts};

/// Time a client has to log in.
const LOGIN: Duration = Duration::from_secs(60);
/// Named statements that a client may keep prepared.
const STATEMENTS: usize = 1_000;
/// Portals that a client may keep open.
const PORTALS: usize = 64;

/// Serves a client until it leaves. A message may have `most` bytes.
pub(super) async fn serve<H: PgWireServerHandlers>(
    socket: TcpStream,
    handlers: H,
    most: usize,
) -> io::Result<()> {
    let login = Instant::now() + LOGIN;
    let Ok(socket) = timeout_at(login, negotiate_tls(socket, None)).await else {
        return Ok(());
    };
    let Some(socket) = socket? else {
        return Ok(());
    };
    let parts = socket.into_parts();
    let mut metered = FramedParts::new(Metered::new(parts.io, most), parts.codec);
    (metered.read_buf, metered.write_buf) = (parts.read_buf, parts.write_buf);
    let mut socket = Framed::from_parts(metered);

    let startup = handlers.startup_handler();
    let simple = handlers.simple_query_handler();
    let extended = handlers.extended_query_handler();
    let copy = handlers.copy_handler();
    let cancel = handlers.cancel_handler();
    let mut kept = Kept::default();
    loop {
        socket.get_mut().read = 0;
        let is_in = !matches!(
            socket.state(),
            PgWireConnectionState::AwaitingStartup | PgWireConnectionState::AuthenticationInProgress
        );
        let message = if is_in {
            socket.next().await
        } else {
            timeout_at(login, socket.next()).await.unwrap_or(None)
        };
        let message = match message {
            None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return Ok(()),
            Some(Ok(message)) => message,
            Some(Err(error)) if socket.get_ref().is_over() => {
                tracing::debug!(%error, "PostgreSQL message too large");
                let error = refusal(
                    "54000",
                    format!("a message has more than {most} bytes; ask in parts"),
                );
                return process_error(&mut socket, error, false).await;
            }
            Some(Err(error)) => return Err(io::Error::other(error)),
        };
        let is_extended = message.is_extended_query();
        let is_sync = matches!(message, PgWireFrontendMessage::Sync(_));
        let ended = match kept.admit(&message) {
            Ok(()) => {
                let all = (
                    startup.clone(),
                    simple.clone(),
                    extended.clone(),
                    copy.clone(),
                    cancel.clone(),
                );
                process_message(message, &mut socket, all.0, all.1, all.2, all.3, all.4).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            process_error(&mut socket, error, is_extended).await?;
        }
        // Outside a transaction portals live until the next sync, and in one until its end.
        let in_transaction = matches!(socket.transaction_status(), TransactionStatus::Transaction);
        if is_sync && !in_transaction {
            socket.portal_store().clear_portals();
            kept.portals.clear();
        }
    }
}

fn refusal(code: &str, message: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".into(), code.into(), message)))
}

/// Names a client has given to what the engine keeps for it.
#[derive(Default)]
struct Kept {
    statements: HashSet<String>,
    portals: HashSet<String>,
}

impl Kept {
    fn admit(&mut self, message: &PgWireFrontendMessage) -> Result<(), PgWireError> {
        let (names, name, most, what) = match message {
            PgWireFrontendMessage::Parse(parse) => (
                &mut self.statements,
                &parse.name,
                STATEMENTS,
                "prepared statements",
            ),
            PgWireFrontendMessage::Bind(bind) => (&mut self.portals, &bind.portal_name, PORTALS, "portals"),
            PgWireFrontendMessage::Close(close) => {
                let names = if close.target_type == TARGET_TYPE_BYTE_STATEMENT {
                    &mut self.statements
                } else {
                    &mut self.portals
                };
                names.remove(close.name.as_deref().unwrap_or(DEFAULT_NAME));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let name = name.as_deref().unwrap_or(DEFAULT_NAME);
        if names.len() >= most && !names.contains(name) {
            return Err(refusal(
                "53400",
                format!("{most} {what} are open on this connection already; close some"),
            ));
        }
        names.insert(name.to_owned());
        Ok(())
    }
}

/// A socket that breaks off when one message has too many bytes.
struct Metered<S> {
    socket: S,
    /// Bytes read since the last whole message.
    read: usize,
    most: usize,
}

impl<S> Metered<S> {
    fn new(socket: S, most: usize) -> Metered<S> {
        Metered {
            socket,
            read: 0,
            most,
        }
    }

    fn is_over(&self) -> bool {
        self.read > self.most
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        self.read += buffer.filled().len() - before;
        if self.is_over() {
            return Poll::Ready(Err(io::Error::other("the message is too large")));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
