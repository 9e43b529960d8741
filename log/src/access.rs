//! How a server lets us in: addresses, logins, TLS, and what to do when it does not. It opens no connection.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions, ServerAddr};

use crate::connection::chain;
use crate::{Error, LogConfig};

/// How to prove who we are.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Not at all, or by the login that the address holds.
    #[default]
    None,
    /// A token.
    Token(String),
    /// A name and a password.
    User {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// A `.creds` file with a JWT and its seed.
    File(PathBuf),
}

impl Credentials {
    fn described(&self) -> &'static str {
        match self {
            Credentials::None => "nothing",
            Credentials::Token(_) => "token",
            Credentials::User { .. } => "name and password",
            Credentials::File(_) => "credentials file",
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credentials::None => "None",
            Credentials::Token(_) => "Token(..)",
            Credentials::User { .. } => "User(..)",
            Credentials::File(_) => "File(..)",
        })
    }
}

/// TLS of the connection. An address with `tls://` requires it too.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Refuse a server without TLS.
    pub required: bool,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// PEM files of our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// The way in: where to knock, and what to say there.
pub(crate) struct Access {
    /// Without logins.
    pub addresses: Vec<ServerAddr>,
    credentials: Credentials,
    tls: Tls,
}

impl Access {
    pub fn of(config: &LogConfig) -> Result<Access, Error> {
        let (addresses, login) = addresses(&config.url)?;
        let credentials = match (login, &config.credentials) {
            (Credentials::None, configured) => configured.clone(),
            (login, Credentials::None) => login,
            (login, configured) => {
                return Err(Error::Config(format!(
                    "the address of nats holds a {} and a {} is configured beside it; keep one of them",
                    login.described(),
                    configured.described()
                )));
            }
        };
        let mut tls = config.tls.clone();
        // Else servers that the first one names would be joined without it.
        tls.required |= addresses.iter().any(ServerAddr::tls_required);
        Ok(Access {
            addresses,
            credentials,
            tls,
        })
    }

