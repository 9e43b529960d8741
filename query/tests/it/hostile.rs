//! SQL that writes, never ends, takes all memory, or is built to break the parser.

use std::time::{Duration, Instant};

use eddy_query::Limits;
use eddy_query::sql::{Ask, Error};
use futures::StreamExt;

use crate::sample::{engine, engine_with, lines};

fn tight() -> Limits {
    Limits {
        time: Duration::from_millis(700),
        query_memory: 16 << 20,
        total_memory: 32 << 20,
        threads: 2,
        running: 2,
        waiting: 2,
        ..Limits::default()
    }
}

#[tokio::test]
async fn statements_that_write_are_refused_and_say_what_to_do_instead() {
    let engine = engine();
    let writes = [
        "insert into parcels values ('x')",
        "update parcels set weight_g = 0",
        "delete from parcels",
        "drop table parcels",
        "create table t as select 1",
        "create view v as select 1",
        "create external table t stored as csv location '/etc/passwd'",
        "copy parcels to '/tmp/parcels.csv'",
        "copy (select 1) to 'x.parquet'",
        "truncate table parcels",
        "alter table parcels add column x int",
        "set datafusion.execution.target_partitions = 1",
        "select 1 into t",
        "with x as (select 1) insert into parcels select * from x",
        "explain analyze insert into parcels values ('x')",
        "prepare p as select 1",
        "begin",
        "grant select on parcels to public",
    ];
    for sql in writes {
        match lines(&engine, sql).await {
            Err(Error::NotReadOnly { .. }) => {}
            Err(Error::Syntax { .. } | Error::Plan { .. }) => panic!("{sql}: refused, but not as a write"),
            other => panic!("{sql}: {other:?}"),
        }
    }
    let error = lines(&engine, "insert into parcels values ('x')")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("INSERT is refused") && error.to_string().contains("/v1/events"),
        "{error}"
    );
    assert_eq!(
        lines(&engine, "select count(*) from parcels").await.unwrap(),
        ["1000"]
    );
}

#[tokio::test]
async fn files_of_the_machine_cannot_be_read() {
    let engine = engine();
    for sql in [
        "select * from '/etc/passwd'",
        "select * from \"/etc/passwd\"",
        "select * from read_csv('/etc/passwd')",
    ] {
        assert!(lines(&engine, sql).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn several_statements_at_once_are_refused() {
    let engine = engine();
    assert!(matches!(
        lines(&engine, "select 1; select 2").await,
        Err(Error::Several { count: 2 })
    ));
    assert!(matches!(
        lines(&engine, "select 1; drop table parcels").await,
        Err(Error::Several { .. })
    ));
    assert!(matches!(lines(&engine, "  ").await, Err(Error::Empty)));
    assert_eq!(lines(&engine, "select 1;").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn query_without_end_is_stopped_in_time() {
    let engine = engine_with(tight());
    let endless = [
        "select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b",
        "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r",
        "select sum(a.weight_g * b.weight_g * c.weight_g) from parcels a, parcels b, parcels c where a.weight_g + b.weight_g + c.weight_g = 7",
        "select count(*) from generate_series(1, 9000000000000) where value = -1",
    ];
    for sql in endless {
        let started = Instant::now();
        let error = lines(&engine, sql).await.unwrap_err();
        assert!(
            matches!(error, Error::TimedOut(_) | Error::Memory(_)),
            "{sql}: {error:?}"
        );
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "{sql} took {:?}",
            started.elapsed()
        );
    }
    assert_eq!(
        lines(&engine, "select count(*) from parcels").await.unwrap(),
        ["1000"],
        "the engine goes on"
    );
}

#[tokio::test]
async fn memory_bomb_ends_with_an_error_and_gives_everything_back() {
    let engine = engine_with(Limits {
        time: Duration::from_secs(30),
        ..tight()
    });
    let bombs = [
        "select (value * 7919) % 99999989, count(*) from generate_series(1, 100000000) group by 1",
        "select * from generate_series(1, 100000000) order by value * -1",
        "select array_agg(value) from generate_series(1, 100000000)",
        "select a.awb from parcels a join (select repeat(awb, 10000) as w from parcels) b on a.awb < b.w order by b.w",
    ];
    for sql in bombs {
        let error = lines(&engine, sql).await.unwrap_err();
        assert!(matches!(error, Error::Memory(_)), "{sql}: {error:?}");
    }
    for _ in 0..3 {
        assert_eq!(
            lines(&engine, "select count(distinct awb) from parcels")
                .await
                .unwrap(),
            ["1000"]
        );
    }
}

#[tokio::test]
async fn text_too_long_or_too_deep_is_refused_quickly() {
    let engine = engine();
    let million = format!("select '{}'", "x".repeat(1 << 20));
    assert!(matches!(
        lines(&engine, &million).await,
        Err(Error::TooLong { .. })
    ));
    let parens = format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(matches!(lines(&engine, &parens).await, Err(Error::TooDeep)));
    let short_parens = format!("select {}1{}", "(".repeat(1_000), ")".repeat(1_000));
    assert!(matches!(lines(&engine, &short_parens).await, Err(Error::TooDeep)));
    let sum = format!("select 1{}", "+1".repeat(60_000));
    assert!(matches!(lines(&engine, &sum).await, Err(Error::TooDeep)));
    let unions = format!("select 1{}", " union all select 1".repeat(5_000));
    assert!(matches!(lines(&engine, &unions).await, Err(Error::TooDeep)));
    let nots = format!("select {} true", "not ".repeat(30_000));
    assert!(matches!(lines(&engine, &nots).await, Err(Error::TooDeep)));
    let minus = format!("select {}1", "- ".repeat(1_900));
    assert!(matches!(
        lines(&engine, &minus).await,
        Err(Error::TooDeep) | Ok(_)
    ));
    let subqueries = format!("{}select 1{}", "select * from (".repeat(400), ")".repeat(400));
    assert!(lines(&engine, &subqueries).await.is_err());
    let list = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let long = format!("select count(*) from parcels where weight_g in ({list})");
    assert_eq!(
        lines(&engine, &long).await.unwrap(),
        ["1000"],
        "a long list is no attack"
    );
    let sum = format!("select 1{}", "+1".repeat(1_500));
    assert_eq!(lines(&engine, &sum).await.unwrap(), ["1501"], "nor is a long sum");
}

#[tokio::test]
async fn syntax_errors_tell_the_place() {
    let engine = engine();
    let error = lines(&engine, "select *\nfrom parcels wher status = 'x'")
        .await
        .unwrap_err();
    assert!(error.place().is_some(), "{error:?}");
    assert_eq!(error.place().unwrap().line, 2);
    let error = lines(&engine, "select weight\nfrom parcels").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { table: false, .. }), "{error:?}");
    assert_eq!(error.place().map(|p| (p.line, p.column)), Some((1, 8)));
    let error = lines(&engine, "select * from parcel").await.unwrap_err();
    assert!(matches!(error, Error::Unknown { table: true, .. }), "{error:?}");
}

#[tokio::test]
async fn errors_in_the_data_are_the_askers() {
    let engine = engine();
    let error = lines(&engine, "select cast(awb as bigint) from parcels")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Run(_)), "{error:?}");
    let error = lines(&engine, "select 1 / (weight_g - 100) from parcels")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Run(_)), "{error:?}");
}

