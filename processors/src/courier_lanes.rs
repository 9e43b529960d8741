//! Lanes: origin and destination region, courier and payment mode, with counts over the parcels of the forward leg.
//!
//! A region is the first three characters of a pincode, in India a sorting district. Parcels on the reverse and RTO legs count nowhere
//! here: the RTO of a forward parcel is in `rto` of the lane it was sent on.

use bitcode::{Decode, Encode};

/// Which lane. Words are symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub(crate) struct Key {
    pub(crate) courier: u32,
    pub(crate) origin: u32,
    pub(crate) destination: u32,
    /// Index in `PaymentMode::ALL`, or 255 when not told.
    pub(crate) payment: u8,
}

/// What one parcel adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parcel {
    pub(crate) delivered: i64,
    pub(crate) rto: i64,
    pub(crate) lost_or_damaged: i64,
    pub(crate) attempts: i64,
    pub(crate) attempted: i64,
    pub(crate) first_attempt_success: i64,
    /// Whole hours from pickup to delivery, negative when not known.
    pub(crate) transit_hours: i64,
}

/// A lane.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Lane {
    pub(crate) shipments: i64,
    pub(crate) delivered: i64,
    pub(crate) rto: i64,
    pub(crate) lost_or_damaged: i64,
    pub(crate) attempts: i64,
    /// Parcels with at least one attempt.
    pub(crate) attempted: i64,
    pub(crate) first_attempt_success: i64,
    /// Delivered parcels by bucket of transit hours.
    transit: Vec<(u16, i64)>,
    pub(crate) dirty: bool,
}

/// Buckets: an hour wide to two days, six hours to a fortnight, a day beyond; the last holds all over 90 days.
fn bucket(hours: i64) -> u16 {
    let hours = hours.max(0);
    let bucket = match hours {
        0..48 => hours,
        48..336 => 48 + (hours - 48) / 6,
        _ => (96 + (hours - 336) / 24).min(172),
    };
    u16::try_from(bucket).unwrap_or(172)
}

/// The middle of a bucket in hours.
fn middle(bucket: u16) -> f64 {
    let bucket = f64::from(bucket);
    if bucket < 48.0 {
        bucket + 0.5
    } else if bucket < 96.0 {
        48.0 + (bucket - 48.0) * 6.0 + 3.0
    } else {
        336.0 + (bucket - 96.0) * 24.0 + 12.0
    }
}

impl Lane {
    /// Adds or takes back one parcel.
    pub(crate) fn add(&mut self, parcel: &Parcel, sign: i64) {
        self.shipments += sign;
        self.delivered += sign * parcel.delivered;
        self.rto += sign * parcel.rto;
        self.lost_or_damaged += sign * parcel.lost_or_damaged;
        self.attempts += sign * parcel.attempts;
        self.attempted += sign * parcel.attempted;
        self.first_attempt_success += sign * parcel.first_attempt_success;
        if parcel.transit_hours >= 0 {
            let bucket = bucket(parcel.transit_hours);
            match self.transit.binary_search_by_key(&bucket, |(at, _)| *at) {
                Ok(at) => {
                    self.transit[at].1 += sign;
                    if self.transit[at].1 == 0 {
                        self.transit.remove(at);
                    }
                }
                Err(at) => self.transit.insert(at, (bucket, sign)),
            }
        }
    }

    /// The median of transit in hours, to the middle of its bucket.
    pub(crate) fn transit_hours_p50(&self) -> Option<f64> {
        let total: i64 = self.transit.iter().map(|(_, count)| count).sum();
        let mut below = 0;
        for (bucket, count) in &self.transit {
            below += count;
            if below * 2 >= total {
                return Some(middle(*bucket));
            }
        }
        None
    }

    /// The share of attempted parcels that the first attempt delivered.
    pub(crate) fn first_attempt_share(&self) -> Option<f64> {
        (self.attempted > 0).then(|| self.first_attempt_success as f64 / self.attempted as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_follows_parcels_in_and_out() {
        let parcel = |transit_hours| Parcel {
            transit_hours,
            delivered: 1,
            ..Parcel::default()
        };
        let mut lane = Lane::default();
        for hours in [10, 20, 30] {
            lane.add(&parcel(hours), 1);
        }
        assert_eq!(lane.transit_hours_p50(), Some(20.5));
        lane.add(&parcel(10), -1);
        lane.add(&parcel(500), 1);
        assert_eq!(lane.transit_hours_p50(), Some(30.5));
        for hours in [20, 30, 500] {
            lane.add(&parcel(hours), -1);
        }
        assert_eq!(lane.transit_hours_p50(), None);
        assert_eq!(lane.shipments, 0);
    }

    #[test]
    fn buckets_grow_with_hours() {
        let buckets: Vec<u16> = (0..3_000).map(bucket).collect();
        assert!(buckets.is_sorted());
        for (hours, bucket) in buckets.iter().enumerate().take(2_000) {
            assert!((middle(*bucket) - hours as f64).abs() <= 24.0, "{hours}");
        }
    }
}
