//! SQL as text: each file under `sql/` holds queries and the answers they must have.
//!
//! A block is `query` (or `query sorted`, where the order is not the query's to say), the statement, `----`, and the rows with bars between the columns; or
//! `error`, the statement, `----`, and a part of the message.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::ScalarValue;
use eddy_query::{Limits, Offer, QueryEngine};

use crate::sample::{PARCELS, Parcel, engine, lines, parcel, parcels, progress, views, weighing, world};

async fn run(text: &str, file: &str) {
    let engine = engine();
    let mut failures = Vec::new();
    for block in text
        .split("\n\n")
        .map(str::trim)
        .filter(|b| !b.is_empty() && !b.starts_with('#'))
    {
        let (head, rest) = block.split_once('\n').unwrap_or((block, ""));
        let (sql, expected) = rest.split_once("----").unwrap_or((rest, ""));
        let expected: Vec<&str> = expected.trim().lines().map(str::trim_end).collect();
        match (head, lines(&engine, sql).await) {
            ("error", Err(error)) if error.to_string().contains(expected[0]) => {}
            ("query", Ok(rows)) if rows == expected => {}
            ("query sorted", Ok(mut rows)) => {
                rows.sort();
                if rows != expected {
                    failures.push(format!("{sql}\ngave\n{}", rows.join("\n")));
                }
            }
            (_, Ok(rows)) => failures.push(format!("{sql}\ngave\n{}", rows.join("\n"))),
            (_, Err(error)) => failures.push(format!("{sql}\nfailed: {error}")),
        }
    }
    assert!(failures.is_empty(), "{file}:\n{}", failures.join("\n\n"));
}

#[tokio::test]
async fn every_query_file_gives_its_answers() {
    let folder =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
            .join("tests/it/sql");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        run(
            &std::fs::read_to_string(&file).unwrap(),
            &file.display().to_string(),
        )
        .await;
    }
}

#[tokio::test]
async fn key_lookup_gives_what_a_full_scan_gives() {
    let engine = engine();
    for n in (0..1_000).step_by(37) {
        let awb = parcel(n).awb;
        let by_key = lines(&engine, &format!("select * from parcels where awb = '{awb}'"))
            .await
            .unwrap();
        let by_scan = lines(
            &engine,
            &format!("select * from parcels where awb || '' = '{awb}'"),
        )
        .await
        .unwrap();
        assert_eq!(by_key.len(), 1);
        assert_eq!(by_key, by_scan);
    }
    let plan = lines(
        &engine,
        "explain select * from parcels where awb in ('AWB00000001', 'AWB00000002', 'x')",
    )
    .await
    .unwrap()
    .join("\n");
    assert!(plan.contains("by_key=2"), "{plan}");
    let plan = lines(&engine, "explain select * from parcels where awb || '' = 'x'")
        .await
        .unwrap()
        .join("\n");
    assert!(!plan.contains("by_key"), "{plan}");
}

#[tokio::test]
async fn one_query_sees_one_snapshot_in_all_its_parts() {
    let engine = engine();
    let tables = engine.tables().clone();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut sequence = 100;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                sequence += 1;
                tables
                    .apply(
                        vec![(PARCELS, weighing(sequence as i64, 1_000))],
                        progress(sequence),
                    )
                    .unwrap();
            }
        });
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for _ in 0..30 {
                    let sql = "select min(a.weight_g), max(b.weight_g), (select max(weight_g) from parcels), (select max(sequence) from eddy_meta.progress)
                               from parcels a join parcels b on a.awb = b.awb";
                    let row = lines(&engine, sql).await.unwrap().remove(0);
                    let values: Vec<i64> = row.split('|').map(|v| v.parse().unwrap()).collect();
                    if values[3] > 100 {
                        assert!(values.iter().all(|v| *v == values[0]), "{row}");
                    }
                }
            });
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        writer.join().unwrap();
    });
}

#[tokio::test]
async fn prepared_statement_reads_the_newest_snapshot_each_time() {
    let engine = engine();
    let prepared = engine
        .prepare("select count(*), max(weight_g) from parcels where awb = $1")
        .await
        .unwrap();
    let ask = || async {
        let params = vec![ScalarValue::Utf8(Some("AWB00000007".into()))];
        let batches = engine
            .execute(&prepared, params, Default::default())
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        arrow::util::pretty::pretty_format_batches(&batches)
            .unwrap()
            .to_string()
    };
    assert!(ask().await.contains("107"));
    tables_with_weight(&engine, 5_555);
    assert!(ask().await.contains("5555"));
    let count = engine.prepare("select count(*) from parcels").await.unwrap();
    let one = vec![(PARCELS, parcels(&[parcel(5_000)]))];
    engine.tables().apply(one, progress(1_001)).unwrap();
    let batches = engine
        .execute(&count, Vec::new(), Default::default())
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    assert!(
        arrow::util::pretty::pretty_format_batches(&batches)
            .unwrap()
            .to_string()
            .contains("1001")
    );
}

