//! One return: what was asked for, and what became of each line.
//!
//! Physical facts about a line (received, inspected, dispositioned, ended) beat what was said about the request; among the latter the
//! latest stands. A line asked for without a line id (no receipt) is known by its SKU until a line with that SKU is received.

use bitcode::{Decode, Encode};
use eddy_events::order::Channel;
use eddy_events::returns::{self as events, Disposition, FacilityKind, Grade, Match, Method, REASON_GROUPS};

use crate::facilities;
use crate::facts::{NO_TIME, Stamp, earlier, latest, stamped, standing};
use crate::interner::{NO_KEY, NO_SYMBOL};
use crate::operations::watch::Watch;
use crate::world::{World, index_of};

/// A line as asked for.
#[derive(Clone, Copy, Debug, Default, Encode, Decode)]
pub(crate) struct RequestedLine {
    /// Symbol of the line, or none.
    pub(crate) line: u32,
    pub(crate) sku: u32,
    pub(crate) qty: u32,
    pub(crate) reason: u32,
    pub(crate) group: u32,
}

/// The request.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Request {
    pub(crate) stamp: Stamp,
    pub(crate) order: u32,
    pub(crate) customer: u32,
    /// Index in `Channel::ALL`.
    pub(crate) channel: u8,
    /// Index in `Method::ALL`.
    pub(crate) method: u8,
    pub(crate) lines: Box<[RequestedLine]>,
}

/// What a step says. For steps of the request the order is the rank among steps of one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Kind {
    #[default]
    Authorised,
    PickupScheduled,
    PickupFailed,
    Reopened,
    PickedUp,
    Rejected,
    Cancelled,
    Closed,
    Received,
    Inspected,
    Reinspected,
    Dispositioned,
    Restocked,
    Refurbished,
    Liquidated,
    Scrapped,
}

/// One step, of the request or of a line.
#[derive(Clone, Copy, Debug, Default, Encode, Decode)]
pub(crate) struct Step {
    pub(crate) stamp: Stamp,
    /// Symbol of the line; none for steps of the request.
    pub(crate) line: u32,
    pub(crate) sku: u32,
    pub(crate) qty: u32,
    /// Key of the facility.
    pub(crate) facility: u32,
    pub(crate) kind: Kind,
    /// Index in `Grade::ALL` or `Disposition::ALL`; of a receipt, 1 when the goods carried a serial number.
    pub(crate) code: u8,
    /// Index in `Match::ALL` plus one, 0 when not told.
    pub(crate) matched: u8,
    /// An inspection found it broken.
    pub(crate) broken: bool,
    /// It was told to the watch over how things run. Follows the log.
    pub(crate) heard: bool,
    /// What an end brought back in minor units, [`NOT_TOLD`] when not told.
    pub(crate) recovered_minor: i64,
}

/// "Not told" among amounts.
const NOT_TOLD: i64 = i64::MIN;

stamped!(Request, Step);

/// A return.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) struct Return {
    pub(crate) requests: Vec<Request>,
    pub(crate) steps: Vec<Step>,
    /// The order whose list this return is on.
    pub(crate) order: u32,
    /// The next return of that order.
    pub(crate) next: u32,
    pub(crate) first_refund: u32,
    /// Goods were ever given in exchange for some of it.
    pub(crate) exchanged: bool,
    /// Its contribution to sums is taken out, and its rows wait, until the next flush.
    pub(crate) open: bool,
    /// The milestones that were told, see [`crate::milestones`].
    pub(crate) told: u8,
    /// The term that runs for it. Follows the log.
    pub(crate) watch: Watch,
    /// When its parcel was first heard to have left. Follows the log.
    pub(crate) parcel_left_at: i64,
}

impl Default for Return {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            steps: Vec::new(),
            order: NO_KEY,
            next: NO_KEY,
            first_refund: NO_KEY,
            exchanged: false,
            open: false,
            told: 0,
            watch: Watch::default(),
            parcel_left_at: NO_TIME,
        }
    }
}

/// How far a line, or its request, has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Requested,
    Step(Kind),
}

impl Status {
    /// The word of the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Step(kind) => match kind {
                Kind::Authorised => "authorised",
                Kind::PickupScheduled => "pickup_scheduled",
                Kind::PickupFailed => "pickup_failed",
                Kind::Reopened => "reopened",
                Kind::PickedUp => "picked_up",
                Kind::Rejected => "rejected",
                Kind::Cancelled => "cancelled",
                Kind::Closed => "closed",
                Kind::Received => "received",
                Kind::Inspected | Kind::Reinspected => "inspected",
                Kind::Dispositioned => "dispositioned",
                Kind::Restocked => "restocked",
                Kind::Refurbished => "refurbished",
                Kind::Liquidated => "liquidated",
                Kind::Scrapped => "scrapped",
            },
        }
    }
}

