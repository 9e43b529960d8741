//! One parcel: the facts scanned about it, and the state that follows from them in whatever order they came.
//!
//! Status: a terminal fact (delivered, RTO delivered, lost, damaged, cancelled) beats every other, and among terminal facts the latest
//! stands; else RTO initiated; else the latest of the rest. A scan after delivery therefore reopens nothing. Facts of one time
//! are ranked as [`Kind`] lists them. On the RTO leg a delivery is an RTO delivery. Which order a parcel belongs to is
//! [`crate::world`]'s business.

use bitcode::{Decode, Encode};
use eddy_events::shipment::{self as events, Leg, NdrReason};

use crate::facts::{NO_TIME, Stamp, earlier, latest, stamped, standing};
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::operations::watch::Watch;
use crate::world::{World, index_of};

/// What a fact says. The order is the rank among facts of one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Kind {
    /// Said nothing about the parcel's course: an action asked for, a dispute.
    #[default]
    Remark,
    CourierAssigned,
    PickupFailed,
    PickedUp,
    ArrivedAtHub,
    InTransit,
    OutForDelivery,
    DeliveryFailed,
    RtoInitiated,
    Cancelled,
    Damaged,
    Lost,
    Delivered,
    RtoDelivered,
}

/// One scan.
#[derive(Clone, Copy, Debug, Default, Encode, Decode)]
pub(crate) struct Scan {
    pub(crate) stamp: Stamp,
    /// Symbol of the courier that an assignment names.
    pub(crate) courier: u32,
    /// As the courier counts, 0 when not told.
    pub(crate) attempt_no: u16,
    pub(crate) kind: Kind,
    /// Index of the reason in [`NdrReason::ALL`].
    pub(crate) reason: u8,
}

/// What the manifest said.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub(crate) struct Manifest {
    pub(crate) stamp: Stamp,
    /// Number of the order.
    pub(crate) order: u32,
    /// Number of the return, on the reverse leg.
    pub(crate) rma: u32,
    pub(crate) courier: u32,
    pub(crate) origin: u32,
    pub(crate) destination: u32,
    /// Symbols of the regions of the two, see [`crate::courier_lanes`].
    pub(crate) origin_region: u32,
    pub(crate) destination_region: u32,
    /// Symbol of the facility it left, or none.
    pub(crate) facility: u32,
    /// Symbol of whoever packed it, or none.
    pub(crate) packer: u32,
    /// Index in [`Leg::ALL`].
    pub(crate) leg: u8,
    pub(crate) cod: bool,
    pub(crate) promised_at: i64,
    pub(crate) declared_value_minor: i64,
    /// In grams, `u32::MAX` when not told.
    pub(crate) weight_g: u32,
    /// Lines inside with their quantities; quantity 0 means all of the line, no lines mean all of the order.
    pub(crate) lines: Box<[(u32, u32)]>,
}

stamped!(Scan, Manifest);

/// Where the parcel stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Status {
    /// Nothing that counts was told.
    #[default]
    Unknown,
    Manifested,
    PickedUp,
    InTransit,
    OutForDelivery,
    DeliveryFailed,
    Delivered,
    RtoInitiated,
    RtoDelivered,
    Lost,
    Damaged,
    Cancelled,
}

impl Status {
    /// The word of the contract.
    pub(crate) fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => return None,
            Self::Manifested => "manifested",
            Self::PickedUp => "picked_up",
            Self::InTransit => "in_transit",
            Self::OutForDelivery => "out_for_delivery",
            Self::DeliveryFailed => "delivery_failed",
            Self::Delivered => "delivered",
            Self::RtoInitiated => "rto_initiated",
            Self::RtoDelivered => "rto_delivered",
            Self::Lost => "lost",
            Self::Damaged => "damaged",
            Self::Cancelled => "cancelled",
        })
    }

    /// Statuses that look the same to whoever sums over parcels.
    fn class(self) -> u8 {
        match self {
            Self::Unknown | Self::Manifested => 0,
            Self::PickedUp | Self::InTransit | Self::OutForDelivery | Self::DeliveryFailed => 1,
            Self::Delivered => 2,
            Self::RtoInitiated | Self::RtoDelivered => 3,
            Self::Lost | Self::Damaged => 4,
            Self::Cancelled => 5,
        }
    }

    /// Whether the courier holds or held the parcel.
    pub(crate) fn moved(self) -> bool {
        !matches!(self, Self::Unknown | Self::Manifested | Self::Cancelled)
    }
}

