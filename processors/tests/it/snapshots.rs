//! Snapshots: any prefix, saved and restored, plus the rest equals the whole; spilled state changes nothing; damage falls back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eddy_events::Event;
use eddy_processors::{Config, Engine, Error, Segments};
use proptest::prelude::*;

use crate::history::{Dice, history};
use crate::laws::{same, with_reviews};
use crate::support::{Run, config};

fn snapshot(run: &mut Run, segments: &Arc<Segments>) {
    let job = run.engine.begin_snapshot();
    let written = job.write(segments).unwrap();
    run.engine.finish_snapshot(written);
}

/// Memory bounds so small that with each snapshot every page and nearly every key leaves memory.
fn tight() -> Config {
    Config {
        memory_bytes: 0,
        index_bytes: 600,
        seen_in_memory: 10,
        ..config()
    }
}

/// Files of the state folder whose names begin so.
fn files(dir: &Path, prefix: &str) -> BTreeSet<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

/// An engine that spills to `segments`.
fn attached(config: &Config, segments: &Arc<Segments>) -> Run {
    let mut engine = Engine::new(config.clone()).unwrap();
    engine.attach(segments);
    Run::from(engine)
}

fn disordered(seed: u64, orders: usize) -> Vec<Event> {
    let mut events = history(seed, orders);
    let repeats: Vec<Event> = events.iter().step_by(5).cloned().collect();
    events.extend(repeats);
    Dice::new(seed).shuffle(&mut events);
    events
}

fn manifests(dir: &Path) -> Vec<PathBuf> {
    files(dir, "snapshot-").into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn killed_and_restored_anywhere_it_ends_as_if_undisturbed(seed in any::<u64>(), orders in 1_usize..6, spill in any::<bool>()) {
        let events = with_reviews(&disordered(seed, orders), seed);
        let mut whole = Run::new();
        whole.play(&events, 11);

        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        let config = if spill { tight() } else { config() };
        let mut dice = Dice::new(seed);
        let mut run = attached(&config, &segments);
        let mut outputs = Vec::new();
        let mut at = 0;
        let mut saved = 0;
        while at < events.len() {
            let until = (at + 1 + dice.roll(12) as usize).min(events.len());
            run.play(&events[at..until], 4);
            at = until;
            match dice.roll(4) {
                0 => {
                    snapshot(&mut run, &segments);
                    saved = at;
                }
                1 => {
                    // Killed: what came after the snapshot is folded again, and its outputs are offered again.
                    outputs.append(&mut run.out.outputs);
                    run = match Engine::restore(&config, &segments).unwrap() {
                        Some(engine) => Run::from(engine),
                        None => attached(&config, &segments),
                    };
                    prop_assert_eq!(run.engine.progress().sequence, saved as u64);
                    at = saved;
                }
                _ => {}
            }
        }
        outputs.append(&mut run.out.outputs);
        outputs.sort_by_key(|(cause, _)| *cause);
        outputs.dedup();
        same("restored", &run.tables, &whole.tables);
        prop_assert_eq!(run.engine.digest(), whole.engine.digest());
        prop_assert_eq!(run.engine.counts(), whole.engine.counts());
        prop_assert_eq!(&outputs, &whole.out.outputs);
    }

    #[test]
    fn keys_on_disk_change_nothing(seed in any::<u64>(), orders in 1_usize..8, bound in 0_usize..4_000) {
        let events = disordered(seed, orders);
        let mut whole = Run::new();
        whole.play(&events, 11);

        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        let config = Config { index_bytes: bound, ..tight() };
        let mut run = attached(&config, &segments);
        let mut dice = Dice::new(seed);
        for chunk in events.chunks(15) {
            // Each snapshot is written, or fails, while more is folded.
            let job = run.engine.begin_snapshot();
            run.play(chunk, 3);
            if dice.chance(20) {
                run.engine.abandon_snapshot();
            } else {
                let written = job.write(&segments).unwrap();
                run.engine.finish_snapshot(written);
            }
        }
        snapshot(&mut run, &segments);
        if bound < 100 {
            prop_assert!(!files(dir.path(), "keys-").is_empty());
        }
        let mut restored = Engine::restore(&config, &segments).unwrap().unwrap();
        prop_assert_eq!(restored.digest(), whole.engine.digest());
        same("spilled", &run.tables, &whole.tables);
        prop_assert_eq!(run.engine.digest(), whole.engine.digest());
        prop_assert_eq!(&run.out.outputs, &whole.out.outputs);
    }

    #[test]
    fn events_folded_while_a_snapshot_is_written_are_not_in_it(seed in any::<u64>(), spill in any::<bool>()) {
        let events = disordered(seed, 4);
        let (first, rest) = events.split_at(events.len() / 2);
        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        let config = if spill { tight() } else { config() };
        let mut run = attached(&config, &segments);
        run.play(first, 3);
        let before = run.engine.digest();
        let job = run.engine.begin_snapshot();
        run.play(rest, 3);
        let written = job.write(&segments).unwrap();
        run.engine.finish_snapshot(written);
        let mut restored = Engine::restore(&config, &segments).unwrap().unwrap();
        prop_assert_eq!(restored.digest(), before);
        // The next snapshot holds what changed meanwhile.
        snapshot(&mut run, &segments);
        let mut again = Engine::restore(&config, &segments).unwrap().unwrap();
        prop_assert_eq!(again.digest(), run.engine.digest());
    }
}