/// What became of one line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Symbol of the line; none when it is known by its SKU alone.
    pub(crate) line: u32,
    pub(crate) sku: u32,
    pub(crate) requested_qty: u32,
    pub(crate) received_qty: u32,
    pub(crate) reason: u32,
    pub(crate) group: u32,
    pub(crate) status: Status,
    pub(crate) received_at: i64,
    pub(crate) inspected_at: i64,
    pub(crate) inspections: u32,
    pub(crate) dispositioned_at: i64,
    pub(crate) restocked_at: i64,
    pub(crate) facility: u32,
    /// By the latest inspection.
    pub(crate) grade: Option<Grade>,
    /// By the first inspection.
    pub(crate) first_grade: Option<Grade>,
    /// By the latest inspection that says: index in `Match::ALL` plus one.
    pub(crate) matched: u8,
    /// A receipt named a serial number.
    pub(crate) serial_seen: bool,
    pub(crate) disposition: Option<Disposition>,
    /// How it ended: on a shelf, repaired, sold off or scrapped.
    pub(crate) end: Option<Kind>,
    /// When it first ended.
    pub(crate) ended_at: i64,
    /// What its ends brought back, once one of them says.
    pub(crate) recovered_minor: Option<i64>,
}

impl Line {
    fn new(line: u32, sku: u32) -> Self {
        Self {
            line,
            sku,
            requested_qty: 0,
            received_qty: 0,
            reason: NO_SYMBOL,
            group: NO_SYMBOL,
            status: Status::Requested,
            received_at: NO_TIME,
            inspected_at: NO_TIME,
            inspections: 0,
            dispositioned_at: NO_TIME,
            restocked_at: NO_TIME,
            facility: NO_KEY,
            grade: None,
            first_grade: None,
            matched: 0,
            serial_seen: false,
            disposition: None,
            end: None,
            ended_at: NO_TIME,
            recovered_minor: None,
        }
    }

    /// Pieces of the line: as received, else as asked for.
    pub(crate) fn qty(&self) -> u32 {
        if self.received_qty > 0 {
            self.received_qty
        } else {
            self.requested_qty
        }
    }
}

impl Return {
    /// The request that stands.
    pub(crate) fn request(&self) -> Option<&Request> {
        latest(&self.requests)
    }

    /// Whether the request stands: made, and not cancelled or refused since. Goods that arrive make it stand in any case.
    pub(crate) fn stands(&self) -> bool {
        !matches!(self.header(), Status::Step(Kind::Cancelled | Kind::Rejected))
    }

    /// When a step of the request was first told, or [`NO_TIME`].
    pub(crate) fn first(&self, kind: Kind) -> i64 {
        standing(&self.steps)
            .filter(|step| step.kind == kind)
            .fold(NO_TIME, |first, step| earlier(first, step.stamp.at))
    }

    /// How often a pickup failed.
    pub(crate) fn pickup_failures(&self) -> usize {
        standing(&self.steps)
            .filter(|step| step.kind == Kind::PickupFailed)
            .count()
    }

    /// Whether the request stands at this step.
    pub(crate) fn header_is(&self, kind: Kind) -> bool {
        self.header() == Status::Step(kind)
    }

    fn header(&self) -> Status {
        standing(&self.steps)
            .filter(|step| step.kind < Kind::Received)
            .max_by_key(|step| (step.stamp.at, step.kind, step.stamp.tie))
            .map_or(Status::Requested, |step| Status::Step(step.kind))
    }

