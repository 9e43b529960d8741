//! Statements that stand for far more than they say: in plans, in values, in steps.

use std::time::{Duration, Instant};

use eddy_query::Limits;
use eddy_query::sql::Error;
use futures::StreamExt;

use crate::sample::{engine, engine_with, lines};

/// A query of `levels` nested ones, each made out of the one before by `step`, with `last` around all.
fn nested(first: &str, levels: usize, step: &str, last: &str) -> String {
    let mut sql = format!("with c0 as ({first})");
    for level in 1..=levels {
        sql += &format!(", c{level} as (select {step} as x from c{})", level - 1);
    }
    sql + &last.replace("$", &format!("c{levels}"))
}

#[tokio::test]
async fn column_that_doubles_at_each_level_is_refused_before_it_is_written_out() {
    let engine = engine();
    let number = "select weight_g as x from parcels";
    let text = "select awb as x from parcels";
    let doubling = [
        nested(number, 40, "x + x", " select count(*) from $ where x > 1"),
        nested(text, 40, "x || x", " select count(*) from $ where x > 'a'"),
        nested(
            text,
            40,
            "case when x > 'a' then x else x || 'b' end",
            " select x from $ order by x limit 1",
        ),
        nested(
            text,
            40,
            "struct(x, x)",
            " select count(*) from $ where x is not null",
        ),
        nested(text, 40, "struct(max(x), max(x))", " select count(*) from $"),
    ];
    for sql in doubling {
        let started = Instant::now();
        let error = lines(&engine, &sql).await.unwrap_err();
        assert!(matches!(error, Error::TooDeep), "{sql}: {error:?}");
        let took = started.elapsed();
        assert!(took < Duration::from_secs(3), "{sql}: {took:?}");
    }
    let deep = nested(number, 30, "x + 1", " select min(x) from $ where x > 1");
    assert_eq!(
        lines(&engine, &deep).await.unwrap(),
        ["130"],
        "many levels are no attack"
    );
    let twice = nested(number, 5, "x + x", " select min(x) from $ where x > 1");
    assert_eq!(
        lines(&engine, &twice).await.unwrap(),
        ["3200"],
        "nor is a few times twice"
    );
}

