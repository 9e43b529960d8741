//! The PostgreSQL wire over real sockets, asked by a driver. What `psql` makes of it is in `psql.rs`.

use std::net::SocketAddr;
use std::pin::pin;

use eddy_query::Limits;
use eddy_query::pg::{Auth, Error, listen};
use futures::StreamExt;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::sample::{engine, engine_with};

pub struct Server {
    pub addr: SocketAddr,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

pub async fn serve(engine: eddy_query::QueryEngine, password: Option<&str>) -> Server {
    let auth = Auth {
        password: password.map(str::to_owned),
    };
    let listener = listen("127.0.0.1:0".parse().unwrap(), auth).await.unwrap();
    let addr = listener.addr();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(listener.serve(engine, shutdown.clone()));
    Server { addr, shutdown, task }
}

impl Server {
    async fn try_connect(
        &self,
        password: Option<&str>,
    ) -> Result<(Client, AbortOnDropHandle<()>), tokio_postgres::Error> {
        let mut config = Config::new();
        config
            .host(self.addr.ip().to_string())
            .port(self.addr.port())
            .user("anyone")
            .dbname("eddy");
        if let Some(password) = password {
            config.password(password);
        }
        let (client, connection) = config.connect(NoTls).await?;
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok((client, AbortOnDropHandle::new(task)))
    }

    pub async fn connect(&self) -> (Client, AbortOnDropHandle<()>) {
        self.try_connect(None).await.unwrap()
    }
}

fn values(messages: &[SimpleQueryMessage]) -> Vec<String> {
    messages
        .iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some(
                (0..row.len())
                    .map(|i| row.get(i).unwrap_or("NULL"))
                    .collect::<Vec<_>>()
                    .join("|"),
            ),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn simple_query_answers_as_text() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    let rows = client
        .simple_query("select awb, courier, weight_g, updated_at from parcels where awb = 'AWB00000004'")
        .await
        .unwrap();
    assert_eq!(
        values(&rows),
        ["AWB00000004|NULL|104|2023-11-14 22:13:24.000000+00"]
    );
}

#[tokio::test]
async fn prepared_statement_takes_and_gives_binary_values() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    let statement = client
        .prepare("select awb, weight_g, risk, courier from parcels where awb = $1 and weight_g > $2")
        .await
        .unwrap();
    for n in [4_i64, 100, 999] {
        let awb = format!("AWB{n:08}");
        let row = client.query_one(&statement, &[&awb, &50_i64]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), awb);
        assert_eq!(row.get::<_, i64>(1), 100 + n % 1_000);
        assert_eq!(row.get::<_, Option<f64>>(2).is_some(), n % 2 == 0);
    }
    assert!(
        client
            .query(&statement, &[&"nothing", &50_i64])
            .await
            .unwrap()
            .is_empty()
    );
    let rows = client.query("select count(*) from parcels", &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, i64>(0), 1_000);
}

#[tokio::test]
async fn session_statements_of_drivers_are_accepted() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    client
        .batch_execute("begin; set extra_float_digits = 3; select 1; commit; discard all")
        .await
        .unwrap();
    let shown = client
        .simple_query("show transaction isolation level")
        .await
        .unwrap();
    assert_eq!(values(&shown), ["read committed"]);
    client
        .batch_execute("set statement_timeout = '100ms'")
        .await
        .unwrap();
    let error = client
        .simple_query(
            "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r",
        )
        .await
        .unwrap_err();
    assert_eq!(error.code().unwrap().code(), "57014");
}

#[tokio::test]
async fn errors_carry_the_code_a_driver_expects() {
    let server = serve(
        engine_with(Limits {
            query_memory: 16 << 20,
            threads: 2,
            ..Limits::default()
        }),
        None,
    )
    .await;
    let (client, _connection) = server.connect().await;
    let cases = [
        ("selec 1", "42601"),
        ("select * from parcel", "42P01"),
        ("select weight from parcels", "42703"),
        ("insert into parcels values ('x')", "25006"),
        (
            "select * from generate_series(1, 100000000) order by value * -1",
            "53200",
        ),
        ("select cast(awb as bigint) from parcels", "22000"),
    ];
    for (sql, code) in cases {
        let error = client.simple_query(sql).await.unwrap_err();
        assert_eq!(error.code().map(|c| c.code()), Some(code), "{sql}: {error}");
        let error = client.query(sql, &[]).await.unwrap_err();
        assert_eq!(error.code().map(|c| c.code()), Some(code), "{sql}: {error}");
    }
    assert_eq!(
        values(&client.simple_query("select 1").await.unwrap()),
        ["1"],
        "the connection goes on"
    );
}