    /// What became of each line. The lines stand in no order that a row may show. `smaller` compares two symbols by their words.
    pub(crate) fn lines(&self, smaller: impl Fn(u32, u32) -> bool) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let mut steps: Vec<&Step> = standing(&self.steps)
            .filter(|step| step.kind >= Kind::Received)
            .collect();
        // In order of time whatever the order of arrival, so that each step may simply overrule the one before.
        steps.sort_unstable_by_key(|step| (step.stamp.at, step.kind, step.stamp.tie));
        for step in steps {
            let at = lines.iter().position(|line| line.line == step.line);
            let at = at.unwrap_or_else(|| {
                lines.push(Line::new(step.line, NO_KEY));
                lines.len() - 1
            });
            lines[at].take(step);
        }
        let header = self.header();
        for asked in self.request().map_or(&[][..], |request| &request.lines) {
            let at = if asked.line == NO_SYMBOL {
                // Known by SKU: the received line of that SKU with the smallest id that the request does not name itself.
                let named = |line: u32| {
                    self.request()
                        .is_some_and(|request| request.lines.iter().any(|other| other.line == line))
                };
                let mut found: Option<usize> = None;
                for (at, line) in lines.iter().enumerate() {
                    if line.sku == asked.sku
                        && (line.line == NO_SYMBOL || !named(line.line))
                        && found.is_none_or(|best| smaller(line.line, lines[best].line))
                    {
                        found = Some(at);
                    }
                }
                found
            } else {
                lines.iter().position(|line| line.line == asked.line)
            };
            let at = at.unwrap_or_else(|| {
                lines.push(Line::new(asked.line, asked.sku));
                lines.len() - 1
            });
            let line = &mut lines[at];
            line.sku = asked.sku;
            line.requested_qty = line.requested_qty.saturating_add(asked.qty);
            line.reason = asked.reason;
            line.group = asked.group;
        }
        for line in &mut lines {
            line.finish(header);
        }
        lines
    }

    /// Every key that a row of this return may ever have had: symbols of lines, and SKUs of lines without.
    pub(crate) fn possible_keys(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut lines, mut skus) = (Vec::new(), Vec::new());
        for asked in self.requests.iter().flat_map(|request| &request.lines) {
            if asked.line == NO_SYMBOL {
                skus.push(asked.sku);
            } else {
                lines.push(asked.line);
            }
        }
        lines.extend(
            self.steps
                .iter()
                .filter(|step| step.kind >= Kind::Received)
                .map(|step| step.line),
        );
        lines.sort_unstable();
        lines.dedup();
        skus.sort_unstable();
        skus.dedup();
        (lines, skus)
    }
}

