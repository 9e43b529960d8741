//! The page's filters, from its address to SQL literals. Days are days of the tenant's zone, `to` included. The same rule stands in
//! `web/src/lib/data.ts`: both sides must bind one text, or the first rows would be read twice.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, ToSpan};

use crate::Error;

/// The tenant's time zone.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone of an IANA name.
    pub fn named(name: &str) -> Result<Self, Error> {
        match name {
            // Known without a database of zones on the machine; no summer time since 1945.
            "Asia/Kolkata" => Ok(Self(TimeZone::fixed(
                Offset::constant(5).saturating_add(SignedDuration::from_mins(30)),
            ))),
            "UTC" => Ok(Self(TimeZone::UTC)),
            other => TimeZone::get(other)
                .map(Self)
                .map_err(|_| Error::UnknownZone(other.to_owned())),
        }
    }

    /// The beginning of a day as an SQL literal.
    fn start(&self, day: Date) -> Option<String> {
        let instant = day.to_zoned(self.0.clone()).ok()?.timestamp();
        Some(format!("timestamp '{instant}'"))
    }
}

/// Filters that are words.
const WORDS: [&str; 20] = [
    "dimension",
    "value",
    "grain",
    "reason",
    "source",
    "search",
    "payment",
    "decision",
    "alert",
    "status",
    "pattern",
    "kind",
    "product",
    "level",
    "category",
    "style",
    "supplier",
    "sort",
    "way",
    "least",
];

/// Literals for the filters in a query string's pairs. What cannot be read is left out, as on the page.
pub(crate) fn literals<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    zone: &Zone,
) -> BTreeMap<&'static str, String> {
    let mut out = BTreeMap::new();
    for (key, value) in pairs {
        if value.is_empty() {
            continue;
        }
        if let Some(word) = WORDS.into_iter().find(|w| *w == key) {
            out.insert(word, format!("'{}'", value.replace('\'', "''")));
            continue;
        }
        let Ok(day) = value.parse::<Date>() else { continue };
        let (name, day) = match key {
            "from" => ("from", Some(day)),
            "to" => ("to", day.checked_add(1.day()).ok()),
            _ => continue,
        };
        if let Some(literal) = day.and_then(|d| zone.start(d)) {
            out.insert(name, literal);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_in_the_tenants_zone_and_the_last_one_counts() {
        let zone = Zone::named("Asia/Kolkata").unwrap();
        let bound = literals([("from", "2026-08-24"), ("to", "2026-11-22")], &zone);
        assert_eq!(bound["from"], "timestamp '2026-08-23T18:30:00Z'");
        assert_eq!(bound["to"], "timestamp '2026-11-22T18:30:00Z'");
    }

    #[test]
    fn words_are_quoted_and_nonsense_is_left_out() {
        let zone = Zone::named("UTC").unwrap();
        let bound = literals(
            [
                ("value", "a'; drop"),
                ("from", "yesterday"),
                ("panel", "x"),
                ("reason", ""),
            ],
            &zone,
        );
        assert_eq!(bound, BTreeMap::from([("value", "'a''; drop'".to_owned())]));
    }

    #[test]
    fn an_unknown_zone_is_refused() {
        assert!(matches!(Zone::named("Mars/Olympus"), Err(Error::UnknownZone(_))));
    }
}