/// What follows from the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct State {
    pub(crate) status: Status,
    /// The first attempt delivered the parcel; meaningful once delivered or failed.
    pub(crate) first_attempt_success: bool,
    pub(crate) attempts: u16,
    /// Index of the latest failure's reason plus one, 0 for none.
    pub(crate) reason: u8,
    /// Which manifest stands; `u8::MAX` for none.
    manifest: u8,
    pub(crate) courier: u32,
    pub(crate) picked_up_at: i64,
    /// When it was first delivered, if that is where it stands.
    pub(crate) delivered_at: i64,
    /// When it came back to the origin, if that is where it stands.
    pub(crate) rto_at: i64,
    pub(crate) updated_at: i64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            status: Status::Unknown,
            first_attempt_success: false,
            attempts: 0,
            reason: 0,
            manifest: u8::MAX,
            courier: NO_SYMBOL,
            picked_up_at: NO_TIME,
            delivered_at: NO_TIME,
            rto_at: NO_TIME,
            updated_at: NO_TIME,
        }
    }
}

impl State {
    /// What sums over lanes depend on.
    fn seen_by_lane(&self) -> (u8, u32, u16, u8, bool, i64, i64) {
        let class = self.status.class();
        (
            self.manifest,
            self.courier,
            self.attempts,
            class,
            self.first_attempt_success,
            self.picked_up_at,
            self.delivered_at,
        )
    }

    /// What the order depends on.
    fn seen_by_order(&self) -> (u8, u32, u8, i64) {
        let courier = if self.status == Status::Delivered {
            self.courier
        } else {
            NO_SYMBOL
        };
        (self.manifest, courier, self.status.class(), self.delivered_at)
    }
}

/// A parcel.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Shipment {
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) scans: Vec<Scan>,
    pub(crate) state: State,
    /// The order whose list this parcel is on.
    pub(crate) order: u32,
    /// The next parcel of that order.
    pub(crate) next: u32,
    /// Its contribution to sums is taken out until the next flush.
    pub(crate) open: bool,
    /// Its row waits for the next flush.
    pub(crate) dirty: bool,
    /// The milestones that were told, see [`crate::milestones`].
    pub(crate) told: u8,
    /// The term that runs for it. Follows the log.
    pub(crate) watch: Watch,
    /// The attempt of which it was last told that the parcel is out for delivery, and that it failed.
    pub(crate) told_attempts: (u16, u16),
    /// Latest probability that it is never delivered, not a number until scored. Repeats an output.
    pub(crate) risk: f64,
    /// Log-odds that its first attempt fails by all but its courier, not a number until scored. Follows the log.
    pub(crate) attempt_odds: f32,
    /// What was told to the watch over how things run, as bits. Follows the log.
    pub(crate) watched: u8,
}

impl Default for Shipment {
    fn default() -> Self {
        Self {
            manifests: Vec::new(),
            scans: Vec::new(),
            state: State::default(),
            order: NO_KEY,
            next: NO_KEY,
            open: false,
            dirty: false,
            told: 0,
            watch: Watch::default(),
            told_attempts: (0, 0),
            risk: f64::NAN,
            attempt_odds: f32::NAN,
            watched: 0,
        }
    }
}