#[test]
fn a_damaged_newest_snapshot_falls_back_to_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let events = disordered(7, 5);
    let mut run = Run::new();
    run.engine.attach(&segments);
    run.play(&events[..20], 5);
    snapshot(&mut run, &segments);
    let first = run.engine.digest();
    run.play(&events[20..], 5);
    snapshot(&mut run, &segments);
    let whole = run.engine.digest();

    let newest = manifests(dir.path()).pop().unwrap();
    let sound = fs::read(&newest).unwrap();
    let mut damaged = sound.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x40;
    fs::write(&newest, &damaged).unwrap();
    let mut older = Engine::restore(&config(), &segments).unwrap().unwrap();
    assert_eq!(older.digest(), first);
    let mut resumed = Run::from(older);
    resumed.play(&events[20..], 9);
    assert_eq!(resumed.engine.digest().projections, whole.projections);
    assert_eq!(resumed.engine.digest().outputs, whole.outputs);

    for path in manifests(dir.path()) {
        fs::write(path, b"EDDY").unwrap();
    }
    assert!(
        Engine::restore(&config(), &segments).unwrap().is_none(),
        "with none sound, the log is replayed from its start"
    );
}

#[test]
fn killed_between_the_runs_of_keys_and_the_manifest_nothing_is_lost() {
    let events = disordered(13, 12);
    let (first, rest) = events.split_at(events.len() / 2);
    let mut whole = Run::new();
    whole.play(&events, 5);
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let mut run = attached(&tight(), &segments);
    run.play(first, 5);
    snapshot(&mut run, &segments);
    let before = files(dir.path(), "keys-");
    run.play(rest, 5);
    snapshot(&mut run, &segments);
    drop(run);
    // As if the last rename had not come about.
    fs::remove_file(manifests(dir.path()).pop().unwrap()).unwrap();
    let orphans = &files(dir.path(), "keys-") - &before;
    assert!(!before.is_empty() && !orphans.is_empty());

    let mut resumed = Run::from(Engine::restore(&tight(), &segments).unwrap().unwrap());
    assert_eq!(resumed.engine.progress().sequence, first.len() as u64);
    resumed.play(rest, 5);
    assert_eq!(resumed.engine.digest(), whole.engine.digest());
    snapshot(&mut resumed, &segments);
    assert!(
        orphans.is_disjoint(&files(dir.path(), "keys-")),
        "they are removed"
    );
    let mut again = Engine::restore(&tight(), &segments).unwrap().unwrap();
    assert_eq!(again.digest(), whole.engine.digest());
}

#[test]
fn a_damaged_page_or_run_makes_its_snapshot_unsound() {
    for prefix in ["pages-", "seen-", "keys-"] {
        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        let mut run = attached(&tight(), &segments);
        run.play(&disordered(3, 5), 5);
        snapshot(&mut run, &segments);
        let file = files(dir.path(), prefix).pop_first().unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let restored = Engine::restore(&tight(), &Segments::open(dir.path()).unwrap()).unwrap();
        assert!(restored.is_none(), "{prefix}");
    }
}

#[test]
fn indexes_of_keys_stay_within_their_bound() {
    let events = history(17, 1_000);
    let index_bytes = |bound: usize| {
        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        let config = Config {
            index_bytes: bound,
            ..config()
        };
        let mut run = attached(&config, &segments);
        for chunk in events.chunks(2_000) {
            chunk.iter().for_each(|event| run.feed(event));
            snapshot(&mut run, &segments);
        }
        (run.engine.memory().index_bytes, run.engine.digest())
    };
    let (all, digest) = index_bytes(usize::MAX);
    let (none, _) = index_bytes(0);
    for bound in [8 << 10, 24 << 10] {
        let (bytes, same) = index_bytes(bound);
        assert!(
            bytes < none + bound,
            "{bytes} bytes of {all} are left, {none} at the least"
        );
        assert_eq!(same, digest);
    }
    assert!(all > none + (24 << 10), "the bounds bind");
}

#[test]
fn old_files_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let mut run = attached(&tight(), &segments);
    let events = disordered(11, 60);
    for chunk in events.chunks(40) {
        run.play(chunk, 40);
        snapshot(&mut run, &segments);
    }
    assert_eq!(manifests(dir.path()).len(), 2);
    for (prefix, most) in [("seen-", 12), ("keys-", 8 * 12)] {
        let left = files(dir.path(), prefix).len();
        assert!(0 < left && left < most, "{left} runs {prefix} are left");
    }
    let mut restored = Engine::restore(&tight(), &segments).unwrap().unwrap();
    assert_eq!(restored.digest(), run.engine.digest());
}

#[test]
fn a_snapshot_of_another_configuration_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let mut run = Run::new();
    run.play(&disordered(3, 2), 5);
    snapshot(&mut run, &segments);
    let other = Config {
        zone: "UTC".into(),
        ..config()
    };
    assert!(
        Engine::restore(&other, &segments).unwrap().is_none(),
        "days of another zone are other days"
    );
    let nowhere = Config {
        zone: "Mars/Olympus".into(),
        ..config()
    };
    assert!(matches!(Engine::new(nowhere), Err(Error::UnknownZone { .. })));
}
