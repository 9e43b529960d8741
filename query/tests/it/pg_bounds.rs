//! PostgreSQL clients that ask for more than they need: long messages, many statements, portals left open.

use std::pin::pin;

use eddy_query::Limits;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::{Error, SimpleQueryMessage};

use crate::pg::serve;
use crate::sample::{engine, engine_with};

fn code(error: &Error) -> &str {
    error.code().map_or("none", |code| code.code())
}

#[tokio::test]
async fn statements_of_one_text_are_answered_one_after_the_other() {
    // One query runs at a time and none waits, so the second can only begin when the first has ended.
    let engine = engine_with(Limits {
        running: 1,
        waiting: 0,
        ..Limits::default()
    });
    let server = serve(engine, None).await;
    let (client, _connection) = server.connect().await;
    let sql = "select value from generate_series(1, 100000);".repeat(3);
    let rows = client.simple_query(&sql).await.unwrap();
    let rows = rows.iter().filter(|m| matches!(m, SimpleQueryMessage::Row(_)));
    assert_eq!(rows.count(), 300_000);

    let mut answer = pin!(
        client
            .simple_query_raw("select 1; select nonsense; select 2")
            .await
            .unwrap()
    );
    let mut rows = 0;
    let error = loop {
        match answer.next().await.expect("an error ends the answer") {
            Ok(message) => rows += usize::from(matches!(message, SimpleQueryMessage::Row(_))),
            Err(error) => break error,
        }
    };
    assert_eq!((rows, code(&error)), (1, "42703"));
    assert!(client.simple_query(" ; ").await.is_ok());
    assert!(!client.simple_query("select 1").await.unwrap().is_empty());
}

#[tokio::test]
async fn message_without_end_breaks_the_connection_off() {
    for password in [None, Some("secret")] {
        let server = serve(engine(), password).await;
        let mut socket = TcpStream::connect(server.addr).await.unwrap();
        let parameters = b"user\0anyone\0database\0eddy\0\0";
        socket.write_u32(8 + parameters.len() as u32).await.unwrap();
        socket.write_u32(3 << 16).await.unwrap();
        socket.write_all(parameters).await.unwrap();
        // The server has taken the client in, or asks for the password.
        assert_eq!(socket.read_u8().await.unwrap(), b'R');
        socket.write_u8(b'Q').await.unwrap();
        socket.write_u32(900 << 20).await.unwrap();
        let (mut answers, mut questions) = socket.into_split();
        let drain = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut tokio::io::sink()).await });
        let part = vec![b' '; 1 << 20];
        let mut sent = 0;
        while sent < 200 && questions.write_all(&part).await.is_ok() {
            sent += 1;
        }
        assert!(sent < 200, "password {password:?}: {sent} MiB were taken");
        drop(drain.await.unwrap());
    }
}

#[tokio::test]
async fn client_keeps_a_bounded_number_of_statements_and_portals() {
    let server = serve(engine(), None).await;
    let (mut client, _connection) = server.connect().await;
    let mut statements = Vec::new();
    let error = loop {
        match client.prepare("select 1").await {
            Ok(statement) => statements.push(statement),
            Err(error) => break error,
        }
    };
    assert_eq!((statements.len(), code(&error)), (1_000, "53400"));
    let statement = statements.pop().unwrap();
    drop(statements);
    assert!(
        client.prepare("select 2").await.is_ok(),
        "those that are closed make room"
    );

    let transaction = client.transaction().await.unwrap();
    let mut portals = Vec::new();
    let error = loop {
        match transaction.bind(&statement, &[]).await {
            Ok(portal) => portals.push(portal),
            Err(error) => break error,
        }
    };
    assert_eq!((portals.len(), code(&error)), (64, "53400"));
    drop(transaction);
    drop(portals);
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind(&statement, &[]).await.unwrap();
    assert_eq!(transaction.query_portal(&portal, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn statements_kept_prepared_count_against_a_bound_of_their_own() {
    let engine = engine_with(Limits {
        total_memory: 8 << 20,
        ..Limits::default()
    });
    let server = serve(engine, None).await;
    let (client, _connection) = server.connect().await;
    let list = (0..300).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let mut statements = Vec::new();
    let error = loop {
        let sql = format!(
            "select count(*) from parcels where weight_g in ({list}, {})",
            statements.len()
        );
        match client.prepare(&sql).await {
            Ok(statement) => statements.push(statement),
            Err(error) => break error,
        }
        assert!(statements.len() < 100, "no end to them");
    };
    assert_eq!(code(&error), "53200");
    assert!(!statements.is_empty());
    assert!(
        !client.simple_query("select 1").await.unwrap().is_empty(),
        "others are not held up"
    );
    drop(statements);
    let again = client.prepare("select 2").await;
    assert!(again.is_ok(), "{again:?}");
}
