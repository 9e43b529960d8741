//! Connecting: streams are made once and checked ever after, and durability is what the server says.

use async_nats::jetstream;
use eddy_log::{Credentials, Durability, Error, Log, LogConfig, Metrics};

use crate::harness::{connect, connect_with, start};

async fn context(config: &LogConfig) -> jetstream::Context {
    let Credentials::Token(token) = &config.credentials else {
        panic!("a token")
    };
    jetstream::new(
        async_nats::ConnectOptions::with_token(token.clone())
            .connect(&config.url)
            .await
            .unwrap(),
    )
}

#[tokio::test]
async fn durability_is_what_the_server_says_not_what_was_asked_for() {
    let synced = start(Durability::Synced).await;
    let log = connect(&synced.server).await;
    assert_eq!(log.durability().actual, Durability::Synced);
    assert!(log.durability().is_kept());
    assert!(log.durability().evidence.contains("sync_interval: always"));
    let relaxed = start(Durability::Relaxed).await;
    let log = connect(&relaxed.server).await;
    assert_eq!(
        (log.durability().wanted, log.durability().actual),
        (Durability::Synced, Durability::Relaxed)
    );
    assert!(!log.durability().is_kept());
}

#[tokio::test]
async fn a_server_that_does_not_tell_is_unknown_and_can_be_measured() {
    let running = start(Durability::Synced).await;
    let log = connect_with(&running.server, |config| LogConfig {
        monitor_url: None,
        ..config
    })
    .await;
    assert_eq!(log.durability().actual, Durability::Unknown);
    let latency = log.probe().await.unwrap();
    println!("{latency}");
    assert!(latency.file > latency.memory);
    let elsewhere = connect_with(&running.server, |config| LogConfig {
        monitor_url: Some("http://127.0.0.1:1".into()),
        ..config
    })
    .await;
    assert_eq!(elsewhere.durability().actual, Durability::Unknown);
}

#[tokio::test]
async fn streams_are_made_once_and_an_older_one_is_completed() {
    let running = start(Durability::Relaxed).await;
    let config = LogConfig::of(&running.server.endpoint());
    let context = context(&config).await;
    let older = jetstream::stream::Config {
        name: "EDDY_DERIVED".into(),
        subjects: vec!["eddy.derived.>".into()],
        ..Default::default()
    };
    context.create_stream(older).await.unwrap();
    for _ in 0..2 {
        Log::connect(config.clone(), Metrics::unregistered())
            .await
            .unwrap();
    }
    let found = context
        .get_stream("EDDY_DERIVED")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert!(found.allow_direct && found.allow_atomic_publish);
    let events = context
        .get_stream("EDDY_EVENTS")
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert!(events.max_age.is_zero() && events.allow_direct);
}

#[tokio::test]
async fn a_stream_that_would_forget_events_is_refused_by_name() {
    let running = start(Durability::Relaxed).await;
    let config = LogConfig::of(&running.server.endpoint());
    let forgetful = jetstream::stream::Config {
        name: "EDDY_EVENTS".into(),
        subjects: vec!["eddy.events.>".into()],
        max_age: std::time::Duration::from_secs(3600),
        ..Default::default()
    };
    context(&config).await.create_stream(forgetful).await.unwrap();
    let error = Log::connect(config, Metrics::unregistered()).await.err().unwrap();
    assert!(
        matches!(&error, Error::StreamIncompatible { stream, setting: "max_age", .. } if stream == "EDDY_EVENTS"),
        "{error}"
    );
}

#[tokio::test]
async fn an_address_without_a_server_is_told() {
    let error = Log::connect(
        LogConfig::new("nats://user:secret@127.0.0.1:1"),
        Metrics::unregistered(),
    )
    .await
    .err()
    .unwrap()
    .to_string();
    assert!(
        error.contains("127.0.0.1:1") && !error.contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn a_tenant_that_is_no_word_is_refused() {
    for tenant in ["", "a.b", "*", "a b"] {
        let config = LogConfig {
            tenant: tenant.into(),
            ..LogConfig::new("nats://127.0.0.1:1")
        };
        assert!(matches!(
            Log::connect(config, Metrics::unregistered()).await,
            Err(Error::Config(_))
        ));
    }
}