impl Shipment {
    /// The manifest that stands.
    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.manifests.get(usize::from(self.state.manifest))
    }

    /// Which way it travels; forward until a manifest says otherwise.
    pub(crate) fn leg(&self) -> Leg {
        self.manifest()
            .map_or(Leg::Forward, |manifest| Leg::ALL[usize::from(manifest.leg)])
    }

    /// Whether any fact counts, that is, whether there is a row.
    pub(crate) fn exists(&self) -> bool {
        standing(&self.manifests).next().is_some() || standing(&self.scans).next().is_some()
    }

    /// The state that follows from the facts.
    pub(crate) fn derive(&self) -> State {
        let mut state = State::default();
        let manifest = latest(&self.manifests);
        let mut courier = (NO_TIME, 0, NO_SYMBOL);
        let mut rto_leg = false;
        if let Some(manifest) = manifest {
            let at = self
                .manifests
                .iter()
                .position(|other| std::ptr::eq(other, manifest))
                .unwrap_or(usize::MAX);
            state.manifest = u8::try_from(at).unwrap_or(u8::MAX);
            state.status = Status::Manifested;
            state.updated_at = manifest.stamp.at;
            courier = (manifest.stamp.at, manifest.stamp.tie, manifest.courier);
            rto_leg = Leg::ALL[usize::from(manifest.leg)] == Leg::Rto;
        }
        let mut terminal: Option<(i64, Kind, u32)> = None;
        let mut transit: Option<(i64, Kind, u32)> = None;
        let mut failed: Option<(i64, u32, u8)> = None;
        let (mut failures, mut named, mut rto) = (0_u16, 0_u16, false);
        let (mut first_delivered, mut first_failed, mut last_out, mut rto_at) =
            (NO_TIME, NO_TIME, NO_TIME, NO_TIME);
        for scan in standing(&self.scans) {
            let Stamp { at, tie, .. } = scan.stamp;
            state.updated_at = state.updated_at.max(at);
            let rank = Some((at, scan.kind, tie));
            match scan.kind {
                Kind::Remark | Kind::PickupFailed => continue,
                Kind::CourierAssigned => {
                    courier = courier.max((at, tie, scan.courier));
                    continue;
                }
                Kind::Delivered => {
                    terminal = terminal.max(rank);
                    first_delivered = earlier(first_delivered, at);
                }
                Kind::RtoDelivered => {
                    terminal = terminal.max(rank);
                    rto_at = earlier(rto_at, at);
                }
                Kind::Lost | Kind::Damaged | Kind::Cancelled => terminal = terminal.max(rank),
                Kind::RtoInitiated => rto = true,
                Kind::PickedUp => {
                    state.picked_up_at = earlier(state.picked_up_at, at);
                    transit = transit.max(rank);
                }
                Kind::OutForDelivery => {
                    last_out = last_out.max(at);
                    named = named.max(scan.attempt_no);
                    transit = transit.max(rank);
                }
                Kind::DeliveryFailed => {
                    failures = failures.saturating_add(1);
                    named = named.max(scan.attempt_no);
                    first_failed = earlier(first_failed, at);
                    failed = failed.max(Some((at, tie, scan.reason)));
                    transit = transit.max(rank);
                }
                Kind::ArrivedAtHub | Kind::InTransit => transit = transit.max(rank),
            }
        }
        state.courier = courier.2;
        let kind = match (terminal, rto, transit) {
            (Some((_, kind, _)), _, _) => Some(kind),
            (None, true, _) => Some(Kind::RtoInitiated),
            (None, false, Some((_, kind, _))) => Some(kind),
            (None, false, None) => None,
        };
        match kind {
            Some(Kind::Delivered) if rto_leg => {
                state.status = Status::RtoDelivered;
                state.rto_at = first_delivered;
            }
            Some(Kind::Delivered) => {
                state.status = Status::Delivered;
                state.delivered_at = first_delivered;
            }
            Some(Kind::RtoDelivered) => {
                state.status = Status::RtoDelivered;
                state.rto_at = rto_at;
            }
            Some(Kind::Lost) => state.status = Status::Lost,
            Some(Kind::Damaged) => state.status = Status::Damaged,
            Some(Kind::Cancelled) => state.status = Status::Cancelled,
            Some(Kind::RtoInitiated) => state.status = Status::RtoInitiated,
            Some(Kind::PickedUp) => state.status = Status::PickedUp,
            Some(Kind::ArrivedAtHub | Kind::InTransit) => state.status = Status::InTransit,
            Some(Kind::OutForDelivery) => state.status = Status::OutForDelivery,
            Some(Kind::DeliveryFailed) => state.status = Status::DeliveryFailed,
            Some(Kind::Remark | Kind::CourierAssigned | Kind::PickupFailed) | None => {}
        }
        // A failure is an attempt, and so is a delivery or a departure after the last failure. The courier's own count may be higher.
        let last_failed = failed.map_or(NO_TIME, |(at, _, _)| at);
        let under_way = last_out != NO_TIME && last_out > last_failed;
        let counted = failures.saturating_add(u16::from(first_delivered != NO_TIME || under_way));
        state.attempts = named.max(counted);
        state.reason = failed.map_or(0, |(_, _, reason)| reason + 1);
        state.first_attempt_success = first_delivered != NO_TIME
            && state.attempts == 1
            && (first_failed == NO_TIME || first_failed > first_delivered);
        state
    }

    /// The reason of the latest failed attempt.
    pub(crate) fn ndr_reason(&self) -> Option<&'static str> {
        let index = usize::from(self.state.reason).checked_sub(1)?;
        NdrReason::ALL.get(index).map(|reason| reason.as_str())
    }
}

