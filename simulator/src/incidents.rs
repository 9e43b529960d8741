//! Incidents: from a known day on, something about how the shop runs gets worse. A packer or a lane breaks goods, a desk slows down, refunds hang or are never begun, a courier fails
//! more attempts or lets parcels lie without a scan.
//!
//! Only the schedule and what it does to one parcel, desk or refund. Damage is told as a [`Shift`], a courier's failures as an [`Outage`]; the rest is asked here.
//! None of it draws from a generator that others use, so a world without incidents is the same to the byte as before there were any.

use eddy_events::SmolStr;
use eddy_events::money::Tender;

use crate::carriers::Outage;
use crate::chance::{Rng, hash, unit};
use crate::geography::Facility;
use crate::shifts::{Cause, PACKERS, Shift, packer_code};

/// Group of reasons that is damage.
const DAMAGE: usize = 4;
/// Any zone, in an outage.
pub(crate) const EVERYWHERE: u8 = 0;

/// Where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Facility and packer.
    DamageByPacker(u16, u16),
    /// Courier and first digit of the destination.
    DamageOnLane(u8, u8),
    /// Facility whose desk takes longer for each line.
    Desk(u16),
    /// Facility whose refunds hang, or the way of paying back that does.
    RefundsOf(u16),
    RefundsBy(Tender),
    /// Courier, or courier and zone, that fails more.
    NdrOf(u8),
    NdrOnLane(u8, u8),
    /// Courier and zone, or facility, whose parcels lie.
    ScansOnLane(u8, u8),
    ScansOf(u16),
    /// Facility that forgets to have lines paid back.
    Forgotten(u16),
}

/// One incident.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub id: u32,
    trouble: Trouble,
    /// Days since 1970, first and last.
    pub from: i64,
    pub to: i64,
    /// How much worse; in log-odds for failures, a probability for what hangs or lies, a factor for the rest.
    pub size: f64,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incidents(Vec<Incident>);

