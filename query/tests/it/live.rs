//! Laws of the live tables, held against a naive map.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StringViewArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimestampMicrosecondType};
use eddy_query::live::{Options, TableSnapshot};
use eddy_query::{Change, LiveTables, Progress, Snapshot};
use proptest::prelude::*;

use crate::sample::{DEPOTS, PARCELS, Parcel, depots, parcel, parcels, progress, schemas, small, weighing};

type Model = BTreeMap<String, Parcel>;

fn rows(batch: &RecordBatch) -> Vec<Parcel> {
    let text = |c: usize| batch.column(c).as_string_view();
    (0..batch.num_rows())
        .map(|r| Parcel {
            awb: text(0).value(r).to_owned(),
            courier: text(1).is_valid(r).then(|| text(1).value(r).to_owned()),
            status: text(2).value(r).to_owned(),
            weight_g: batch.column(3).as_primitive::<Int64Type>().value(r),
            risk: batch
                .column(4)
                .is_valid(r)
                .then(|| batch.column(4).as_primitive::<Float64Type>().value(r)),
            updated_at: batch
                .column(5)
                .as_primitive::<TimestampMicrosecondType>()
                .value(r),
        })
        .collect()
}

fn contents(table: &TableSnapshot) -> Model {
    let all: Vec<Parcel> = table.batches().flat_map(|b| rows(&b.unwrap())).collect();
    let count = all.len();
    let model: Model = all.into_iter().map(|p| (p.awb.clone(), p)).collect();
    assert_eq!(model.len(), count, "a key stands in two live rows");
    assert_eq!(
        table.rows(),
        count,
        "the row count is not the number of live rows"
    );
    model
}

fn found(table: &TableSnapshot, awb: &str) -> Option<Parcel> {
    let keys: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec![awb]))];
    rows(&table.get(&keys).unwrap()).pop()
}

#[derive(Debug, Clone)]
enum Step {
    Upsert(Vec<(u8, i64, bool)>),
    Delete(Vec<u8>),
    Pin,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((any::<u8>(), 0..5_i64, any::<bool>()), 0..40).prop_map(Step::Upsert),
        2 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Step::Delete),
        2 => Just(Step::Pin),
    ]
}

fn key(n: u8) -> String {
    // Short keys lie inline, long ones in a buffer of their own.
    if n.is_multiple_of(2) {
        format!("k{n}")
    } else {
        format!("a rather long key number {n}")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_snapshot_equals_a_naive_map_for_ever(
        steps in prop::collection::vec(step(), 1..60),
        chunk_rows in 1..40_usize,
        merge_width in 2..5_usize,
        compact_rows in 1..20_usize,
        chunk_bytes in prop_oneof![Just(1 << 20), 200..4_000_usize],
    ) {
        let options = Options { chunk_rows, chunk_bytes, merge_width, compact_rows };
        let tables = LiveTables::with_options(schemas(), options).unwrap();
        let mut model = Model::new();
        let mut pinned: Vec<(Arc<Snapshot>, Model)> = vec![(tables.snapshot(), model.clone())];
        for (sequence, step) in steps.iter().enumerate() {
            let sequence = sequence as u64 + 1;
            match step {
                Step::Upsert(changes) => {
                    let rows: Vec<Parcel> = changes
                        .iter()
                        .map(|(n, v, known)| Parcel {
                            awb: key(*n),
                            courier: known.then(|| format!("courier {v}")),
                            ..parcel(i64::from(*n) * 7 + v)
                        })
                        .collect();
                    let rows: Vec<Parcel> = rows.into_iter().zip(changes).map(|(p, (n, ..))| Parcel { awb: key(*n), ..p }).collect();
                    tables.apply(vec![(PARCELS, parcels(&rows))], progress(sequence)).unwrap();
                    model.extend(rows.into_iter().map(|p| (p.awb.clone(), p)));
                }
                Step::Delete(keys) => {
                    let names: Vec<String> = keys.iter().map(|n| key(*n)).collect();
                    let schema = Arc::new(Schema::new(vec![Field::new("awb", DataType::Utf8, false)]));
                    let batch = RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(names.clone()))]).unwrap();
                    tables.apply(vec![(PARCELS, Change::Delete(batch))], progress(sequence)).unwrap();
                    for name in names {
                        model.remove(&name);
                    }
                }
                Step::Pin => pinned.push((tables.snapshot(), model.clone())),
            }
            prop_assert_eq!(tables.snapshot().progress.first().map_or(0, |p| p.sequence), last_applied(&steps[..sequence as usize]));
        }
        tables.settle();
        pinned.push((tables.snapshot(), model));
        for (snapshot, model) in &pinned {
            let table = snapshot.table(PARCELS).unwrap();
            prop_assert_eq!(&contents(table), model);
            for n in 0..=u8::MAX {
                prop_assert_eq!(found(table, &key(n)), model.get(&key(n)).cloned());
            }
        }
    }
}

fn last_applied(steps: &[Step]) -> u64 {
    steps
        .iter()
        .rposition(|s| !matches!(s, Step::Pin))
        .map_or(0, |at| at as u64 + 1)
}