/// Characters of a postal code that name its region.
const REGION: usize = 3;

fn region(pincode: &str) -> &str {
    pincode.get(..REGION).unwrap_or(pincode)
}

/// A parcel was manifested, or manifested again with a correction.
pub(crate) fn manifested(world: &mut World, stamp: Stamp, event: &events::Manifested) -> u32 {
    let number = world.shipment(&event.awb);
    let order = world.order(&event.order_id);
    let rma = event.rma_id.as_deref().map_or(NO_KEY, |rma| world.rma(rma));
    let symbols = &mut world.symbols;
    let lines = match (&event.lines, &event.line_ids) {
        (Some(lines), _) if !lines.is_empty() => {
            // Pieces of one line may be listed one by one.
            let mut sums: Vec<(u32, u32)> = Vec::with_capacity(lines.len());
            for line in lines {
                let id = symbols.of(&line.line_id);
                match sums.iter_mut().find(|(other, _)| *other == id) {
                    Some((_, qty)) => *qty = qty.saturating_add(line.qty),
                    None => sums.push((id, line.qty)),
                }
            }
            sums.into()
        }
        (_, Some(ids)) => ids.iter().map(|id| (symbols.of(id), 0)).collect(),
        (_, None) => Box::default(),
    };
    let manifest = Manifest {
        stamp,
        order,
        rma,
        courier: symbols.of(&event.courier),
        origin: symbols.of(&event.origin_pincode),
        destination: symbols.of(&event.destination_pincode),
        origin_region: symbols.of(region(&event.origin_pincode)),
        destination_region: symbols.of(region(&event.destination_pincode)),
        facility: symbols.of_option(event.facility.as_deref()),
        packer: symbols.of_option(event.packer.as_deref()),
        leg: index_of(Leg::ALL, event.leg),
        cod: event.cod_amount_minor.is_some_and(|amount| amount > 0),
        promised_at: event.promised_at.map_or(NO_TIME, |at| at.micros),
        declared_value_minor: event.declared_value_minor.unwrap_or(-1),
        weight_g: event.weight_g.unwrap_or(u32::MAX),
        lines,
    };
    world.shipments.get_mut(number).manifests.push(manifest);
    settle(world, number);
    number
}

/// A parcel was scanned.
pub(crate) fn scanned(
    world: &mut World,
    stamp: Stamp,
    awb: &str,
    kind: Kind,
    attempt_no: Option<u16>,
) -> u32 {
    let number = world.shipment(awb);
    let scan = Scan {
        stamp,
        kind,
        attempt_no: attempt_no.unwrap_or(0),
        ..Scan::default()
    };
    world.shipments.get_mut(number).scans.push(scan);
    settle(world, number);
    number
}

/// A parcel goes by another courier.
pub(crate) fn assigned(world: &mut World, stamp: Stamp, event: &events::CourierAssigned) -> u32 {
    let number = world.shipment(&event.awb);
    let courier = world.symbols.of(&event.courier);
    world.shipments.get_mut(number).scans.push(Scan {
        stamp,
        kind: Kind::CourierAssigned,
        courier,
        ..Scan::default()
    });
    settle(world, number);
    number
}

/// An attempt failed.
pub(crate) fn failed(world: &mut World, stamp: Stamp, event: &events::DeliveryFailed) -> u32 {
    let number = world.shipment(&event.awb);
    let scan = Scan {
        stamp,
        kind: Kind::DeliveryFailed,
        attempt_no: event.attempt_no.unwrap_or(0),
        reason: index_of(NdrReason::ALL, event.ndr_reason),
        courier: NO_SYMBOL,
    };
    world.shipments.get_mut(number).scans.push(scan);
    settle(world, number);
    number
}