#[tokio::test]
async fn more_ways_to_group_than_postgresql_has_are_refused() {
    let engine = engine();
    let columns = |n: usize| {
        (0..n)
            .map(|i| format!("weight_g + {i}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let sets = [
        format!("select count(*) from parcels group by cube ({})", columns(30)),
        format!(
            "select count(*) from parcels group by courier, cube ({})",
            columns(60)
        ),
        format!(
            "select count(*) from parcels group by cube ({0}), cube ({0})",
            columns(7)
        ),
    ];
    for sql in sets {
        let error = lines(&engine, &sql).await.unwrap_err();
        assert!(matches!(error, Error::TooDeep), "{sql}: {error:?}");
    }
    let cube = "select count(*) from (select courier, status, count(*) from parcels group by cube (courier, status))";
    assert_eq!(lines(&engine, cube).await.unwrap(), ["24"]);
}

#[tokio::test]
async fn large_value_that_a_join_would_repeat_is_refused() {
    let engine = engine();
    let list = "select array_agg(a.awb || b.awb) as l from parcels a join parcels b on b.weight_g < 140";
    let text =
        "select string_agg(a.awb || b.awb, ',') as l from parcels a join parcels b on b.weight_g < 140";
    let repeating = [
        format!("select a.l, p.awb from ({list}) a cross join parcels p"),
        format!("select a.l, p.awb from ({text}) a cross join parcels p"),
        format!("select a.l, p.awb from ({text}) a join parcels p on a.l <> p.awb"),
        format!("select p.awb, a.l from parcels p left join ({text}) a on a.l > p.awb"),
        format!("select awb, ({text}) from parcels"),
        format!("select awb, coalesce(courier, ({text})) from parcels"),
        format!("select unnest(l), l from ({list})"),
        "select s.l, p.awb from (select repeat(awb, 100000) as l from parcels limit 1) s cross join parcels p".into(),
    ];
    for sql in repeating {
        let error = lines(&engine, &sql).await.unwrap_err();
        assert!(matches!(error, Error::Memory(_)), "{sql}: {error:?}");
    }
    let once = [
        (format!("select length(a.l) + cardinality(b.l) from ({text}) a cross join ({list}) b"), "959999"),
        (format!("select cardinality(({list}))"), "40000"),
        (format!("select count(*) from (select unnest(l) from ({list}))"), "40000"),
        (
            "select sum(cardinality(l)) from (select courier, array_agg(awb) as l from parcels group by 1) a join parcels p on p.courier = a.courier".into(),
            "160000",
        ),
    ];
    for (sql, expected) in once {
        assert_eq!(lines(&engine, &sql).await.unwrap(), [expected], "{sql}");
    }
}

#[tokio::test]
async fn windows_count_against_the_memory_of_the_query() {
    let engine = engine_with(Limits {
        query_memory: 32 << 20,
        ..Limits::default()
    });
    let holding = [
        "select count(*) from (select sum(value) over () as s from generate_series(1, 100000000)) where s = 1",
        "select count(*) from (select count(distinct value) over (rows unbounded preceding) as s from generate_series(1, 100000000)) where s = 0",
        "select count(*) from (select sum(value) over (rows 90000000 preceding) as s from generate_series(1, 100000000)) where s = 0",
        "select max(cardinality(l)) from (select array_agg(value) over () as l from generate_series(1, 5000))",
        "select max(length(l)) from (select string_agg(awb, ',') over (order by awb) as l from parcels a cross join generate_series(1, 5) b)",
        "select max(length(l)) from (select first_value(repeat(awb, 1000)) over (order by awb) as l from parcels cross join generate_series(1, 5))",
    ];
    for sql in holding {
        let error = lines(&engine, sql).await.unwrap_err();
        assert!(matches!(error, Error::Memory(_)), "{sql}: {error:?}");
    }
    let far = "select max(l) from (select lag(awb, 100000000) over (order by awb) as l from parcels)";
    assert!(matches!(lines(&engine, far).await, Err(Error::Memory(_))));
    let near = [
        (
            "select count(*) from (select row_number() over () as n from generate_series(1, 3000000)) where n > 0",
            "3000000",
        ),
        (
            "select max(s) from (select sum(value) over (rows 9 preceding) as s from generate_series(1, 2000000))",
            "19999955",
        ),
        (
            "select max(n) from (select cardinality(array_agg(awb) over (partition by weight_g / 100)) as n from parcels)",
            "100",
        ),
        (
            "select max(n) from (select cardinality(array_agg(value) over (rows 2 preceding)) as n from generate_series(1, 50000))",
            "3",
        ),
        (
            "select max(l) from (select lag(awb, 3) over (order by awb) as l from parcels)",
            "AWB00000996",
        ),
        (
            "select count(l) from (select last_value(status) over (partition by courier) as l from parcels)",
            "1000",
        ),
    ];
    for (sql, expected) in near {
        assert_eq!(lines(&engine, sql).await.unwrap(), [expected], "{sql}");
    }
}

#[tokio::test]
async fn function_that_would_never_end_is_refused() {
    let engine = engine();
    let endless = [
        "select levenshtein(repeat('x', 1000000), repeat('y', 1000000))",
        "select count(*) from parcels where levenshtein(repeat(awb, 2000), repeat(status, 2000)) = 1",
        "select strpos(l, l || 'x') from (select string_agg(repeat(awb, 100), ',') as l from parcels)",
        "select count(*) from parcels where awb ~ '((a{0,100}){0,100}){0,100}'",
        "select count(*) from parcels where awb ~ ('(' || status || '{0,1000}){0,1000}')",
        "select count(*) from parcels where regexp_like(awb, '(' || status || '{0,1000}){0,1000}')",
        "select array_has_all(l, l) from (select array_agg(a.awb || b.awb) as l from parcels a join parcels b on b.weight_g < 180)",
    ];
    for sql in endless {
        let started = Instant::now();
        let error = lines(&engine, sql).await.unwrap_err();
        let refused = matches!(error, Error::Run(_) | Error::Plan { .. } | Error::Memory(_));
        assert!(refused, "{sql}: {error:?}");
        let took = started.elapsed();
        assert!(took < Duration::from_secs(5), "{sql}: {took:?}");
    }
    let short = [
        ("select levenshtein('kitten', 'sitting')", "3"),
        (
            "select count(*) from parcels where awb ~ '^AWB0{5}\\d{3}$'",
            "1000",
        ),
        (
            "select count(*) from parcels where awb !~ ('^' || left(awb, 3))",
            "0",
        ),
        (
            "select count(*) from parcels where awb ~* lower(left(awb, 3))",
            "1000",
        ),
        (
            "select count(*) from parcels where array_has_any(make_array(courier), make_array('ekart', 'x'))",
            "200",
        ),
    ];
    for (sql, expected) in short {
        assert_eq!(lines(&engine, sql).await.unwrap(), [expected], "{sql}");
    }
}

#[tokio::test]
async fn answer_comes_in_pieces_that_can_be_written_out_at_once() {
    let engine = engine();
    let constant = format!("select '{}', awb from parcels", "x".repeat(60_000));
    for sql in ["select repeat(awb, 2000) from parcels", &constant] {
        let mut answer = engine.sql(sql, vec![]).await.unwrap();
        let mut rows = 0;
        while let Some(batch) = answer.next().await {
            let batch = batch.unwrap();
            rows += batch.num_rows();
            assert!(batch.num_rows() <= 256, "{} rows at once", batch.num_rows());
        }
        assert_eq!(rows, 1_000);
    }
    let one = "select array_agg(repeat(a.awb, 50)) from parcels a join parcels b on b.weight_g < 250";
    let error = lines(&engine, one).await.unwrap_err();
    assert!(error.to_string().contains("a row of the answer"), "{error:?}");
}

#[tokio::test]
async fn answers_that_no_one_reads_count_until_they_are_dropped() {
    let engine = engine_with(Limits {
        query_memory: 64 << 20,
        total_memory: 96 << 20,
        ..Limits::default()
    });
    // One batch in several pieces, of which the first is read.
    let sql = "select repeat(awb, 1500) from parcels order by awb";
    let mut unread = Vec::new();
    let refused = loop {
        let mut answer = engine.sql(sql, vec![]).await.unwrap();
        match answer.next().await {
            Some(Ok(_)) => unread.push(answer),
            other => break other.unwrap().unwrap_err(),
        }
        assert!(unread.len() < 10, "no end to them");
    };
    assert!(matches!(refused, Error::Memory(_)), "{refused:?}");
    assert!(unread.len() > 1, "{} and no more", unread.len());
    drop(unread);
    assert_eq!(
        lines(&engine, "select count(*) from parcels").await.unwrap(),
        ["1000"]
    );
}
