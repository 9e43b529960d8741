//! Aggregates whose partials are kept chunk by chunk: the same answers as from all rows, whatever came and went in between.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::Schema;
use eddy_query::live::{Change, Options};
use eddy_query::{Limits, LiveTables, Offer, QueryEngine};
use proptest::prelude::*;

use crate::sample::{PARCELS, Parcel, lines, parcel, parcels, progress, schemas, small};

fn engine_of(tables: &Arc<LiveTables>) -> QueryEngine {
    let limits = Limits {
        threads: 2,
        ..Limits::default()
    };
    QueryEngine::new(Arc::clone(tables), Offer::default(), limits).unwrap()
}

/// What a query groups by, and a condition of it.
const ASKED: [(&str, &str); 5] = [
    ("courier", "true"),
    ("courier, status", "weight_g > 3"),
    ("courier, status", "weight_g > 4"),
    ("status", "courier = 'ekart'"),
    (
        "coalesce(courier, 'nobody'), date_trunc('month', updated_at)",
        "risk is not null",
    ),
];

async fn ask(engine: &QueryEngine, (by, which): (&str, &str), rows: &str) -> Vec<String> {
    let sql = format!(
        "select {by}, count(*), sum(weight_g), avg(risk), count(risk) from {rows} where {which} group by {by} order by {by}"
    );
    lines(engine, &sql).await.unwrap()
}

/// All rows, in a form of which nothing is kept.
const WHOLE: &str = "(select * from parcels order by awb limit 1000000)";

async fn plan(engine: &QueryEngine, sql: &str) -> String {
    lines(engine, &format!("explain {sql}")).await.unwrap().join("\n")
}

fn keys(of: impl Iterator<Item = i64>) -> RecordBatch {
    let fields = schemas()[PARCELS].project(&[0]).unwrap();
    let awbs = StringArray::from_iter_values(of.map(|n| parcel(n).awb));
    RecordBatch::try_new(
        Arc::new(Schema::new(fields.fields().clone())),
        vec![Arc::new(awbs)],
    )
    .unwrap()
}

fn weighing(weight_g: i64, of: impl Iterator<Item = i64>) -> RecordBatch {
    let of = of.map(|n| Parcel {
        weight_g,
        ..parcel(n)
    });
    parcels(&of.collect::<Vec<_>>())
}

fn still(rows: i64) -> (Arc<LiveTables>, QueryEngine) {
    let options = Options {
        chunk_rows: 256,
        ..small()
    };
    let tables = LiveTables::with_options(schemas(), options).unwrap();
    tables
        .apply(vec![(PARCELS, weighing(5, 0..rows))], progress(1))
        .unwrap();
    tables.settle();
    let engine = engine_of(&tables);
    (tables, engine)
}

