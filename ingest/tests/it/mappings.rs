//! Mappings as texts: the ones that come with Eddy can be read, and a mistake in one's own is told with its place.

use eddy_ingest::mapping::bind::{Header, bind};
use eddy_ingest::mapping::{self, EMBEDDED, WEBHOOKS};

const BASE: &str = r#"
name = "t"
version = 1
source = "urn:t"
[[event]]
type = "eddy.order.cancelled"
id = '$id'
subject = '$id'
time = 'time($at)'
data = { order_id = '$id', by = "'seller'" }
"#;

fn error(text: &str) -> String {
    let header = Header {
        file: "t.csv".to_owned(),
        columns: vec!["id".to_owned(), "at".to_owned()],
    };
    match mapping::read("t", text) {
        Err(error) => error.to_string(),
        Ok(loaded) => bind(&loaded.mapping, &header, Vec::new())
            .map(|_| String::new())
            .unwrap_or_else(|error| error.to_string()),
    }
}

#[test]
fn the_mappings_that_come_with_eddy_can_be_read() {
    for (name, text) in EMBEDDED.iter().chain(&WEBHOOKS) {
        let loaded = mapping::read(name, text).expect("a mapping");
        assert_eq!(loaded.mapping.name, *name);
    }
    assert_eq!(error(BASE), "");
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (from, to, told) in [
        (
            "'$id'\nsubject",
            "'$id +'\nsubject",
            "event[1] eddy.order.cancelled: id",
        ),
        ("time($at)", "tim($at)", "there is no function `tim`"),
        ("time($at)", "time($at, 1, 2, 3)", "does not take 4 arguments"),
        ("time($at)", "when", "`when` is not defined under [let]"),
        (
            "order.cancelled",
            "order.exploded",
            "no event type of the catalogue",
        ),
        (
            "type = ",
            "type_from = \"'x'\"\ntype = ",
            "either `type`, or `type_from`",
        ),
        ("version = 1", "version = 1\nzone = \"Mars/Base\"", "no time zone"),
        ("version = 1", "version = 1\ncolour = 1", "unknown field `colour`"),
        (
            "[[event]]",
            "[let]\na = 'b'\nb = 'a'\n[[event]]\nwhen = 'a'",
            "leads back to itself",
        ),
        (
            "'$id'\nsubject",
            "'lookup(names, $id)'\nsubject",
            "there is no table `names`",
        ),
        (
            "'$id'\nsubject",
            "'sum(items, $id)'\nsubject",
            "no joined input `items`",
        ),
        (
            "'$id'\nsubject",
            "'$purchase.id'\nsubject",
            "no joined input `purchase`",
        ),
    ] {
        let text = BASE.replacen(from, to, 1);
        assert_ne!(text, BASE, "{from}");
        let error = error(&text);
        assert!(error.contains(told), "{told}: {error}");
    }
}
