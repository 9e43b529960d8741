//! Servers of an operator's: every way to prove who we are, and what is said when it does not work.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eddy_log::{Credentials, Error, Log, LogConfig, Metrics, Tls};
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::external::{External, JETSTREAM, write};
use crate::harness::lines;
use crate::operator::Operator;
use crate::ports::free_port;

async fn open(config: LogConfig) -> Result<Log, Error> {
    Log::connect(config, Metrics::unregistered()).await
}

/// Connects and appends.
async fn works(config: LogConfig) {
    let log = open(config).await.unwrap_or_else(|error| panic!("{error}"));
    log.appender(0).unwrap().append(lines(0..1)).await.unwrap();
    log.reader(0, 0).unwrap().next_chunk(1).await.unwrap();
}

/// Fails to connect, and says all of these words.
async fn refused(config: LogConfig, words: &[&str]) {
    let error = open(config).await.err().expect("it is refused").to_string();
    println!("{error}");
    for word in words {
        assert!(error.contains(word), "no `{word}` in: {error}");
    }
    for secret in ["s3cret", "s%40cret", "s@cret"] {
        assert!(!error.contains(secret), "{error}");
    }
}

fn with(url: String, credentials: Credentials) -> LogConfig {
    LogConfig {
        credentials,
        ..LogConfig::new(url)
    }
}

fn user(name: &str, password: &str) -> Credentials {
    Credentials::User {
        name: name.into(),
        password: password.into(),
    }
}

#[tokio::test]
async fn a_name_and_password_open_the_log_in_the_address_or_beside_it() {
    let server = External::start(&format!(
        "{JETSTREAM}\nauthorization {{ user: eddy, password: \"s@cret\" }}"
    ))
    .await;
    works(LogConfig::new(server.url_of("eddy:s%40cret"))).await;
    works(with(server.url(), user("eddy", "s@cret"))).await;
    refused(
        LogConfig::new(server.url_of("eddy:wrong-s3cret")),
        &["authorization", "name and password", "check"],
    )
    .await;
    refused(
        LogConfig::new(server.url()),
        &["wants a login", "nats.credentials"],
    )
    .await;
    refused(
        with(
            server.url_of("eddy:s%40cret"),
            Credentials::Token("s3cret".into()),
        ),
        &["keep one"],
    )
    .await;
}

#[tokio::test]
async fn a_token_opens_the_log_in_the_address_or_beside_it() {
    let server = External::start(&format!("{JETSTREAM}\nauthorization {{ token: \"s3cret\" }}")).await;
    works(LogConfig::new(server.url_of("s3cret"))).await;
    works(with(server.url(), Credentials::Token("s3cret".into()))).await;
    refused(
        with(server.url(), Credentials::Token("wrong-s3cret".into())),
        &["authorization", "token", "nats.token"],
    )
    .await;
}

#[tokio::test]
async fn credentials_of_an_operator_open_the_log() {
    let operator = Operator::new();
    let server = External::start(&operator.settings()).await;
    let file = operator.credentials(server.folder.path());
    works(with(server.url(), Credentials::File(file))).await;
}

#[tokio::test]
async fn credentials_that_do_not_fit_are_told_with_their_file() {
    let operator = Operator::new();
    let server = External::start(&operator.settings()).await;
    let elsewhere = TempDir::new().unwrap();
    let other = Operator::new().credentials(elsewhere.path());
    let of = |file: &PathBuf| with(server.url(), Credentials::File(file.clone()));
    refused(of(&other), &["authorization", "credentials file", "account"]).await;
    let missing = elsewhere.path().join("missing.creds");
    refused(of(&missing), &["missing.creds", "read"]).await;
    let damaged = write(elsewhere.path(), "damaged.creds", "nothing of a JWT");
    refused(of(&damaged), &["damaged.creds", "JWT"]).await;
}