fn tables_with_weight(engine: &eddy_query::QueryEngine, weight: i64) {
    let rows = [Parcel {
        weight_g: weight,
        ..parcel(7)
    }];
    engine
        .tables()
        .apply(vec![(PARCELS, parcels(&rows))], progress(1_000))
        .unwrap();
}

#[tokio::test]
async fn function_of_time_is_computed_at_each_execution() {
    let engine = engine();
    let first = lines(&engine, "select now()").await.unwrap();
    let mut second = first.clone();
    // The clock's steps are finer than an execution, but not by promise.
    while second == first {
        second = lines(&engine, "select now()").await.unwrap();
    }
    assert!(second > first);
}

#[tokio::test]
async fn parameters_take_the_type_of_what_they_meet() {
    let engine = engine();
    let count = |sql: &'static str, params: Vec<ScalarValue>| {
        let engine = engine.clone();
        async move {
            let batches = engine.sql(sql, params).await?.collect().await?;
            Ok::<_, eddy_query::sql::Error>(batches.iter().map(|b| b.num_rows()).sum::<usize>())
        }
    };
    let text = |t: &str| ScalarValue::Utf8(Some(t.into()));
    assert_eq!(
        count("select awb from parcels where weight_g = $1", vec![text("105")])
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        count(
            "select awb from parcels where updated_at < $1",
            vec![text("2023-11-14T22:13:30Z")]
        )
        .await
        .unwrap(),
        10
    );
    assert_eq!(
        count(
            "select awb from parcels where awb in ($1, $2)",
            vec![text("AWB00000001"), text("AWB00000002")]
        )
        .await
        .unwrap(),
        2
    );
    assert_eq!(
        count(
            "select awb from parcels limit $1",
            vec![ScalarValue::Int64(Some(3))]
        )
        .await
        .unwrap(),
        3
    );
    let error = count("select awb from parcels where awb = $1", Vec::new())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("1 parameters and 0 came"), "{error}");
    let error = count("select awb from parcels where weight_g = $1", vec![text("heavy")])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("parameter $1"), "{error}");
}

#[tokio::test]
async fn key_computed_from_a_parameter_is_looked_up_as_well() {
    let engine = engine();
    let sql = "select weight_g from parcels where awb = 'AWB' || lpad($1, 8, '0')";
    let params = vec![ScalarValue::Utf8(Some("42".into()))];
    let explained = engine
        .sql(&format!("explain {sql}"), params.clone())
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let explained = arrow::util::pretty::pretty_format_batches(&explained)
        .unwrap()
        .to_string();
    assert!(explained.contains("by_key=1"), "{explained}");
    let rows = engine.sql(sql, params).await.unwrap().collect().await.unwrap();
    assert!(
        arrow::util::pretty::pretty_format_batches(&rows)
            .unwrap()
            .to_string()
            .contains("142")
    );
}

#[tokio::test]
async fn group_by_of_coded_text_goes_by_numbers() {
    let engine = engine();
    let plan = lines(
        &engine,
        "explain select status, count(*) from parcels group by status",
    )
    .await
    .unwrap()
    .join("\n");
    assert!(
        plan.contains("Decode") && plan.contains("numbered=[status]"),
        "{plan}"
    );
    let plan = lines(&engine, "explain select count(distinct courier) from parcels")
        .await
        .unwrap()
        .join("\n");
    assert!(plan.contains("numbered=[courier]"), "{plan}");
    let plan = lines(&engine, "explain select awb, count(*) from parcels group by awb")
        .await
        .unwrap()
        .join("\n");
    assert!(!plan.contains("Decode"), "{plan}");
}