#[tokio::test]
async fn running_query_can_be_cancelled() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    let cancel = client.cancel_token();
    let query = tokio::spawn(async move {
        client
            .simple_query(
                "select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b",
            )
            .await
    });
    // The request may arrive before the query does, and is then about nothing: asked until it takes effect.
    while !query.is_finished() {
        drop(cancel.cancel_query(NoTls).await);
        tokio::task::yield_now().await;
    }
    assert_eq!(query.await.unwrap().unwrap_err().code().unwrap().code(), "57014");
}

#[tokio::test]
async fn answer_that_is_being_sent_can_be_cancelled() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    let cancel = client.cancel_token();
    let endless =
        "select a.value from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b";
    let rows = client.query_raw::<_, i64, _>(endless, []).await.unwrap();
    let mut rows = pin!(rows);
    assert!(rows.next().await.unwrap().is_ok());
    cancel.cancel_query(NoTls).await.unwrap();
    let error = loop {
        match rows.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("the answer ended as if it were whole"),
        }
    };
    assert_eq!(error.code().unwrap().code(), "57014");
}

#[tokio::test]
async fn portal_gives_as_many_rows_as_are_asked_for() {
    let server = serve(engine(), None).await;
    let (mut client, _connection) = server.connect().await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction
        .bind("select awb from parcels order by awb", &[])
        .await
        .unwrap();
    let mut parts = Vec::new();
    for most in [300, 600, 300, 300] {
        parts.push(transaction.query_portal(&portal, most).await.unwrap());
    }
    let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
    assert_eq!(lengths, [300, 600, 100, 0]);
    assert_eq!(parts[1][0].get::<_, &str>(0), "AWB00000300");
}

#[tokio::test]
async fn value_that_cannot_be_sent_is_an_error_and_not_the_end_of_the_server() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    let large = "select cast('99999999999999999999999999999999999999' as decimal(38, 0)) from parcels";
    assert!(client.simple_query(large).await.is_err());
    let sent = [
        ("select arrow_cast(1.5, 'Float16')", "1.5"),
        ("select '{\"n\": [7]}'->'n'", "[7]"),
        ("select '{\"n\": null}'->'n'", "NULL"),
        (
            "select make_array(make_array(1, 2), make_array(3))",
            "[[1,2],[3]]",
        ),
        ("select map(['a'], [1])", "{a: 1}"),
    ];
    for (sql, expected) in sent {
        let rows = client.simple_query(sql).await.unwrap();
        assert_eq!(values(&rows), [expected], "{sql}");
    }
}

#[tokio::test]
async fn columns_are_announced_with_the_types_they_are_sent_in() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    let union = "select cast(1 as int) as n union all select cast(5000000000 as bigint) order by n";
    let rows = client.query(union, &[]).await.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(numbers, [1, 5_000_000_000]);
    let dated = format!("select n from ({union}) as numbers where now() is not null order by n");
    let rows = client.query(&dated, &[]).await.unwrap();
    assert_eq!(rows[1].get::<_, i64>(0), 5_000_000_000);
}

#[tokio::test]
async fn password_is_required_when_one_is_set() {
    let server = serve(engine(), Some("s3cret")).await;
    assert!(server.try_connect(None).await.is_err());
    let error = server.try_connect(Some("wrong")).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "28P01");
    let (client, _connection) = server.try_connect(Some("s3cret")).await.unwrap();
    assert_eq!(values(&client.simple_query("select 1").await.unwrap()), ["1"]);
}

#[tokio::test]
async fn network_address_without_a_password_is_refused() {
    let error = listen("0.0.0.0:0".parse().unwrap(), Auth::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unprotected(_)));
    assert!(error.to_string().contains("set a password"));
}

#[tokio::test]
async fn port_in_use_is_named() {
    let first = listen("127.0.0.1:0".parse().unwrap(), Auth::default())
        .await
        .unwrap();
    let error = listen(first.addr(), Auth::default()).await.unwrap_err();
    assert!(matches!(error, Error::InUse(_)));
    assert!(error.to_string().contains(&first.addr().to_string()));
}

#[tokio::test]
async fn shutdown_ends_connections() {
    let server = serve(engine(), None).await;
    let (client, _connection) = server.connect().await;
    server.shutdown.cancel();
    server.task.await.unwrap();
    assert!(client.simple_query("select 1").await.is_err());
}
