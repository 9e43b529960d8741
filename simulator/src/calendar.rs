//! Days: what season, festival, sale and weather do to a date. Dates of movable feasts are those published, for 2023 to 2027, to the day or so.
//!
//! A day is counted from the world's first; its civil date is computed here so that no clock or time zone is needed.

use crate::chance::{hash, unit};

pub(crate) const DAY: i64 = 86_400_000_000;
pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const MINUTE: i64 = 60_000_000;
pub(crate) const SECOND: i64 = 1_000_000;

/// Year, month, day of a day since 1970 (Hinnant's civil_from_days).
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// One span of the calendar within a year.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub name: &'static str,
    pub sale: bool,
    pub month: u32,
    pub day: u32,
    pub length: u32,
    /// Multiplies demand.
    pub demand: f64,
    /// Added to the log-odds that nobody is at home.
    pub absence: f64,
}

const fn span(
    name: &'static str,
    sale: bool,
    month: u32,
    day: u32,
    length: u32,
    demand: f64,
    absence: f64,
) -> Span {
    Span {
        name,
        sale,
        month,
        day,
        length,
        demand,
        absence,
    }
}

const FIXED: &[Span] = &[
    span("new_year_sale", true, 1, 1, 3, 1.25, 0.0),
    span("pongal", false, 1, 14, 2, 0.9, 0.25),
    span("republic_sale", true, 1, 19, 5, 1.6, 0.0),
    span("republic_day", false, 1, 26, 1, 0.95, 0.2),
    span("summer_sale", true, 5, 2, 6, 1.4, 0.0),
    span("member_sale", true, 7, 15, 3, 1.5, 0.0),
    span("freedom_sale", true, 8, 6, 5, 1.6, 0.0),
    span("independence_day", false, 8, 15, 1, 0.9, 0.25),
    span("festive_sale", true, 9, 24, 8, 2.0, 0.0),
    span("gandhi_jayanti", false, 10, 2, 1, 1.1, 0.2),
    span("black_friday_sale", true, 11, 25, 4, 1.35, 0.0),
    span("christmas", false, 12, 25, 1, 1.1, 0.2),
    span("year_end_sale", true, 12, 27, 4, 1.3, 0.0),
];

const HOLI: [(u32, u32); 5] = [(3, 8), (3, 25), (3, 14), (3, 4), (3, 22)];
const EID: [(u32, u32); 5] = [(4, 22), (4, 11), (3, 31), (3, 20), (3, 10)];
const DUSSEHRA: [(u32, u32); 5] = [(10, 24), (10, 12), (10, 2), (10, 20), (10, 9)];
const DIWALI: [(u32, u32); 5] = [(11, 12), (10, 31), (10, 20), (11, 8), (10, 29)];

/// Spans of one year.
pub(crate) fn spans(year: i64) -> Vec<Span> {
    let mut all = FIXED.to_vec();
    let i = (year - 2023).clamp(0, 4) as usize;
    let mut movable = |name, (month, day): (u32, u32), length, demand, absence| {
        all.push(span(name, false, month, day, length, demand, absence))
    };
    movable("holi", HOLI[i], 2, 0.85, 0.4);
    movable("eid", EID[i], 2, 1.1, 0.3);
    movable("dussehra", DUSSEHRA[i], 2, 1.2, 0.3);
    movable("diwali", DIWALI[i], 4, 0.8, 0.5);
    all
}

/// What one day is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayFacts {
    pub month: u32,
    pub demand: f64,
    pub absence: f64,
    pub sale: bool,
}

/// Facts of a civil day.
pub(crate) fn facts(civil_day: i64) -> DayFacts {
    let (year, month, day) = civil(civil_day);
    let weekday = (civil_day + 3).rem_euclid(7) as u8;
    let mut f = DayFacts {
        month,
        demand: [1.0, 0.97, 0.97, 0.98, 1.0, 1.08, 1.12][usize::from(weekday)],
        absence: 0.0,
        sale: false,
    };
    let of_year = |m: u32, d: u32| i64::from(m) * 31 + i64::from(d);
    for s in spans(year) {
        let from = of_year(s.month, s.day);
        if (from..from + i64::from(s.length)).contains(&of_year(month, day)) {
            f.demand *= s.demand;
            f.absence += s.absence;
            f.sale |= s.sale;
        }
    }
    if weekday == 6 {
        f.absence -= 0.05;
    }
    f
}

/// Weather comes in spells of three days over a region, the first two digits of a pincode.
pub(crate) const SPELL_DAYS: i64 = 3;

/// Severity of a region's spell, 0 when fair, with its word.
pub(crate) fn spell(seed: u64, region: u64, spell: i64) -> (f64, &'static str) {
    let (_, month, _) = civil(spell * SPELL_DAYS);
    // Monsoon reaches the south-west in June and leaves in September; the south-east has rain in November; the north has fog in January.
    let (chance, word) = match (month, region / 10) {
        (6..=9, 4..=7) => (0.26, "heavy_rain"),
        (7..=9, _) => (0.20, "heavy_rain"),
        (10..=12, 5 | 6) => (0.15, "cyclonic_rain"),
        (12 | 1, 1 | 2 | 8) => (0.16, "dense_fog"),
        (4 | 5, 1..=4) | (6, 1..=3) => (0.08, "heat_wave"),
        _ => (0.03, "thunderstorm"),
    };
    let h = hash(seed, 201, &[region, spell as u64]);
    if unit(h) >= chance {
        return (0.0, "fair");
    }
    let severity = 0.35 + 0.65 * unit(crate::chance::mix(h));
    ((severity * 100.0).round() / 100.0, word)
}

/// Congestion of a metro prefix on a day, 0 to 1.
pub(crate) fn congestion(seed: u64, prefix: u64, civil_day: i64, demand: f64) -> f64 {
    let own = unit(hash(seed, 202, &[prefix])) * 0.3;
    let today = unit(hash(seed, 203, &[prefix, civil_day as u64])) * 0.45;
    let c = own + today + (demand - 1.0).clamp(0.0, 1.0) * 0.25;
    (c.clamp(0.0, 1.0) * 100.0).round() / 100.0
}
