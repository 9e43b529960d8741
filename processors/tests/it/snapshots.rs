//! Snapshots: any prefix, saved and restored, plus the rest equals the whole; spilled state changes nothing; damage falls back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eddy_events::Event;
use eddy_processors::{Config, Engine, Error, Segments};
use proptest::prelude::*;

use crate::history::{Dice, history};
use crate::laws::same;
use crate::support::Run;

fn snapshot(run: &mut Run, segments: &Arc<Segments>) {
    let job = run.engine.begin_snapshot();
    let written = job.write(segments).unwrap();
    run.engine.finish_snapshot(written);
}

/// A memory bound so small that every clean page leaves memory.
fn tight() -> Config {
    Config {
        memory_bytes: 0,
        seen_in_memory: 10,
        ..Config::default()
    }
}

fn disordered(seed: u64, orders: usize) -> Vec<Event> {
    let mut events = history(seed, orders);
    let repeats: Vec<Event> = events.iter().step_by(5).cloned().collect();
    events.extend(repeats);
    Dice::new(seed).shuffle(&mut events);
    events
}

fn manifests(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "eddy"))
        .collect();
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn killed_and_restored_anywhere_it_ends_as_if_undisturbed(seed in any::<u64>(), orders in 1_usize..6, spill in any::<bool>()) {
        let events = disordered(seed, orders);
        let mut whole = Run::new();
        whole.play(&events, 11);

        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        let config = if spill { tight() } else { Config::default() };
        let mut dice = Dice::new(seed);
        let mut engine = Engine::new(config.clone()).unwrap();
        engine.attach(&segments);
        let mut run = Run::from(engine);
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
                        None => {
                            let mut engine = Engine::new(config.clone()).unwrap();
                            engine.attach(&segments);
                            Run::from(engine)
                        }
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
    fn events_folded_while_a_snapshot_is_written_are_not_in_it(seed in any::<u64>()) {
        let events = disordered(seed, 4);
        let (first, rest) = events.split_at(events.len() / 2);
        let dir = tempfile::tempdir().unwrap();
        let segments = Segments::open(dir.path()).unwrap();
        let mut run = Run::new();
        run.engine.attach(&segments);
        run.play(first, 3);
        let before = run.engine.digest();
        let job = run.engine.begin_snapshot();
        run.play(rest, 3);
        let written = job.write(&segments).unwrap();
        run.engine.finish_snapshot(written);
        let mut restored = Engine::restore(&Config::default(), &segments).unwrap().unwrap();
        prop_assert_eq!(restored.digest(), before);
        // The next snapshot holds what changed meanwhile.
        snapshot(&mut run, &segments);
        let mut again = Engine::restore(&Config::default(), &segments).unwrap().unwrap();
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
    let mut older = Engine::restore(&Config::default(), &segments).unwrap().unwrap();
    assert_eq!(older.digest(), first);
    let mut resumed = Run::from(older);
    resumed.play(&events[20..], 9);
    assert_eq!(resumed.engine.digest().projections, whole.projections);
    assert_eq!(resumed.engine.digest().outputs, whole.outputs);

    for path in manifests(dir.path()) {
        fs::write(path, b"EDDY").unwrap();
    }
    assert!(
        Engine::restore(&Config::default(), &segments).unwrap().is_none(),
        "with none sound, the log is replayed from its start"
    );
}

#[test]
fn a_damaged_page_makes_its_snapshot_unsound() {
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let mut run = Run::new();
    run.play(&disordered(3, 5), 5);
    snapshot(&mut run, &segments);
    let page = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "seg"))
        .unwrap();
    let mut bytes = fs::read(&page).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&page, &bytes).unwrap();
    assert!(
        Engine::restore(&Config::default(), &Segments::open(dir.path()).unwrap())
            .unwrap()
            .is_none()
    );
}

#[test]
fn old_files_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let segments = Segments::open(dir.path()).unwrap();
    let mut run = Run::new();
    run.engine.attach(&segments);
    let events = disordered(11, 60);
    for chunk in events.chunks(40) {
        run.play(chunk, 40);
        snapshot(&mut run, &segments);
    }
    assert_eq!(manifests(dir.path()).len(), 2);
    let runs = fs::read_dir(dir.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "run"))
        .count();
    assert!(runs < 12, "{runs} runs of identities are left");
    let mut restored = Engine::restore(&Config::default(), &segments).unwrap().unwrap();
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
        ..Config::default()
    };
    assert!(
        Engine::restore(&other, &segments).unwrap().is_none(),
        "days of another zone are other days"
    );
    let nowhere = Config {
        zone: "Mars/Olympus".into(),
        ..Config::default()
    };
    assert!(matches!(Engine::new(nowhere), Err(Error::UnknownZone { .. })));
}