/// Lets the new state follow from the facts. Whoever reads the old one is opened first.
pub(crate) fn settle(world: &mut World, number: u32) {
    let parcel = world.shipments.get(number);
    let (old, new) = (parcel.state, parcel.derive());
    let order = parcel
        .manifests
        .get(usize::from(new.manifest))
        .map_or(NO_KEY, |manifest| manifest.order);
    let linked = parcel.order;
    if new.seen_by_lane() != old.seen_by_lane() {
        world.open_shipment(number);
    } else {
        world.touch_shipment(number);
    }
    if new.seen_by_order() != old.seen_by_order() || order != linked {
        world.open_order(linked);
        world.open_order(order);
    }
    world.shipments.get_mut(number).state = new;
    world.link_shipment(number, order);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts with their times.
    type Facts = &'static [(i64, Kind)];

    fn parcel(scans: &[(i64, Kind)]) -> State {
        let scans = scans
            .iter()
            .enumerate()
            .map(|(tie, (at, kind))| Scan {
                stamp: Stamp {
                    at: *at,
                    tie: tie as u32,
                    voided: false,
                },
                kind: *kind,
                ..Scan::default()
            })
            .collect();
        Shipment {
            scans,
            ..Shipment::default()
        }
        .derive()
    }

    #[test]
    fn status_follows_from_the_set_of_facts() {
        use Kind::*;
        let table: &[(&str, Facts, Status)] = &[
            (
                "late scan after delivery reopens nothing",
                &[(1, PickedUp), (5, Delivered), (6, InTransit)],
                Status::Delivered,
            ),
            (
                "a later terminal fact stands",
                &[(3, Lost), (5, Delivered)],
                Status::Delivered,
            ),
            (
                "an earlier terminal fact does not",
                &[(5, Lost), (3, Delivered)],
                Status::Lost,
            ),
            (
                "transit scans on the way back leave RTO initiated",
                &[(3, RtoInitiated), (4, InTransit)],
                Status::RtoInitiated,
            ),
            (
                "RTO ends at the origin",
                &[(3, RtoInitiated), (9, RtoDelivered)],
                Status::RtoDelivered,
            ),
            (
                "facts of one time are ranked",
                &[(1, Delivered), (1, PickedUp), (1, InTransit)],
                Status::Delivered,
            ),
            (
                "a hub is in transit",
                &[(1, PickedUp), (2, ArrivedAtHub)],
                Status::InTransit,
            ),
            (
                "a failed pickup moves nothing",
                &[(1, PickupFailed)],
                Status::Unknown,
            ),
        ];
        for (what, facts, status) in table {
            assert_eq!(parcel(facts).status, *status, "{what}");
        }
    }

    #[test]
    fn attempts_count_failures_and_the_one_under_way() {
        use Kind::*;
        let table: &[(Facts, u16, bool)] = &[
            (&[(1, OutForDelivery)], 1, false),
            (&[(1, OutForDelivery), (2, OutForDelivery)], 1, false),
            (&[(1, OutForDelivery), (2, DeliveryFailed)], 1, false),
            (
                &[(1, OutForDelivery), (2, DeliveryFailed), (3, OutForDelivery)],
                2,
                false,
            ),
            (
                &[
                    (1, OutForDelivery),
                    (2, DeliveryFailed),
                    (3, OutForDelivery),
                    (4, Delivered),
                ],
                2,
                false,
            ),
            (&[(1, OutForDelivery), (4, Delivered)], 1, true),
            (&[(4, Delivered)], 1, true),
        ];
        for (facts, attempts, first) in table {
            let state = parcel(facts);
            assert_eq!(
                (state.attempts, state.first_attempt_success),
                (*attempts, *first),
                "{facts:?}"
            );
        }
    }

    #[test]
    fn the_second_report_of_a_delivery_does_not_move_its_time() {
        let state = parcel(&[(9, Kind::Delivered), (5, Kind::Delivered)]);
        assert_eq!(state.delivered_at, 5);
    }
}