#[test]
fn last_row_of_a_key_in_one_batch_wins() {
    let tables = LiveTables::with_options(schemas(), small()).unwrap();
    let twice = [
        Parcel {
            weight_g: 1,
            ..parcel(7)
        },
        parcel(8),
        Parcel {
            weight_g: 2,
            ..parcel(7)
        },
    ];
    tables
        .apply(vec![(PARCELS, parcels(&twice))], progress(1))
        .unwrap();
    let snapshot = tables.snapshot();
    let table = snapshot.table(PARCELS).unwrap();
    assert_eq!(table.rows(), 2);
    assert_eq!(found(table, &parcel(7).awb).unwrap().weight_g, 2);
}

#[test]
fn composite_keys_are_told_apart_by_every_column() {
    let tables = LiveTables::with_options(schemas(), small()).unwrap();
    let rows = [
        ("a", 1, Some("x")),
        ("a", 2, Some("y")),
        ("b", 1, None),
        ("a", 1, Some("z")),
    ];
    tables.apply(vec![(DEPOTS, depots(&rows))], progress(1)).unwrap();
    let snapshot = tables.snapshot();
    let table = snapshot.table(DEPOTS).unwrap();
    assert_eq!(table.rows(), 3);
    let keys: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from(vec!["a", "b"])),
        Arc::new(Int64Array::from(vec![1, 2])),
    ];
    let found = table.get(&keys).unwrap();
    assert_eq!(found.num_rows(), 1);
    assert_eq!(found.column(2).as_string_view().value(0), "z");
}

#[test]
fn table_without_growth_keeps_its_memory_under_endless_updates() {
    let tables = LiveTables::with_options(schemas(), small()).unwrap();
    let round = |sequence: u64| {
        tables
            .apply(vec![(PARCELS, weighing(sequence as i64, 20))], progress(sequence))
            .unwrap();
        let snapshot = tables.snapshot();
        let table = snapshot.table(PARCELS).unwrap();
        (table.rows(), table.dead())
    };
    let dead: Vec<usize> = (1..500)
        .map(|sequence| {
            let (rows, dead) = round(sequence);
            assert_eq!(rows, 20);
            dead
        })
        .collect();
    assert!(dead.iter().all(|d| *d < 200), "dead rows pile up: {dead:?}");
}

#[test]
fn pinned_reader_sees_its_rows_while_the_writer_goes_on() {
    let tables = LiveTables::with_options(
        schemas(),
        Options {
            chunk_rows: 512,
            ..small()
        },
    )
    .unwrap();
    tables
        .apply(vec![(PARCELS, weighing(0, 300))], progress(1))
        .unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut sequence = 1;
            while !stop.load(Ordering::Relaxed) {
                sequence += 1;
                tables
                    .apply(
                        vec![(PARCELS, weighing(sequence as i64, 300))],
                        progress(sequence),
                    )
                    .unwrap();
            }
            sequence
        });
        for _ in 0..200 {
            let snapshot = tables.snapshot();
            let table = snapshot.table(PARCELS).unwrap();
            let model = contents(table);
            // One apply writes one weight everywhere: a mixture would be half an apply.
            let weight = model.values().next().unwrap().weight_g;
            assert_eq!(model.len(), 300);
            assert!(model.values().all(|p| p.weight_g == weight));
            assert_eq!(found(table, &parcel(42).awb).unwrap().weight_g, weight);
            if weight > 0 {
                assert_eq!(weight as u64, snapshot.sequence());
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 1);
    });
}

#[test]
fn all_tables_of_a_snapshot_stand_at_one_sequence() {
    let tables = LiveTables::with_options(schemas(), small()).unwrap();
    let changes = vec![
        (PARCELS, parcels(&[parcel(1)])),
        (DEPOTS, depots(&[("delhi", 1, None)])),
    ];
    tables
        .apply(
            changes,
            Progress {
                shard: 3,
                ..progress(17)
            },
        )
        .unwrap();
    let snapshot = tables.snapshot();
    assert_eq!(snapshot.sequence(), 17);
    assert_eq!(snapshot.progress[0].shard, 3);
    assert_eq!(
        snapshot.tables().iter().map(|t| t.rows()).collect::<Vec<_>>(),
        [1, 1]
    );
}

#[test]
fn schemas_that_make_no_table_are_refused_with_the_reason() {
    let field = || {
        vec![
            Field::new("a", DataType::Utf8, false),
            Field::new("f", DataType::Float64, false),
        ]
    };
    let with = |pairs: &[(&str, &str)]| {
        let metadata = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        LiveTables::new(vec![Arc::new(Schema::new_with_metadata(field(), metadata))])
            .unwrap_err()
            .to_string()
    };
    assert!(with(&[]).contains("eddy.table"));
    assert!(with(&[("eddy.table", "t")]).contains("eddy.key"));
    assert!(with(&[("eddy.table", "t"), ("eddy.key", "b")]).contains("`b` is not in the schema"));
    assert!(with(&[("eddy.table", "t"), ("eddy.key", "f")]).contains("cannot be a key"));
    let twice = LiveTables::new(vec![schemas()[0].clone(), schemas()[0].clone()]).unwrap_err();
    assert!(twice.to_string().contains("twice"));
}

#[test]
fn batch_that_does_not_fit_is_refused_and_nothing_is_published() {
    let tables = LiveTables::new(schemas()).unwrap();
    let error = tables
        .apply(vec![(PARCELS, depots(&[("a", 1, None)]))], progress(1))
        .unwrap_err();
    assert!(error.to_string().contains("parcels"), "{error}");
    assert!(tables.apply(vec![(9, depots(&[]))], progress(1)).is_err());
    assert_eq!(tables.snapshot().generation, 0);
}