#[tokio::test]
async fn queue_is_bounded_and_first_come_is_first_served() {
    let engine = engine_with(Limits {
        time: Duration::from_secs(2),
        ..tight()
    });
    let endless =
        "select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b";
    let mut asked = Vec::new();
    for _ in 0..8 {
        let engine = engine.clone();
        asked.push(tokio::spawn(
            async move { lines(&engine, endless).await.unwrap_err() },
        ));
    }
    let mut busy = 0;
    let mut late = 0;
    for asked in asked {
        match asked.await.unwrap() {
            Error::Busy { .. } => busy += 1,
            Error::TimedOut(_) => late += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        busy >= 4,
        "two run, two wait, the others are sent away at once: {busy} busy, {late} late"
    );
    assert_eq!(lines(&engine, "select 1").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn dropping_an_answer_frees_its_turn() {
    let engine = engine_with(Limits {
        time: Duration::from_secs(60),
        running: 1,
        waiting: 4,
        ..tight()
    });
    for _ in 0..5 {
        let mut answer = engine
            .sql(
                "select a.value from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b",
                vec![],
            )
            .await
            .unwrap();
        assert!(answer.next().await.unwrap().is_ok());
        drop(answer);
        assert_eq!(lines(&engine, "select 1").await.unwrap(), ["1"]);
    }
}

#[tokio::test]
async fn client_may_ask_for_less_time_and_not_for_more_than_the_most() {
    let engine = engine_with(Limits {
        time_max: Duration::from_millis(900),
        ..tight()
    });
    let endless = "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r";
    for (asked, most) in [(100, 600), (60_000, 3_000)] {
        let started = Instant::now();
        let ask = Ask {
            timeout: Some(Duration::from_millis(asked)),
            ..Ask::default()
        };
        let error = match engine.ask(endless, vec![], ask).await {
            Ok(answer) => answer.collect().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, Error::TimedOut(_)), "{error:?}");
        assert!(
            started.elapsed() < Duration::from_millis(most),
            "{asked} ms: {:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn client_that_stops_reading_frees_its_turn_at_the_deadline() {
    let engine = engine_with(Limits {
        time: Duration::from_millis(300),
        running: 1,
        waiting: 4,
        ..tight()
    });
    let endless =
        "select a.value from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b";
    let mut unread = engine.sql(endless, vec![]).await.unwrap();
    assert!(unread.next().await.unwrap().is_ok());
    let patient = Ask {
        timeout: Some(Duration::from_secs(20)),
        ..Ask::default()
    };
    let answer = engine.ask("select 1", vec![], patient).await.unwrap();
    assert_eq!(answer.collect().await.unwrap().len(), 1);
    drop(unread);
}

#[tokio::test]
async fn nested_query_that_doubles_at_each_level_is_refused_before_it_is_planned() {
    let engine = engine();
    let doubling = |levels: usize| {
        let mut sql = "with c0 as (select weight_g as x from parcels where weight_g < 0)".to_owned();
        for level in 1..=levels {
            sql += &format!(", c{level} as (select a.x from C{0} a, \"c{0}\" b)", level - 1);
        }
        sql + &format!(" select count(*) from c{levels}")
    };
    let started = Instant::now();
    let error = lines(&engine, &doubling(40)).await.unwrap_err();
    assert!(matches!(error, Error::TooDeep), "{error:?}");
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(lines(&engine, &doubling(3)).await.unwrap(), ["0"]);
}
