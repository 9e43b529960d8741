//! Pattern 4. Switch, old for new: the same article came back with another serial number. Innocent: the number was captured badly, or the warehouse had sent
//! somebody else's piece.

use eddy_events::returns::Match;

use crate::fraud::case::Fact;
use crate::fraud::finding::Finding;
use crate::fraud::hashed;
use crate::fraud::known::Known;
use crate::fraud::pattern::{Definition, Kind, Pattern};

const SLIPS: usize = 0;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::Switch,
    subject: Kind::Return,
    precision: (8.0, 2.0),
    doubtful: (0.5, 19.5),
    parameters: &[("slips", 2.0, 0.0, 6.0)],
};

pub(crate) fn detect(known: &Known<'_>) -> Option<Finding> {
    // Another article altogether is a decoy.
    if known.matched(Match::MismatchClass).is_some() {
        return None;
    }
    let serial = other_serial(known);
    let inspected = known.matched(Match::MismatchSerial);
    if serial.is_none() && inspected.is_none() {
        return None;
    }
    let mut strength = 0.5;
    let mut finding = known.finds(Pattern::Switch, strength, 0.6);
    if let Some((fact, sent, got)) = serial {
        finding = finding.shows(fact, format!("serial {got} came back, {sent} was sent"));
        strength += 0.2;
    }
    if let Some((fact, inspection)) = inspected {
        finding = finding.shows(fact, "inspected as another piece of the same article");
        strength += if inspection.grade >= 2 { 0.2 } else { 0.1 };
    }
    finding.strength = strength;
    let limit = known.number(Pattern::Switch, SLIPS);
    if let Some((_, sent, got)) = serial {
        let slips = slips(sent, got);
        let slipped = f64::from(slips) <= limit;
        finding = finding.looked(
            "bad serial capture",
            slipped,
            format!("the two numbers differ in {slips} places"),
        );
        let other = known
            .fraud
            .serials
            .who(hashed(got))
            .filter(|order| *order != known.order);
        finding = finding.looked(
            "another buyer's piece was sent",
            other.is_some(),
            match other {
                Some(order) => format!(
                    "serial {got} was sent with order {}",
                    known.world.order_keys.get(order)
                ),
                None => format!("serial {got} was sent with no other order of late"),
            },
        );
    } else {
        finding = finding.looked(
            "bad serial capture",
            true,
            "no serial number was captured at receipt",
        );
    }
    Some(finding)
}

/// A serial number that came back, was not sent with the order, and stands for one that was.
pub(crate) fn other_serial<'a>(known: &Known<'a>) -> Option<(&'a Fact, &'a str, &'a str)> {
    let sent = known.sale?.serials();
    for (fact, receipt) in known.receipts() {
        for got in receipt.lines.iter().filter(|got| !got.serial.is_empty()) {
            let of_line = sent.iter().find(|(line, _)| *line == got.line);
            if let Some((_, serial)) = of_line
                && sent.iter().all(|(_, serial)| **serial != *got.serial)
            {
                return Some((fact, serial, &got.serial));
            }
        }
    }
    None
}

/// In how many places two numbers differ; a different length counts for each place it is longer.
fn slips(a: &str, b: &str) -> u32 {
    let differ = a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count();
    (differ + a.len().abs_diff(b.len())) as u32
}

#[cfg(test)]
mod tests {
    use super::slips;

    #[test]
    fn two_digits_swapped_are_two_slips() {
        assert_eq!(slips("SN0123456", "SN0213456"), 2);
        assert_eq!(slips("SN01", "SN0123"), 2);
    }
}