/// Chunks of a plan, and how many of them are kept.
fn kept(plan: &str) -> (usize, usize) {
    let figure = |name: &str| -> usize {
        let (_, after) = plan.split_once(name).unwrap_or_else(|| panic!("{plan}"));
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    (figure("chunks="), figure("kept="))
}

#[tokio::test]
async fn what_is_asked_again_reads_only_chunks_that_changed() {
    let (tables, engine) = still(2_048);
    let sql = "select courier, count(*), sum(weight_g) from parcels group by courier order by 1";
    let first = lines(&engine, sql).await.unwrap();
    for _ in 0..2 {
        assert_eq!(lines(&engine, sql).await.unwrap(), first);
    }
    let (chunks, all) = kept(&plan(&engine, sql).await);
    assert!(chunks >= 8 && all + 1 >= chunks, "{all} of {chunks}");
    // Of another condition nothing is known.
    let other = "select courier, count(*), sum(weight_g) from parcels where weight_g <> 6 group by courier order by 1";
    assert!(!plan(&engine, other).await.contains("Kept"));
    // One parcel moves: the chunk in which it dies is read again, the others are not.
    tables
        .apply(vec![(PARCELS, weighing(7, 300..301))], progress(2))
        .unwrap();
    tables.settle();
    let (_, left) = kept(&plan(&engine, sql).await);
    assert_eq!(left, all - 1);
    let second = lines(&engine, sql).await.unwrap();
    let sum = |lines: &[String]| -> i64 {
        lines
            .iter()
            .map(|l| l.rsplit('|').next().unwrap().parse::<i64>().unwrap())
            .sum()
    };
    assert_eq!(sum(&second), sum(&first) + 2);
    assert!(kept(&plan(&engine, sql).await).1 > left);
}

#[tokio::test]
async fn too_many_groups_are_not_kept_and_answers_that_depend_on_more_than_rows_neither() {
    let (_tables, engine) = still(2_048);
    let by_key = "select awb, count(*) from parcels group by awb order by awb";
    let first = lines(&engine, by_key).await.unwrap();
    for _ in 0..3 {
        assert_eq!(lines(&engine, by_key).await.unwrap(), first);
    }
    assert!(
        !plan(&engine, by_key).await.contains("Kept"),
        "groups as many as rows"
    );
    for sql in [
        "select courier, count(*) from parcels where random() < 2 group by courier",
        "select courier, array_agg(status) from parcels group by courier",
        "select courier, max(awb) from parcels group by courier",
        "select courier, count(*) from parcels where weight_g > (select min(number) - 10 from depots) group by courier",
        "select courier, count(*) filter (where weight_g > 2) from parcels group by courier",
    ] {
        let first = lines(&engine, &format!("{sql} order by 1")).await.unwrap();
        for _ in 0..2 {
            assert_eq!(
                lines(&engine, &format!("{sql} order by 1")).await.unwrap().len(),
                first.len()
            );
        }
        assert!(
            !plan(&engine, &format!("{sql} order by 1")).await.contains("Kept"),
            "{sql}"
        );
    }
}

#[derive(Debug, Clone)]
enum Step {
    Weigh(i64, i64, i64),
    Delete(i64, i64),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..900_i64, 1..120_i64, 0..9_i64).prop_map(|(from, count, weight)| Step::Weigh(from, count, weight)),
        1 => (0..900_i64, 1..60_i64).prop_map(|(from, count)| Step::Delete(from, count)),
        1 => Just(Step::Settle),
    ]
}

fn take(tables: &LiveTables, at: usize, step: &Step) {
    let change: Change = match *step {
        Step::Weigh(from, count, weight) => weighing(weight, from..from + count).into(),
        Step::Delete(from, count) => Change::Delete(keys(from..from + count)),
        Step::Settle => return tables.settle(),
    };
    tables
        .apply(vec![(PARCELS, change)], progress(at as u64 + 2))
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_filter_that_whole_chunks_meet_or_fail_leaves_the_rows_that_pass(steps in prop::collection::vec(step(), 1..24)) {
        let tables = LiveTables::with_options(schemas(), Options { chunk_rows: 128, ..small() }).unwrap();
        let engine = engine_of(&tables);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        tables.apply(vec![(PARCELS, weighing(1, 0..2_000))], progress(1)).unwrap();
        for (at, step) in steps.iter().enumerate() {
            take(&tables, at, step);
            for which in [">= 1", "> 1", "<= 4", "< 4", "= 1", "<> 1", "between 1 and 5", "is not null"] {
                let rows = |column: &str| {
                    let sql = format!("select awb, weight_g from parcels where {column} {which} order by awb");
                    runtime.block_on(lines(&engine, &sql)).unwrap()
                };
                // A sum says nothing of the smallest and the largest value.
                prop_assert_eq!(rows("weight_g"), rows("(weight_g + 0)"), "{}", which);
            }
        }
    }

    #[test]
    fn kept_partials_say_what_all_rows_say(steps in prop::collection::vec(step(), 1..24), chunk_rows in 64..160_usize) {
        let options = Options { chunk_rows, ..small() };
        let tables = LiveTables::with_options(schemas(), options).unwrap();
        let engine = engine_of(&tables);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        tables.apply(vec![(PARCELS, weighing(1, 0..2_000))], progress(1)).unwrap();
        for (at, step) in steps.into_iter().enumerate() {
            take(&tables, at, &step);
            for asked in ASKED {
                let by_all = runtime.block_on(ask(&engine, asked, WHOLE));
                for _ in 0..3 {
                    prop_assert_eq!(&runtime.block_on(ask(&engine, asked, "parcels")), &by_all, "{:?}", asked);
                }
            }
        }
        // The law is about what was kept: in the end something was.
        tables.settle();
        let (by, which) = ASKED[3];
        let sql = format!(
            "select {by}, count(*), sum(weight_g), avg(risk), count(risk) from parcels where {which} group by {by} order by {by}"
        );
        prop_assert!(kept(&runtime.block_on(plan(&engine, &sql))).1 > 0, "nothing is kept");
    }
}