impl Line {
    /// Takes the next step in order of time.
    fn take(&mut self, step: &Step) {
        let at = step.stamp.at;
        if step.sku != NO_KEY {
            self.sku = step.sku;
        }
        if step.facility != NO_KEY {
            self.facility = step.facility;
        }
        match step.kind {
            Kind::Received => {
                self.received_qty = self.received_qty.saturating_add(step.qty);
                self.received_at = earlier(self.received_at, at);
                self.serial_seen |= step.code == 1;
            }
            Kind::Inspected | Kind::Reinspected => {
                self.inspected_at = earlier(self.inspected_at, at);
                self.inspections += 1;
                self.grade = Grade::ALL.get(usize::from(step.code)).copied();
                self.first_grade = self.first_grade.or(self.grade);
                if step.matched != 0 {
                    self.matched = step.matched;
                }
            }
            Kind::Dispositioned => {
                self.dispositioned_at = at;
                self.disposition = Disposition::ALL.get(usize::from(step.code)).copied();
            }
            Kind::Restocked | Kind::Refurbished | Kind::Liquidated | Kind::Scrapped => {
                self.end = Some(step.kind);
                self.ended_at = earlier(self.ended_at, at);
                if step.recovered_minor != NOT_TOLD {
                    let sum = self.recovered_minor.unwrap_or(0);
                    self.recovered_minor = Some(sum.saturating_add(step.recovered_minor));
                }
                if step.kind == Kind::Restocked {
                    self.restocked_at = earlier(self.restocked_at, at);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, header: Status) {
        self.status = if let Some(end) = self.end {
            Status::Step(end)
        } else if self.dispositioned_at != NO_TIME {
            Status::Step(Kind::Dispositioned)
        } else if self.inspected_at != NO_TIME {
            Status::Step(Kind::Inspected)
        } else if self.received_at != NO_TIME {
            Status::Step(Kind::Received)
        } else {
            header
        };
    }
}

/// The group a reason rolls up to when the event does not say: the reason itself, if it is one of the groups.
pub(crate) fn group_of(reason: &str) -> Option<&'static str> {
    REASON_GROUPS.iter().copied().find(|group| *group == reason)
}

/// A return was asked for, or asked for again with a correction.
pub(crate) fn requested(world: &mut World, stamp: Stamp, event: &events::Requested) -> u32 {
    let number = world.rma(&event.rma_id);
    let order = event
        .order_id
        .as_deref()
        .map_or(NO_KEY, |order| world.order(order));
    let customer = event
        .customer_id
        .as_deref()
        .map_or(NO_KEY, |customer| world.customer(customer));
    let lines = event
        .lines
        .iter()
        .map(|line| RequestedLine {
            line: world.symbols.of_option(line.line_id.as_deref()),
            sku: world.sku(&line.sku),
            qty: line.qty,
            reason: world.symbols.of(&line.reason),
            group: world
                .symbols
                .of_option(line.reason_group.as_deref().or_else(|| group_of(&line.reason))),
        })
        .collect();
    if customer != NO_KEY {
        world.first_seen(customer, stamp.at);
    }
    let request = Request {
        stamp,
        order,
        customer,
        channel: index_of(Channel::ALL, event.channel),
        method: index_of(Method::ALL, event.method),
        lines,
    };
    open(world, number);
    world.returns.get_mut(number).requests.push(request);
    relink(world, number);
    number
}

/// A step of the request was told.
pub(crate) fn stepped(world: &mut World, stamp: Stamp, rma: &str, kind: Kind) -> u32 {
    let number = world.rma(rma);
    take(
        world,
        number,
        [Step {
            stamp,
            kind,
            sku: NO_KEY,
            facility: NO_KEY,
            ..Step::default()
        }],
    );
    number
}

/// The goods arrived.
pub(crate) fn received(world: &mut World, stamp: Stamp, event: &events::Received) -> u32 {
    let number = world.rma(&event.rma_id);
    let facility = world.facility(&event.facility);
    if let Some(kind) = event.facility_kind {
        let hint = facilities::Hint {
            stamp,
            kind: index_of(FacilityKind::ALL, kind),
        };
        let of = world.facilities.get_mut(facility);
        if of
            .hint
            .as_ref()
            .is_none_or(|old| (old.stamp.at, old.stamp.tie) < (stamp.at, stamp.tie))
        {
            of.hint = Some(hint);
            world.touch_facility(facility);
        }
    }
    let steps: Vec<Step> = event
        .lines
        .iter()
        .map(|line| Step {
            stamp,
            line: world.symbols.of(&line.line_id),
            sku: world.sku(&line.sku),
            qty: line.qty,
            facility,
            kind: Kind::Received,
            code: u8::from(line.serial.is_some()),
            ..Step::default()
        })
        .collect();
    take(world, number, steps);
    number
}

/// A line was inspected.
pub(crate) fn inspected(world: &mut World, stamp: Stamp, event: &events::Inspected, kind: Kind) -> u32 {
    let number = world.rma(&event.rma_id);
    let line = world.symbols.of(&event.line_id);
    let facility = event
        .facility
        .as_deref()
        .map_or(NO_KEY, |facility| world.facility(facility));
    let code = index_of(Grade::ALL, event.grade);
    take(
        world,
        number,
        [Step {
            stamp,
            line,
            sku: NO_KEY,
            facility,
            kind,
            code,
            matched: event
                .matched
                .map_or(0, |matched| index_of(Match::ALL, matched) + 1),
            ..Step::default()
        }],
    );
    number
}

/// It was decided what becomes of a line.
pub(crate) fn dispositioned(world: &mut World, stamp: Stamp, event: &events::Dispositioned) -> u32 {
    let number = world.rma(&event.rma_id);
    let line = world.symbols.of(&event.line_id);
    let code = index_of(Disposition::ALL, event.disposition);
    let step = Step {
        stamp,
        line,
        sku: NO_KEY,
        facility: NO_KEY,
        kind: Kind::Dispositioned,
        code,
        ..Step::default()
    };
    take(world, number, [step]);
    number
}

/// A line reached its end.
pub(crate) fn processed(world: &mut World, stamp: Stamp, event: &events::Processed, kind: Kind) -> u32 {
    let number = world.rma(&event.rma_id);
    let line = world.symbols.of(&event.line_id);
    let sku = world.sku(&event.sku);
    let facility = world.facility(&event.facility);
    take(
        world,
        number,
        [Step {
            stamp,
            line,
            sku,
            qty: event.qty,
            facility,
            kind,
            recovered_minor: event.recovered_minor.unwrap_or(NOT_TOLD),
            ..Step::default()
        }],
    );
    number
}

fn take(world: &mut World, number: u32, steps: impl IntoIterator<Item = Step>) {
    open(world, number);
    world.returns.get_mut(number).steps.extend(steps);
}

/// Opens a return and the order that reads it.
pub(crate) fn open(world: &mut World, number: u32) {
    world.open_return(number);
    let order = world.returns.get(number).order;
    world.open_order(order);
}

/// Puts the return on the list of the order that its standing request names.
pub(crate) fn relink(world: &mut World, number: u32) {
    let order = world
        .returns
        .get(number)
        .request()
        .map_or(NO_KEY, |request| request.order);
    world.open_order(order);
    world.link_return(number, order);
}
