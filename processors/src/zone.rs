//! Days of the tenant's time zone.
//!
//! Only the day of an instant is asked for; times in rows stay UTC.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::error::Error;

/// A time zone, and what it takes to know the day of an instant quickly.
#[derive(Debug)]
pub(crate) struct Zone {
    zone: TimeZone,
    /// Offset in microseconds, if it never changes.
    fixed: Option<i64>,
}

const DAY_MICROS: i64 = 86_400_000_000;

impl Zone {
    /// The zone of an IANA name.
    pub(crate) fn named(name: &str) -> Result<Self, Error> {
        let zone = match name {
            "UTC" => TimeZone::UTC,
            // Without summer time since 1945, which spares a search for every delivery.
            "Asia/Kolkata" => {
                TimeZone::fixed(Offset::constant(5).saturating_add(jiff::SignedDuration::from_mins(30)))
            }
            other => TimeZone::get(other).map_err(|_| Error::UnknownZone {
                zone: other.to_owned(),
            })?,
        };
        let fixed = zone
            .to_fixed_offset()
            .ok()
            .map(|offset| i64::from(offset.seconds()) * 1_000_000);
        Ok(Self { zone, fixed })
    }

    /// Days since 1970 of an instant in microseconds.
    pub(crate) fn day(&self, micros: i64) -> i32 {
        let offset = self.fixed.unwrap_or_else(|| {
            let at = Timestamp::from_microsecond(micros).unwrap_or_default();
            i64::from(self.zone.to_offset(at).seconds()) * 1_000_000
        });
        i32::try_from(micros.saturating_add(offset).div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_of_the_zone() {
        let india = Zone::named("Asia/Kolkata").unwrap();
        let utc = Zone::named("UTC").unwrap();
        // 2026-11-21T18:29:59Z and a second later, which is midnight in India.
        let before = 1_795_285_799_000_000;
        assert_eq!(india.day(before) + 1, india.day(before + 1_000_000));
        assert_eq!(utc.day(before), utc.day(before + 1_000_000));
        assert!(Zone::named("Mars/Olympus").is_err());
    }

    #[test]
    fn summer_time_is_respected() {
        let london = Zone::named("Europe/London").unwrap();
        // 2011-07-01T23:30:00Z is 2 July in London; 2011-01-01T23:30:00Z is still 1 January.
        assert_eq!(london.day(1_309_563_000_000_000), 15_157);
        assert_eq!(london.day(1_293_924_600_000_000), 14_975);
    }
}