#[tokio::test]
async fn distinct_values_are_counted_by_number_as_by_text() {
    let engine = engine();
    for column in ["courier", "status"] {
        for by in ["", "status", "courier", "status, courier"] {
            let (select, group) = match by {
                "" => (String::new(), String::new()),
                by => (format!("{by}, "), format!(" group by {by} order by {by}")),
            };
            let ask =
                |of: String| format!("select {select}count(distinct {of}), count(*) from parcels{group}");
            let by_number = lines(&engine, &ask(column.into())).await.unwrap();
            let by_text = lines(&engine, &ask(format!("{column} || ''"))).await.unwrap();
            assert_eq!(by_number, by_text, "{column} by {by:?}");
        }
    }
}

#[tokio::test]
async fn a_join_tells_the_scan_what_its_smaller_side_holds() {
    let engine = engine();
    let joined = "select p.courier, p.status, count(*), sum(p.weight_g) from parcels p";
    let few = "(values ('ekart'), ('delhivery'), ('nobody'), (null)) as f (name)";
    let one = "(select courier as name from parcels where awb = 'AWB00000002') as f";
    let explain = format!("explain {joined} join {one} on p.courier = f.name group by 1, 2");
    let plan = lines(&engine, &explain).await.unwrap().join("\n");
    assert!(plan.contains("dynamic=["), "{plan}");
    for side in [few, one, "(select 'nobody' as name) as f"] {
        for kind in [
            "join",
            "left join",
            "right join",
            "full join",
            "left semi join",
            "left anti join",
        ] {
            let ask = |key: &str| {
                format!(
                    "{joined} {kind} {side} on {key} = f.name where p.weight_g > 3 or p.weight_g is null group by 1, 2 order by 1, 2"
                )
            };
            let told = lines(&engine, &ask("p.courier")).await.unwrap();
            // A computed key is none that a dictionary could answer.
            let hidden = lines(&engine, &ask("(p.courier || '')")).await.unwrap();
            assert_eq!(told, hidden, "{kind} {side}");
        }
    }
}

#[tokio::test]
async fn metadata_of_a_further_table_stays_out_of_joins() {
    let noted = |comment: &str| {
        let fields = vec![Field::new("name", DataType::Utf8View, false)];
        let metadata = HashMap::from([("comment".to_owned(), comment.to_owned())]);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let names = Arc::new(StringViewArray::from(vec!["delhi", "pune"]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![names]).unwrap();
        Arc::new(MemTable::try_new(schema, vec![vec![batch]]).unwrap())
    };
    let extra = ["a", "b"].map(|n| {
        (
            "public".to_owned(),
            n.to_owned(),
            noted(n) as Arc<dyn TableProvider>,
        )
    });
    let offer = Offer {
        views: views(),
        extra: extra.into(),
        ..Offer::default()
    };
    let engine = QueryEngine::new(world(), offer, Limits::default()).unwrap();
    let cases = [
        ("select count(*) from a, b, parcels", "4000"),
        (
            "select count(*) from (select name from a union all select name from b) n",
            "4",
        ),
        (
            "select count(*) from depots d join a on a.name = d.city join b on b.name = d.city",
            "4",
        ),
        ("select comment from eddy_meta.tables where \"table\" = 'a'", "a"),
    ];
    for (sql, expected) in cases {
        assert_eq!(lines(&engine, sql).await.unwrap(), [expected], "{sql}");
    }
}

#[tokio::test]
async fn explained_statement_may_ask_who_it_is() {
    let plan = lines(
        &engine(),
        "explain select awb from parcels where awb <> current_user",
    )
    .await;
    let plan = plan.unwrap().join("\n");
    assert!(plan.contains("eddy"), "{plan}");
}

#[tokio::test]
async fn one_row_by_its_key_goes_before_what_may_take_long() {
    let engine = engine();
    for (sql, brief) in [
        ("select * from parcels where awb = 'AWB7'", true),
        (
            "select p.weight_g as grams from parcels p where $1 = p.awb and weight_g > 3 limit 1",
            true,
        ),
        ("select awb from parcels where awb = cast($1 as varchar)", true),
        ("select awb from parcels", false),
        ("select awb from parcels where awb > 'AWB7'", false),
        (
            "select awb from parcels where awb = 'AWB7' or weight_g = 1",
            false,
        ),
        ("select count(*) from parcels where awb = 'AWB7'", false),
        (
            "select repeat(awb, 1000000) from parcels where awb = 'AWB7'",
            false,
        ),
        (
            "select p.awb from parcels p, parcels q where p.awb = 'AWB7' and q.awb = 'AWB8'",
            false,
        ),
    ] {
        assert_eq!(engine.prepare(sql).await.unwrap().is_brief(), brief, "{sql}");
    }
}