impl Incidents {
    /// Draws the schedule: each kind in turn.
    pub(crate) fn schedule(
        seed: u64,
        count: u32,
        (couriers, warehouses): (usize, usize),
        first_day: i64,
        days: i64,
    ) -> Self {
        let one = |id: u32| {
            let mut rng = Rng::new(seed, 611, &[u64::from(id)]);
            let from = first_day + rng.between(days / 3, (days * 4 / 5).max(days / 3));
            let length = rng.between(21, 45);
            let courier = rng.below(couriers) as u8;
            let zone = rng.between(1, 8) as u8;
            let facility = rng.below(warehouses) as u16;
            let packer = rng.below(PACKERS) as u16;
            let (trouble, size) = match id % 10 {
                0 => (Trouble::NdrOnLane(courier, zone), rng.range(1.8, 3.0)),
                1 => (Trouble::DamageByPacker(facility, packer), rng.range(1.4, 2.0)),
                2 => (Trouble::Desk(facility), rng.range(2.5, 4.0)),
                3 => (Trouble::RefundsOf(facility), rng.range(0.3, 0.6)),
                4 => (Trouble::ScansOnLane(courier, zone), rng.range(0.25, 0.5)),
                5 => (Trouble::NdrOf(courier), rng.range(0.8, 1.5)),
                6 => (Trouble::DamageOnLane(courier, zone), rng.range(1.4, 2.0)),
                7 => (
                    Trouble::RefundsBy([Tender::Wallet, Tender::Bank][rng.below(2)]),
                    rng.range(0.2, 0.5),
                ),
                8 => (Trouble::ScansOf(facility), rng.range(0.2, 0.4)),
                _ => (Trouble::Forgotten(facility), rng.range(0.05, 0.3)),
            };
            Incident {
                id,
                trouble,
                from,
                to: from + length - 1,
                size,
            }
        };
        Self((0..count).map(one).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Incident> {
        self.0.iter()
    }

    /// Damage, numbered after `first` other shifts.
    pub(crate) fn shifts(&self, first: u32) -> impl Iterator<Item = Shift> {
        self.0.iter().filter_map(move |of| {
            let cause = match of.trouble {
                Trouble::DamageByPacker(facility, packer) => Cause::Packer(facility, packer),
                Trouble::DamageOnLane(courier, zone) => Cause::Lane(courier, zone),
                _ => return None,
            };
            Some(Shift {
                id: first + of.id,
                cause,
                from: of.from,
                to: of.to,
                factor: of.size,
                reason: DAMAGE,
            })
        })
    }

    /// Failures, numbered after `first` other outages.
    pub(crate) fn outages(&self, first: u32) -> impl Iterator<Item = Outage> {
        self.0.iter().filter_map(move |of| {
            let (courier, zone) = match of.trouble {
                Trouble::NdrOf(courier) => (courier, EVERYWHERE),
                Trouble::NdrOnLane(courier, zone) => (courier, zone),
                _ => return None,
            };
            Some(Outage {
                id: first + of.id,
                courier,
                zone,
                from: of.from,
                to: of.to,
                severity: of.size,
            })
        })
    }

    fn on(&self, day: i64) -> impl Iterator<Item = &Incident> {
        self.0.iter().filter(move |of| (of.from..=of.to).contains(&day))
    }

    /// Times as long as a desk takes for a line.
    pub(crate) fn desk(&self, facility: u16, day: i64) -> f64 {
        let of = self.on(day).find(|of| of.trouble == Trouble::Desk(facility));
        of.map_or(1.0, |of| of.size)
    }

    /// Probability that a refund misses its promise, `usual` without incidents.
    pub(crate) fn refund_late(&self, usual: f64, facility: Option<u16>, tender: Tender, day: i64) -> f64 {
        let of = self.on(day).find(|of| match of.trouble {
            Trouble::RefundsOf(of) => Some(of) == facility,
            Trouble::RefundsBy(of) => of == tender,
            _ => false,
        });
        of.map_or(usual, |of| of.size)
    }

    /// Whether nobody begins a refund, known by its number.
    pub(crate) fn forgets(&self, seed: u64, facility: Option<u16>, day: i64, refund: u64) -> bool {
        let of = self
            .on(day)
            .find(|of| matches!(of.trouble, Trouble::Forgotten(of) if Some(of) == facility));
        of.is_some_and(|of| unit(hash(seed, 613, &[refund])) < of.size)
    }

    /// Days that a parcel lies without a scan after it was picked up.
    pub(crate) fn lies(
        &self,
        seed: u64,
        (courier, zone, facility): (u8, u8, u16),
        day: i64,
        parcel: u64,
    ) -> i64 {
        let of = self.on(day).find(|of| match of.trouble {
            Trouble::ScansOnLane(c, z) => (c, z) == (courier, zone),
            Trouble::ScansOf(of) => of == facility,
            _ => false,
        });
        let Some(of) = of else { return 0 };
        let draw = hash(seed, 612, &[parcel]);
        if unit(draw) < of.size {
            4 + (draw % 4) as i64
        } else {
            0
        }
    }
}

impl Incident {
    /// Subject, dimension and value as the truth tells them.
    pub(crate) fn described(
        &self,
        couriers: &[SmolStr],
        facilities: &[Facility],
    ) -> (&'static str, &'static str, String) {
        let lane = |courier: u8, zone: u8| format!("{},{zone}", couriers[usize::from(courier)]);
        let facility = |facility: u16| facilities[usize::from(facility)].code.to_string();
        match self.trouble {
            Trouble::DamageByPacker(of, packer) => {
                let code = &facilities[usize::from(of)].code;
                ("damage", "packer", packer_code(code, packer).to_string())
            }
            Trouble::DamageOnLane(courier, zone) => ("damage", "courier,zone", lane(courier, zone)),
            Trouble::Desk(of) => ("inspection_backlog", "facility", facility(of)),
            Trouble::RefundsOf(of) => ("refund_delay", "facility", facility(of)),
            Trouble::RefundsBy(tender) => ("refund_delay", "tender", tender.as_str().to_owned()),
            Trouble::NdrOf(courier) => ("ndr", "courier", couriers[usize::from(courier)].to_string()),
            Trouble::NdrOnLane(courier, zone) => ("ndr", "courier,zone", lane(courier, zone)),
            Trouble::ScansOnLane(courier, zone) => ("missing_scans", "courier,zone", lane(courier, zone)),
            Trouble::ScansOf(of) => ("missing_scans", "facility", facility(of)),
            Trouble::Forgotten(of) => ("missing_refunds", "facility", facility(of)),
        }
    }
}
