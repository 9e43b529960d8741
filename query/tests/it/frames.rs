//! Frames of the live feed.

use eddy_query::LiveTables;
use eddy_query::live::Keys;

use crate::sample::{DEPOTS, PARCELS, depots, parcel, parcels, progress, schemas};

#[test]
fn frame_names_the_changed_keys_table_by_table() {
    let tables = LiveTables::new(schemas()).unwrap();
    let mut frames = tables.subscribe();
    let changes = vec![
        (PARCELS, parcels(&[parcel(1), parcel(2)])),
        (DEPOTS, depots(&[("delhi", 7, None)])),
    ];
    tables.apply(changes, progress(5)).unwrap();
    let frame = frames.try_recv().unwrap();
    assert_eq!(frame.sequence, 5);
    assert_eq!(frame.changed[0].name.as_ref(), "parcels");
    assert_eq!(
        frame.changed[0].keys,
        Keys::Some(vec![vec!["AWB00000001".into()], vec!["AWB00000002".into()]])
    );
    assert_eq!(
        frame.changed[1].keys,
        Keys::Some(vec![vec!["delhi".into(), "7".into()]])
    );
}

#[test]
fn more_than_a_thousand_changes_are_only_counted() {
    let tables = LiveTables::new(schemas()).unwrap();
    let mut frames = tables.subscribe();
    let rows: Vec<_> = (0..1_001).map(parcel).collect();
    tables
        .apply(vec![(PARCELS, parcels(&rows))], progress(1))
        .unwrap();
    assert_eq!(frames.try_recv().unwrap().changed[0].keys, Keys::Many(1_001));
}

#[test]
fn frame_comes_after_the_snapshot_it_tells_of() {
    let tables = LiveTables::new(schemas()).unwrap();
    let mut frames = tables.subscribe();
    tables
        .apply(vec![(PARCELS, parcels(&[parcel(1)]))], progress(9))
        .unwrap();
    let frame = frames.try_recv().unwrap();
    assert!(tables.snapshot().sequence() >= frame.sequence);
}
