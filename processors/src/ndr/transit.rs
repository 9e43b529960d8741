//! Days from manifest to the first attempt, by lane, as seen so far: when a parcel that was just manifested will probably go out.

use std::collections::BTreeMap;

use bitcode::{Decode, Encode};

/// Lanes kept; further ones are told from the wider average.
const LANES: usize = 65_536;
/// Parcels that the wider average is worth.
const STRENGTH: f64 = 3.0;
/// Parcels after which an average forgets as fast as it learns.
const MEMORY: f64 = 60.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
struct Average {
    count: f32,
    days: f32,
}

/// Averages by lane.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Transit {
    lanes: BTreeMap<(u32, u32, u32), Average>,
}

/// A lane from the widest to the narrowest: all, the courier, its zones, its sorting districts. Words are symbols.
pub(crate) type Lane = [(u32, u32, u32); 4];

/// The chain of a lane.
pub(crate) fn lane(courier: u32, zones: (u32, u32), regions: (u32, u32)) -> Lane {
    [
        (0, 0, 0),
        (courier, 0, 0),
        (courier, 1 << 30 | zones.0, zones.1),
        (courier, regions.0, regions.1),
    ]
}

impl Transit {
    /// Tells how long a parcel took.
    pub(crate) fn observe(&mut self, lane: &Lane, days: f64) {
        for key in lane {
            let full = self.lanes.len() >= LANES;
            let average = match self.lanes.get_mut(key) {
                Some(average) => average,
                None if full => continue,
                None => self.lanes.entry(*key).or_default(),
            };
            average.count += 1.0;
            let share = 1.0 / f64::from(average.count).min(MEMORY);
            average.days += ((days - f64::from(average.days)) * share) as f32;
        }
    }

    /// Days to expect; none before anything was seen.
    pub(crate) fn expect(&self, lane: &Lane) -> Option<f64> {
        let mut expected = None;
        for key in lane {
            let Some(average) = self.lanes.get(key) else { break };
            let (count, days) = (f64::from(average.count), f64::from(average.days));
            expected = Some(match expected {
                None => days,
                Some(wider) => (days * count + wider * STRENGTH) / (count + STRENGTH),
            });
        }
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_of_few_parcels_leans_on_wider_ones() {
        let mut transit = Transit::default();
        let (far, near) = (lane(1, (5, 6), (50, 60)), lane(1, (5, 7), (50, 70)));
        assert_eq!(transit.expect(&far), None);
        for _ in 0..40 {
            transit.observe(&far, 6.0);
            transit.observe(&near, 2.0);
        }
        assert!((transit.expect(&far).unwrap() - 6.0).abs() < 0.4);
        assert!((transit.expect(&near).unwrap() - 2.0).abs() < 0.4);
        let new = lane(1, (5, 6), (50, 61));
        assert!(
            (transit.expect(&new).unwrap() - 6.0).abs() < 0.6,
            "{:?}",
            transit.expect(&new)
        );
    }
}
