//! The PostgreSQL wire: `psql`, drivers and BI tools ask the same engine as everyone else.
//!
//! Statements run one by one on the newest snapshot each; transactions are accepted and mean nothing more. There is no TLS here: on
//! another address than loopback a password is required, and a proxy should add encryption.

mod connection;
mod handler;
mod session;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pgwire::api::ConnectionManager;
use pgwire::api::auth::noop::NoopStartupHandler;
use pgwire::api::auth::sasl::SASLAuthStartupHandler;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth, gen_salted_password};
use pgwire::api::auth::{AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler};
use pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::{ClientInfo, PgWireConnectionState, PgWireServerHandlers};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::sql::QueryEngine;
use handler::Handler;

/// Connections at once; a client beyond them is sent away.
const CONNECTIONS: usize = 256;

/// Who may connect.
#[derive(Clone, Default)]
pub struct Auth {
    /// With a password, every user must give it (SCRAM-SHA-256); without one, everyone on this machine may ask.
    pub password: Option<String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("password", &self.password.as_ref().map(|_| "..."))
            .finish()
    }
}

/// Why the front end cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Open to the network without a password.
    #[error(
        "the PostgreSQL port would listen on {0}, which other machines reach, without a password; set a password or use a loopback address"
    )]
    Unprotected(SocketAddr),
    /// Someone else has the port.
    #[error("the PostgreSQL port {0} is in use by another program; stop it or choose another port")]
    InUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen for PostgreSQL clients on {addr}: {source}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A bound port, not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    addr: SocketAddr,
    auth: Auth,
}

/// Binds the port; clients connect from now on and wait until it is served.
pub async fn listen(addr: SocketAddr, auth: Auth) -> Result<Listener, Error> {
    if auth.password.is_none() && !addr.ip().is_loopback() {
        return Err(Error::Unprotected(addr));
    }
    let socket = TcpListener::bind(addr)
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => Error::InUse(addr),
            _ => Error::Listen { addr, source },
        })?;
    let addr = socket
        .local_addr()
        .map_err(|source| Error::Listen { addr, source })?;
    Ok(Listener { socket, addr, auth })
}

/// Binds and serves until `shutdown`.
pub async fn serve(
    engine: QueryEngine,
    addr: SocketAddr,
    auth: Auth,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    listen(addr, auth).await?.serve(engine, shutdown).await;
    Ok(())
}

impl Listener {
    /// The address bound, with the port the system chose where 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves clients until `shutdown`; then breaks their connections off, which stops their queries.
    pub async fn serve(self, engine: QueryEngine, shutdown: CancellationToken) {
        let connections = Arc::new(ConnectionManager::new());
        // Room for a text whose every letter is escaped, and for parameters.
        let most = 4 * engine.limits().sql_bytes + (2 << 20);
        let handler = Arc::new(Handler::new(engine));
        let login = Login::new(&self.auth);
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            let (socket, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: waiting lets some be closed.
                    tracing::warn!(%error, "a PostgreSQL client could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(%peer, "PostgreSQL client sent away: {CONNECTIONS} are connected");
                continue;
            };
            let factory = Factory {
                handler: Arc::clone(&handler),
                login: login.clone(),
                connections: Arc::clone(&connections),
            };
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                let _place = place;
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    ended = connection::serve(socket, Arc::new(factory.connection()), most) => {
                        if let Err(error) = ended {
                            tracing::debug!(%peer, %error, "PostgreSQL connection ended");
                        }
                    }
                }
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// The one password, salted once for the life of the process.
#[derive(Clone)]
struct Login {
    salted: Option<Arc<Salted>>,
}

struct Salted {
    salt: Vec<u8>,
    password: Vec<u8>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("required", &self.salted.is_some())
            .finish()
    }
}

impl Login {
    fn new(auth: &Auth) -> Login {
        let salted = auth.password.as_ref().map(|password| {
            let salt: [u8; 16] = rand::random();
            let password = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
            Arc::new(Salted {
                salt: salt.to_vec(),
                password,
            })
        });
        Login { salted }
    }
}

#[async_trait::async_trait]
impl AuthSource for Login {
    #[allow(
        elided_lifetimes_in_paths,
        reason = "the trait elides it, and an explicit one does not match"
    )]
    async fn get_password(&self, _login: &LoginInfo) -> PgWireResult<Password> {
        match &self.salted {
            Some(salted) => Ok(Password::new(Some(salted.salt.clone()), salted.password.clone())),
            None => Err(PgWireError::InvalidPassword("no password is set".into())),
        }
    }
}

struct Factory {
    handler: Arc<Handler>,
    login: Login,
    connections: Arc<ConnectionManager>,
}

impl Factory {
    /// Logging in has state, so each connection has its own.
    fn connection(self) -> Connection {
        let startup = if self.login.salted.is_some() {
            let scram = ScramAuth::new(Arc::new(self.login));
            let handler = SASLAuthStartupHandler::new(Arc::new(parameters()))
                .with_scram(scram)
                .with_connection_manager(Arc::clone(&self.connections));
            Startup::Scram(handler)
        } else {
            Startup::Open(Open {
                connections: Arc::clone(&self.connections),
            })
        };
        Connection {
            handler: self.handler,
            startup: Arc::new(startup),
            cancel: Arc::new(DefaultCancelHandler::new(self.connections)),
        }
    }
}

fn parameters() -> DefaultServerParameterProvider {
    let mut parameters = DefaultServerParameterProvider::default();
    parameters.server_version = session::SERVER_VERSION.to_owned();
    parameters.is_superuser = false;
    parameters.default_transaction_read_only = true;
    parameters.time_zone = "UTC".to_owned();
    parameters
}

struct Connection {
    handler: Arc<Handler>,
    startup: Arc<Startup>,
    cancel: Arc<DefaultCancelHandler>,
}

impl PgWireServerHandlers for Connection {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.handler)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.handler)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.startup)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.cancel)
    }
}

enum Startup {
    Scram(SASLAuthStartupHandler<DefaultServerParameterProvider>),
    Open(Open),
}

struct Open {
    connections: Arc<ConnectionManager>,
}

#[async_trait::async_trait]
impl NoopStartupHandler for Open {
    fn connection_manager(&self) -> Option<Arc<ConnectionManager>> {
        Some(Arc::clone(&self.connections))
    }
}

#[async_trait::async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + futures::Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: std::fmt::Debug,
        PgWireError: From<<C as futures::Sink<PgWireBackendMessage>>::Error>,
    {
        match self {
            Startup::Scram(handler) => {
                if matches!(message, PgWireFrontendMessage::Startup(_)) {
                    client.set_state(PgWireConnectionState::AuthenticationInProgress);
                }
                handler.on_startup(client, message).await
            }
            Startup::Open(handler) => handler.on_startup(client, message).await,
        }
    }
}
