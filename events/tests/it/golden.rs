//! One example of every type, kept readable for ever, and the canonical lines they have always had.

use std::path::{Path, PathBuf};

use eddy_events::{Body, codec, fingerprint};

fn folder() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
        .join("tests/golden")
}

pub fn text(kind: &str) -> String {
    let path = folder().join(format!("{kind}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{kind} has no golden file: {error}"))
}

#[test]
fn every_type_has_an_example_and_every_example_a_type() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    files.sort_unstable();
    let mut types = Body::TYPES.to_vec();
    types.sort_unstable();
    assert_eq!(files, types);
}

#[test]
fn examples_decode_and_encode_to_the_same_canonical_line() {
    for kind in Body::TYPES {
        let (event, line) =
            codec::canonicalise(text(kind).as_bytes()).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!(event.body.type_name(), *kind);
        assert_eq!(codec::decode(&line).as_ref(), Ok(&event), "{kind}");
        assert_eq!(
            codec::decode(text(kind).as_bytes()).as_ref(),
            Ok(&event),
            "{kind}"
        );
        let encoded = codec::encode(&event);
        assert_eq!(
            String::from_utf8_lossy(&encoded),
            String::from_utf8_lossy(&line),
            "{kind}"
        );
    }
}

/// Deduplication compares canonical lines with those of years ago, so their bytes may never change. `EDDY_BLESS=1` appends the lines of new
/// types and leaves the others alone.
#[test]
fn canonical_lines_are_those_they_have_always_been() {
    let path = folder().join("lines.ndjson");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let mut kept: Vec<&str> = kept.lines().collect();
    let mut fresh = Vec::new();
    for kind in Body::TYPES {
        let (_, line) = codec::canonicalise(text(kind).as_bytes()).expect("golden files are valid");
        let line = String::from_utf8(line).expect("canonical lines are utf-8");
        let named = format!("\"type\":\"{kind}\"");
        match kept.iter().find(|kept| kept.contains(&named)) {
            Some(kept) => assert_eq!(*kept, line),
            None => fresh.push(line),
        }
    }
    if std::env::var_os("EDDY_BLESS").is_some() {
        kept.extend(fresh.iter().map(String::as_str));
        std::fs::write(&path, kept.join("\n") + "\n").expect("the folder is writable");
        return;
    }
    assert!(
        fresh.is_empty(),
        "new types; run with EDDY_BLESS=1 to keep their lines: {fresh:?}"
    );
}

#[test]
fn the_fingerprint_of_a_line_is_the_one_it_has_always_been() {
    assert_eq!(
        fingerprint(b"{\"specversion\":\"1.0\"}"),
        twox_hash::XxHash3_128::oneshot(b"{\"specversion\":\"1.0\"}")
    );
    assert_eq!(
        eddy_events::identity("a", "b"),
        twox_hash::XxHash3_128::oneshot(b"a\0b")
    );
    let long = "x".repeat(300);
    assert_eq!(
        eddy_events::identity(&long, "b"),
        twox_hash::XxHash3_128::oneshot(format!("{long}\0b").as_bytes())
    );
}