/// A server with TLS, its authority, and the folder that holds their files.
async fn with_tls(more: &str) -> (External, Authority, PathBuf) {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new();
    let ca = authority.write(folder.path());
    authority.issue(folder.path(), "server", "127.0.0.1");
    let settings = format!(
        "{JETSTREAM}\ntls {{ cert_file: \"{{dir}}/server.pem\", key_file: \"{{dir}}/server.key\"{more} }}"
    );
    (External::start_in(folder, &settings).await, authority, ca)
}

fn trusting(url: String, ca: &std::path::Path) -> LogConfig {
    LogConfig {
        tls: Tls {
            required: true,
            ca: Some(ca.into()),
            identity: None,
        },
        ..LogConfig::new(url)
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_named() {
    let (server, _, ca) = with_tls("").await;
    works(trusting(server.url(), &ca)).await;
    works(trusting(server.url().replace("nats:", "tls:"), &ca)).await;
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_refused_with_the_remedy() {
    let (server, _, _) = with_tls("").await;
    refused(LogConfig::new(server.url()), &["UnknownIssuer", "nats.ca"]).await;
    let folder = TempDir::new().unwrap();
    let other = Authority::new().write(folder.path());
    refused(trusting(server.url(), &other), &["nats.ca"]).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_the_remedy() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::new();
    let ca = authority.write(folder.path());
    authority.issue(folder.path(), "server", "nats.example.org");
    let settings =
        format!("{JETSTREAM}\ntls {{ cert_file: \"{{dir}}/server.pem\", key_file: \"{{dir}}/server.key\" }}");
    let server = External::start_in(folder, &settings).await;
    refused(trusting(server.url(), &ca), &["another name", "nats.example.org"]).await;
}

#[tokio::test]
async fn a_client_certificate_opens_the_log_where_one_is_asked_for() {
    let (server, authority, ca) = with_tls(", ca_file: \"{dir}/ca.pem\", verify: true").await;
    let identity = authority.issue(server.folder.path(), "engine", "eddy");
    let mut config = trusting(server.url(), &ca);
    refused(config.clone(), &["nats.certificate", "nats.key"]).await;
    let elsewhere = TempDir::new().unwrap();
    config.tls.identity = Some(Authority::new().issue(elsewhere.path(), "stranger", "eddy"));
    refused(
        config.clone(),
        &["does not take our certificate", "nats.certificate"],
    )
    .await;
    config.tls.identity = Some(identity);
    works(config).await;
}

#[tokio::test]
async fn files_of_tls_that_are_missing_or_something_else_are_named() {
    let (server, _, ca) = with_tls("").await;
    let nowhere = server.path("nowhere.pem");
    refused(trusting(server.url(), &nowhere), &["nowhere.pem", "read"]).await;
    let other = server.path("server.key");
    refused(
        trusting(server.url(), &other),
        &["server.key", "no certificate", "nats.ca"],
    )
    .await;
    let mut config = trusting(server.url(), &ca);
    config.tls.identity = Some((ca.clone(), ca.clone()));
    refused(config, &["ca.pem", "no private key", "nats.key"]).await;
}

#[tokio::test]
async fn a_plain_server_where_tls_is_demanded_is_refused_with_the_remedy() {
    let server = External::start(JETSTREAM).await;
    let url = server.url().replace("nats:", "tls:");
    refused(LogConfig::new(url), &["no TLS", "nats://"]).await;
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused_with_the_remedy() {
    let server = External::start("").await;
    let error = open(LogConfig::new(server.url())).await.err().unwrap();
    assert!(matches!(error, Error::NoJetStream { .. }), "{error}");
    assert!(error.to_string().contains("jetstream {"), "{error}");
}

#[tokio::test]
async fn an_account_without_jetstream_is_refused_with_the_remedy() {
    let settings = format!(
        "{JETSTREAM}\naccounts {{ A {{ users: [{{ user: a, password: a }}] }}, B {{ jetstream: enabled }} }}"
    );
    let server = External::start(&settings).await;
    let error = open(LogConfig::new(server.url_of("a:a"))).await.err().unwrap();
    assert!(matches!(error, Error::NoJetStream { .. }), "{error}");
}

/// Two users: one may do everything, the other what an engine needs on streams that exist.
const PERMISSIONS: &str = "authorization { users: [
  { user: admin, password: a },
  { user: engine, password: e, permissions: {
    publish: [\"eddy.>\", \"$JS.API.INFO\", \"$JS.API.STREAM.INFO.*\", \"$JS.API.STREAM.MSG.GET.*\", \"$JS.API.DIRECT.GET.>\",
      \"$JS.API.CONSUMER.CREATE.>\", \"$JS.API.CONSUMER.MSG.NEXT.>\"],
    subscribe: [\"_INBOX.>\"] } },
  { user: writer, password: w, permissions: {
    publish: { deny: [\"$JS.API.CONSUMER.>\"] }, subscribe: [\"_INBOX.>\"] } },
  { user: mute, password: m, permissions: { publish: \"eddy.>\", subscribe: [\"_INBOX.>\"] } },
  { user: reader, password: r, permissions: {
    publish: { deny: [\"eddy.>\"] }, subscribe: [\"_INBOX.>\"] } } ] }";

#[tokio::test]
async fn who_may_not_create_streams_is_told_so_and_works_when_they_exist() {
    let server = External::start(&format!("{JETSTREAM}\n{PERMISSIONS}")).await;
    let engine = LogConfig::new(server.url_of("engine:e"));
    let begun = Instant::now();
    refused(
        engine.clone(),
        &["permit", "$JS.API.STREAM.CREATE.EDDY_EVENTS", "start eddy once"],
    )
    .await;
    assert!(begun.elapsed().as_secs() < 5, "told at once, not when time is up");
    open(LogConfig::new(server.url_of("admin:a"))).await.unwrap();
    works(engine).await;
}

#[tokio::test]
async fn who_may_ask_nothing_of_jetstream_is_told_which_permission_is_missing() {
    let server = External::start(&format!("{JETSTREAM}\n{PERMISSIONS}")).await;
    refused(
        LogConfig::new(server.url_of("mute:m")),
        &["permit", "$JS.API.INFO"],
    )
    .await;
}

#[tokio::test]
async fn who_may_not_append_is_told_at_once_and_nothing_is_stored() {
    let server = External::start(&format!("{JETSTREAM}\n{PERMISSIONS}")).await;
    let log = open(LogConfig::new(server.url_of("reader:r"))).await.unwrap();
    let begun = Instant::now();
    let error = log
        .appender(0)
        .unwrap()
        .append(lines(0..1))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("permit") && error.contains("eddy.events.default.0"),
        "{error}"
    );
    assert!(begun.elapsed().as_secs() < 5);
    assert_eq!(log.last_sequence().await.unwrap(), 0);
}

#[tokio::test]
async fn who_may_not_read_is_told_at_once() {
    let server = External::start(&format!("{JETSTREAM}\n{PERMISSIONS}")).await;
    let log = open(LogConfig::new(server.url_of("writer:w"))).await.unwrap();
    let mut reader = log.reader(0, 0).unwrap();
    let reading = tokio::time::timeout(Duration::from_secs(5), reader.next_chunk(1));
    let error = reading.await.expect("at once").unwrap_err().to_string();
    assert!(
        error.contains("permit") && error.contains("$JS.API.CONSUMER.CREATE"),
        "{error}"
    );
}

#[tokio::test]
async fn of_several_addresses_one_that_answers_is_enough() {
    let server = External::start(JETSTREAM).await;
    let url = format!("nats://127.0.0.1:{}, {}", free_port(), server.url());
    works(LogConfig::new(url)).await;
}

#[tokio::test]
async fn an_address_of_something_else_is_told() {
    let server = External::start(JETSTREAM).await;
    refused(
        LogConfig::new(format!("nats://127.0.0.1:{}", server.monitor)),
        &["no nats-server", "port"],
    )
    .await;
    refused(
        LogConfig::new(format!("nats://127.0.0.1:{}", free_port())),
        &["nothing listens"],
    )
    .await;
    refused(
        LogConfig::new("http://eddy:s3cret@127.0.0.1:4222"),
        &["nats://host:4222"],
    )
    .await;
    refused(LogConfig::new(" , "), &["nats://host:4222"]).await;
}