    /// Puts the login and TLS into `options`; reads the files they name.
    pub async fn apply(&self, options: ConnectOptions) -> Result<ConnectOptions, Error> {
        let mut options = match &self.credentials {
            Credentials::None => options,
            Credentials::Token(token) => options.token(token.clone()),
            Credentials::User { name, password } => options.user_and_password(name.clone(), password.clone()),
            Credentials::File(path) => options
                .credentials_file(path)
                .await
                .map_err(Error::io("read", path))?,
        };
        options = options.require_tls(self.tls.required);
        if let Some(ca) = &self.tls.ca {
            holds(
                ca,
                "CERTIFICATE-----",
                "no certificate",
                "nats.ca is the PEM file of an authority's certificates",
            )
            .await?;
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &self.tls.identity {
            holds(
                certificate,
                "CERTIFICATE-----",
                "no certificate",
                "nats.certificate is the PEM file of our certificate",
            )
            .await?;
            holds(
                key,
                "PRIVATE KEY-----",
                "no private key",
                "nats.key is the PEM file of the key of nats.certificate",
            )
            .await?;
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(options)
    }

    /// What to do about a refused connection.
    pub fn remedy(&self, error: &ConnectError) -> String {
        let text = chain(error);
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let remedy = match error.kind() {
            ConnectErrorKind::AuthorizationViolation => return self.login_remedy(),
            ConnectErrorKind::Dns => "this name is not known here; check the address",
            ConnectErrorKind::TimedOut => {
                "what takes the connection there is no nats-server, or one that wants TLS before its greeting (handshake_first), which eddy \
                 does not do; check the port, which is 4222 as a rule"
            }
            _ if says(&["UnknownIssuer", "BadSignature"]) => {
                "the server's certificate is of an authority that is not trusted here; set nats.ca to the PEM file of that authority"
            }
            _ if says(&["not valid for name", "NotValidForName"]) => {
                "the server's certificate is for another name; use in the address a name that it holds"
            }
            _ if says(&["certificate expired", "Expired", "NotValidYet"]) => {
                "the server's certificate is not valid at this time; renew it, or set this machine's clock"
            }
            _ if says(&["CertificateRequired"]) => {
                "the server wants a certificate of ours; set nats.certificate and nats.key"
            }
            _ if self.tls.identity.is_none() && says(&["BadCertificate", "HandshakeFailure"]) => {
                "the server wants a certificate of ours; set nats.certificate and nats.key"
            }
            _ if says(&[
                "BadCertificate",
                "UnknownCA",
                "DecryptError",
                "CertificateUnknown",
                "CertificateExpired",
            ]) =>
            {
                "the server does not take our certificate; nats.certificate must be of an authority that it trusts"
            }
            _ if self.tls.required && says(&["InvalidContentType", "InvalidMessage"]) => {
                "the server speaks no TLS here; switch it on there, or connect with nats:// and without nats.ca and nats.certificate"
            }
            _ if says(&["expected INFO", "invalid", "parser"]) => {
                "what listens there is no nats-server; check the port, which is 4222 as a rule"
            }
            _ if refused(error) => "nothing listens there; start the server, or check the address",
            _ => "check the address, the credentials and the TLS settings",
        };
        remedy.to_owned()
    }

    fn login_remedy(&self) -> String {
        match &self.credentials {
            Credentials::None => {
                "the server wants a login; put name:password@ or token@ before the host, or set nats.token or nats.credentials".into()
            }
            Credentials::Token(_) => {
                "the server does not take this token; check nats.token, or the token in the address".into()
            }
            Credentials::User { .. } => "the server does not take this name and password; check them".into(),
            Credentials::File(path) => format!(
                "the server does not take the credentials file {}: its account or user is not known there, revoked or expired; \
                 ask the operator for a new one",
                path.display()
            ),
        }
    }
}

fn refused(error: &ConnectError) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
        {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// A file that is read here only to say in good words what is wrong with it.
async fn holds(path: &Path, mark: &str, lacks: &str, meaning: &str) -> Result<(), Error> {
    let content = tokio::fs::read(path).await.map_err(Error::io("read", path))?;
    if String::from_utf8_lossy(&content).contains(mark) {
        return Ok(());
    }
    Err(Error::Config(format!(
        "{} holds {lacks}; {meaning}",
        path.display()
    )))
}

/// Addresses with commas between them, without logins, and the first login among them.
fn addresses(url: &str) -> Result<(Vec<ServerAddr>, Credentials), Error> {
    let wrong = |reason: String| {
        Error::Config(format!(
            "`{}` is not the address of a nats-server ({reason}); write nats://host:4222 or tls://host:4222, several with commas between them",
            redacted(url)
        ))
    };
    let mut addresses = Vec::new();
    let mut login = Credentials::None;
    for one in url.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        let address: ServerAddr = one
            .parse()
            .map_err(|error: std::io::Error| wrong(error.to_string()))?;
        if matches!(login, Credentials::None)
            && let Some(name) = address.username()
        {
            login = match address.password() {
                Some(password) => Credentials::User {
                    name: decoded(name),
                    password: decoded(password),
                },
                None => Credentials::Token(decoded(name)),
            };
        }
        let mut bare = address.into_inner();
        if bare.host_str().is_none_or(str::is_empty)
            || bare.set_username("").is_err()
            || bare.set_password(None).is_err()
        {
            return Err(wrong("it names no host".into()));
        }
        addresses.push(ServerAddr::from_url(bare).map_err(|error| wrong(error.to_string()))?);
    }
    if addresses.is_empty() {
        return Err(wrong("it is empty".into()));
    }
    Ok((addresses, login))
}

/// `%40` and the like, with which an address writes what would end its login.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// A URL without the name and password it may carry.
pub(crate) fn redacted(url: &str) -> String {
    url.split(',')
        .map(|one| match (one.split_once("://"), one.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_string(),
            _ => one.to_string(),
        })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_url_are_not_repeated() {
        assert_eq!(
            redacted("nats://user:secret@host:4222,tls://b@c:1"),
            "nats://host:4222,tls://c:1"
        );
        assert_eq!(redacted("nats://host:4222"), "nats://host:4222");
    }

    #[test]
    fn a_login_is_taken_out_of_the_address() {
        let (all, login) = addresses("nats://a%40b:p%3Aq@one:1, two ,tls://three").unwrap();
        let all: Vec<_> = all.iter().map(ServerAddr::as_url_str).collect();
        assert_eq!(all, ["nats://one:1", "nats://two", "tls://three"]);
        assert!(matches!(login, Credentials::User { name, password } if name == "a@b" && password == "p:q"));
        let (_, login) = addresses("nats://t0ken@one").unwrap();
        assert!(matches!(login, Credentials::Token(token) if token == "t0ken"));
    }

    #[test]
    fn a_percent_sign_that_is_no_code_stays() {
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("a%zz%41"), "a%zzA");
    }
}
