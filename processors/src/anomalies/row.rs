//! One anomaly, one row: the case as it stands, its ranked causes, and what people said of it.

use bitcode::{Decode, Encode};
use eddy_events::feedback::{AnomalyReviewed, AnomalyVerdict};
use eddy_events::output::OutputType;
use eddy_models::shift::cases::Case;
use smol_str::{SmolStr, format_smolstr};

use super::GROWN;
use super::why::Cause;

/// Causes that a row names.
const NAMED: usize = 5;

/// What somebody said.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Review {
    /// `acknowledged`, `dismissed`, `snoozed` or `merged`.
    pub(crate) verdict: String,
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) into: String,
    pub(crate) at: i64,
}

/// A row.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Row {
    pub(crate) series: u32,
    pub(crate) rises: bool,
    pub(crate) group: Option<u8>,
    pub(crate) onset: i32,
    /// Last day that was looked at.
    pub(crate) until: i32,
    pub(crate) observed: f64,
    pub(crate) expected: f64,
    pub(crate) delivered: u32,
    pub(crate) q: f64,
    pub(crate) log_e: f64,
    /// What the lines of the excess cost, in minor units.
    pub(crate) at_stake_minor: i64,
    /// Series that were tested on the last day.
    pub(crate) tested: u32,
    pub(crate) causes: Vec<Cause>,
    pub(crate) members: Vec<u32>,
    pub(crate) detected_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) resolved_at: Option<i64>,
    pub(crate) ended: Option<i32>,
    pub(crate) review: Option<Review>,
    /// Excess when it was last told, and when it was snoozed.
    told: f64,
    snoozed: f64,
    counted: Counted,
}

/// Lines of a series that were delivered since a day and told up to a number, and what they are worth in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Counted {
    pub(crate) series: u32,
    pub(crate) from: i32,
    /// Number of the next line.
    pub(crate) next: u64,
    pub(crate) lines: u32,
    pub(crate) value_minor: i64,
}

impl Row {
    /// Returns beyond what was expected; negative where fewer come.
    pub(crate) fn excess(&self) -> f64 {
        self.observed - self.expected
    }

    /// Where it stands.
    pub(crate) fn status(&self) -> &str {
        match &self.review {
            _ if self.resolved_at.is_some() => "resolved",
            Some(review) => &review.verdict,
            None => "open",
        }
    }

    /// What was counted last, so that only what came since is counted again.
    pub(super) fn counted(&self) -> Counted {
        self.counted
    }

    /// Takes the case as a day leaves it; which output tells of it, if any. `stakes` counts what was delivered since the onset and what that is worth in minor units, `causes` ranks anew; both are
    /// asked only while the case grows.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    pub(super) fn take(
        &mut self,
        today: i32,
        case: &Case<u32>,
        stakes: impl FnOnce() -> Counted,
        causes: Option<impl FnOnce() -> Vec<Cause>>,
        (tested, clock, new): (u32, i64, bool),
    ) -> Option<OutputType> {
        let first = self.detected_at == 0;
        if first {
            self.detected_at = clock;
        }
        let cause = self.causes.first().map(|cause| cause.series);
        self.series = case.series;
        self.rises = case.rises;
        self.group = case.group.map(|group| group as u8);
        self.q = case.q;
        self.log_e = case.log_e;
        self.tested = tested;
        self.updated_at = clock;
        self.members = case.members.clone();
        // The window moves on and leaves an old shift behind; its row tells it at its largest.
        let larger = new || case.excess().abs() >= self.excess().abs();
        if larger {
            self.measure(today, case, stakes());
        }
        let causes = causes.filter(|_| larger).map(|rank| rank());
        if let Some(mut causes) = causes.filter(|causes| !causes.is_empty()) {
            causes.truncate(NAMED);
            self.causes = causes;
        }
        if case.resolved.is_some() && self.resolved_at.is_none() {
            (self.resolved_at, self.ended) = (Some(clock), case.ended);
            return Some(OutputType::AnomalyResolved);
        }
        if case.resolved.is_none() {
            // What came back is taken up again.
            (self.resolved_at, self.ended) = (None, None);
        }
        let excess = self.excess().abs();
        if self
            .review
            .as_ref()
            .is_some_and(|review| review.verdict == "snoozed")
            && excess >= GROWN * self.snoozed
        {
            self.review = None;
        }
        let grown = excess >= GROWN * self.told;
        let other = cause != self.causes.first().map(|cause| cause.series);
        if !(new || grown || other) {
            return None;
        }
        self.told = excess;
        Some(if first {
            OutputType::AnomalyDetected
        } else {
            OutputType::AnomalyUpdated
        })
    }

    /// What is counted of the case today.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    fn measure(&mut self, today: i32, case: &Case<u32>, counted: Counted) {
        self.onset = case.onset;
        self.until = today;
        self.observed = case.observed;
        self.expected = case.expected;
        self.delivered = counted.lines;
        self.counted = counted;
        let each = counted.value_minor as f64 / f64::from(counted.lines.max(1));
        self.at_stake_minor = (each * self.excess()).round() as i64;
    }

    /// Takes a word.
    pub(super) fn review(&mut self, said: &AnomalyReviewed, at: i64) {
        if said.verdict == AnomalyVerdict::Snoozed {
            self.snoozed = self.excess().abs();
        }
        let text = |text: &Option<SmolStr>| text.as_deref().unwrap_or("").to_owned();
        self.review = Some(Review {
            verdict: said.verdict.as_str().to_owned(),
            actor: said.actor.to_string(),
            reason: text(&said.reason),
            into: text(&said.into),
            at,
        });
    }
}

/// Id of an anomaly by its number; `shard` tells those of several shards apart.
pub(crate) fn id_of(shard: u32, number: u32) -> SmolStr {
    format_smolstr!("AN{shard}-{:06}", number + 1)
}

/// Number of an anomaly of a shard by its id.
pub(crate) fn number_of(shard: u32, id: &str) -> Option<u32> {
    let (of, number) = id.strip_prefix("AN")?.split_once('-')?;
    (of.parse() == Ok(shard)).then_some(())?;
    number.parse::<u32>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_number_within_its_shard() {
        for (shard, number) in [(0, 0), (3, 41), (12, 1_999_999)] {
            let id = id_of(shard, number);
            assert_eq!(number_of(shard, &id), Some(number), "{id}");
            assert_eq!(number_of(shard + 1, &id), None, "{id}");
        }
        for id in ["", "AN", "AN0", "AN0-", "AN0-000000", "A0-000001", "AN0-x"] {
            assert_eq!(number_of(0, id), None, "{id}");
        }
    }
}
