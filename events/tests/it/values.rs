//! Small values: times, causes, words, subjects, outputs.

use eddy_events::output::{Data, Output, OutputKind, OutputType};
use eddy_events::returns::Grade;
use eddy_events::{Cause, Position, Reason, Timestamp, subjects};
use serde_json::json;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn times_are_utc_microseconds_with_the_offset_of_the_source() {
    assert_eq!(time("1970-01-01T00:00:00Z"), Timestamp::utc(0));
    assert_eq!(
        time("2026-11-02T18:41:07+05:30"),
        Timestamp {
            micros: 1_793_625_067_000_000,
            offset_minutes: 330
        }
    );
    assert_eq!(time("2026-11-02T13:11:07Z").micros, 1_793_625_067_000_000);
    assert_eq!(time("2026-11-02 13:11:07.25Z").micros, 1_793_625_067_250_000);
    assert_eq!(time("2026-11-02T09:41:07.000001-03:30").offset_minutes, -210);
    assert_eq!(time("1969-12-31T23:59:59.5Z").micros, -500_000);
    assert_eq!(
        time("2016-12-31T23:59:60Z").micros,
        time("2017-01-01T00:00:00Z").micros - 1
    );
    assert_eq!(time("2024-02-29T00:00:00Z").micros, 1_709_164_800_000_000);
}

#[test]
fn times_are_ordered_by_the_moment_and_then_by_the_offset() {
    assert!(time("2026-11-02T18:41:07+05:30") < time("2026-11-02T13:11:08Z"));
    assert!(time("2026-11-02T13:11:07Z") < time("2026-11-02T18:41:07+05:30"));
}

#[test]
fn times_are_written_as_they_are_read() {
    for text in [
        "2026-11-02T18:41:07+05:30",
        "2026-11-02T13:11:07Z",
        "2026-11-02T13:11:07.250Z",
        "2026-11-02T13:11:07.000001-03:30",
        "2000-02-29T00:00:00Z",
        "2199-12-31T23:59:59.999999Z",
        "1969-12-31T23:59:59.500Z",
    ] {
        assert_eq!(time(text).to_string(), text);
    }
}

#[test]
fn causes_are_read_as_they_are_written() {
    let cause: Cause = "0/12/3/0/2".parse().expect("a cause");
    assert_eq!(
        cause,
        Cause {
            shard: 0,
            sequence: 12,
            index: 3,
            ordinal: 0,
            count: 2
        }
    );
    assert_eq!(cause.to_string(), "0/12/3/0/2");
    assert_eq!(
        cause.position(),
        Position {
            sequence: 12,
            index: 3
        }
    );
    assert!(!cause.is_last());
    for bad in [
        "",
        "0/12/3/0",
        "0/12/3/0/2/1",
        "0/12/3/2/2",
        "0/+12/3/0/2",
        "a/1/1/0/1",
        "0/12/3/0/0",
        "0//3/0/1",
    ] {
        assert!(bad.parse::<Cause>().is_err(), "{bad}");
    }
}

#[test]
fn words_are_read_as_they_are_written() {
    for grade in Grade::ALL {
        assert_eq!(grade.as_str().parse::<Grade>().as_ref(), Ok(grade));
    }
    let error = "z".parse::<Grade>().expect_err("no grade");
    assert_eq!(error.to_string(), "`z` is not one of a, b, c, d, reject");
    assert_eq!(Reason::PersonalData.to_string(), "personal_data");
}

#[test]
fn subjects_name_tenant_and_shard() {
    assert_eq!(subjects::events("default", 0), "eddy.events.default.0");
    assert_eq!(
        subjects::derived("acme", 3, OutputKind::NdrScore),
        "eddy.derived.acme.3.ndr_score"
    );
    assert_eq!(
        subjects::dead_letters("default", "gateway"),
        "eddy.dead_letters.default.gateway"
    );
    assert_eq!(
        subjects::requests("default", "scores"),
        "eddy.requests.default.scores"
    );
}

#[test]
fn an_output_is_a_cloudevent_named_after_its_cause() {
    let cause = Cause {
        shard: 0,
        sequence: 12,
        index: 3,
        ordinal: 1,
        count: 2,
    };
    let data = json!({"b": 0.5, "a": {"d": 1.0, "c": "x\n"}});
    let mut output = Output::new(
        OutputType::MilestoneReached,
        cause,
        "AWB1",
        time("2026-11-02T18:41:07+05:30"),
        Data::of(&data),
    );
    output.causation_id = Some("7f1c".into());
    assert_eq!(output.kind, OutputKind::Milestone);
    assert_eq!(
        String::from_utf8(output.encode()).expect("utf-8"),
        concat!(
            r#"{"specversion":"1.0","id":"0-12-3-1","source":"urn:eddy:engine","type":"eddy.milestone.reached","subject":"AWB1","#,
            r#""time":"2026-11-02T18:41:07+05:30","causationid":"7f1c","data":{"a":{"c":"x\n","d":1},"b":0.5}}"#
        )
    );
}

#[test]
fn every_type_of_output_begins_with_its_kind() {
    for kind in OutputType::ALL {
        assert!(
            kind.as_str().starts_with(&format!("eddy.{}.", kind.kind())),
            "{kind}"
        );
    }
}

#[test]
fn events_stay_small_enough_to_be_moved_about() {
    assert!(
        size_of::<eddy_events::Event>() <= 512,
        "{}",
        size_of::<eddy_events::Event>()
    );
}
