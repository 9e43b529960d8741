//! What really is the case: rows that go beside the events and never into the log.
//!
//! A row is written when its fact is settled, which may be before the events that show it arrive. Scores must not read this.

use std::io::Write;

use eddy_events::{SmolStr, Timestamp};
use serde::Serialize;

use crate::pattern::Pattern;

/// One row of truth. As JSON the variant's name is `kind`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Row {
    /// First row: the seed, and the couriers in the order in which probabilities are listed.
    World {
        /// Seed.
        seed: u64,
        /// Courier codes.
        couriers: Vec<SmolStr>,
        /// First day, as a time.
        start: Timestamp,
        /// Days of ordering.
        days: u32,
    },
    /// A courier hardly delivers in a zone for some days.
    Outage {
        /// Number.
        id: u32,
        /// Courier.
        courier: SmolStr,
        /// First digit of the destination.
        destination_zone: u8,
        /// Begin.
        from: Timestamp,
        /// End, exclusive.
        to: Timestamp,
        /// Added log-odds of failure.
        severity: f64,
    },
    /// A shift in return rate.
    Shift {
        /// Number.
        id: u32,
        /// Cause: `sku`, `style`, `style,size`, `batch`, `supplier`, `seller`, `packer`, `lane` or `category`.
        dimension: &'static str,
        /// Value of the dimension.
        value: String,
        /// First day of delivery touched.
        onset: Timestamp,
        /// End, exclusive.
        to: Timestamp,
        /// Multiplies the probability of return.
        factor: f64,
        /// Reason group of the returns added.
        reason_group: &'static str,
    },
    /// Something about how the shop runs gets worse.
    Incident {
        /// Number.
        id: u32,
        /// `damage`, `inspection_backlog`, `refund_delay`, `ndr`, `missing_scans` or `missing_refunds`.
        subject: &'static str,
        /// `packer`, `courier`, `courier,zone`, `facility` or `tender`.
        dimension: &'static str,
        /// Value of the dimension.
        value: String,
        /// First day: of delivery for damage, of inspection for a desk, of the refund's begin, of the first attempt, of the manifest for what lies.
        onset: Timestamp,
        /// End, exclusive.
        to: Timestamp,
        /// How much worse: times as many returns for damage, times as long for a desk, log-odds for failures, the probability of hanging or lying for the rest.
        size: f64,
    },
    /// A courier's agent who fakes attempts.
    Agent {
        /// Agent.
        agent: SmolStr,
        /// Courier.
        courier: SmolStr,
        /// Pattern.
        pattern: Pattern,
    },
    /// A customer who is of a special kind or abusive; written at the first order.
    Customer {
        /// Customer.
        customer_id: SmolStr,
        /// Kind of customer.
        customer_kind: &'static str,
        /// Pattern, for an abuser.
        #[serde(skip_serializing_if = "Option::is_none")]
        pattern: Option<Pattern>,
        /// Script the abuser belongs to: equal numbers act together.
        #[serde(skip_serializing_if = "Option::is_none")]
        episode: Option<u64>,
    },
    /// One forward parcel.
    Shipment(Box<Shipment>),
    /// An attempt that was reported and not made.
    FakeAttempt {
        /// Parcel.
        awb: SmolStr,
        /// Attempt.
        attempt_no: u16,
        /// Agent.
        agent: SmolStr,
    },
    /// One pickup of a return.
    ReversePickup {
        /// Parcel.
        awb: SmolStr,
        /// Return.
        rma_id: SmolStr,
        /// Courier.
        courier: SmolStr,
        /// Probability that the pickup is never made, by courier; null where it does not serve.
        probability: Vec<Option<f64>>,
        /// Failure probability of each attempt made.
        attempts: Vec<f64>,
        /// Whether it was picked up.
        picked_up: bool,
    },
    /// One return.
    Return {
        /// Return.
        rma_id: SmolStr,
        /// Order, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        order_id: Option<SmolStr>,
        /// Customer.
        customer_id: SmolStr,
        /// Kind of customer.
        customer_kind: &'static str,
        /// Whether it is abusive.
        abusive: bool,
        /// Pattern.
        #[serde(skip_serializing_if = "Option::is_none")]
        pattern: Option<Pattern>,
        /// Script.
        #[serde(skip_serializing_if = "Option::is_none")]
        episode: Option<u64>,
        /// Loss in minor units, 0 when honest.
        loss_minor: i64,
        /// What looks odd about an honest return, if anything does.
        #[serde(skip_serializing_if = "Option::is_none")]
        innocent: Option<&'static str>,
        /// Shift that caused it.
        #[serde(skip_serializing_if = "Option::is_none")]
        shift: Option<u32>,
        /// Clerk involved in collusion.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent: Option<SmolStr>,
    },
    /// One claim.
    Claim {
        /// Claim.
        claim_id: SmolStr,
        /// Customer.
        customer_id: SmolStr,
        /// Whether it is abusive.
        abusive: bool,
        /// Pattern.
        #[serde(skip_serializing_if = "Option::is_none")]
        pattern: Option<Pattern>,
        /// Loss in minor units, 0 when honest.
        loss_minor: i64,
    },
    /// An abusive order.
    Order {
        /// Order.
        order_id: SmolStr,
        /// Customer.
        customer_id: SmolStr,
        /// Pattern.
        pattern: Pattern,
        /// Script.
        episode: u64,
        /// Loss in minor units.
        loss_minor: i64,
    },
}

/// Truth of one forward parcel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shipment {
    /// Parcel.
    pub awb: SmolStr,
    /// Order.
    pub order_id: SmolStr,
    /// `cod` or `prepaid`, in force at manifest.
    pub payment_mode: &'static str,
    /// Courier it went with.
    pub courier: SmolStr,
    /// Index of that courier.
    pub courier_index: usize,
    /// Day of manifest.
    pub manifested_at: Timestamp,
    /// Probability of never being delivered under each courier, known at placing; null where the courier cannot take it.
    pub placed: Vec<Option<f64>>,
    /// The same after the confirmation call.
    pub manifested: Vec<Option<f64>>,
    /// Under its courier, when it first goes out; null when it never did.
    pub out_for_delivery: Option<f64>,
    /// Failure probability of each attempt made.
    pub attempts: Vec<f64>,
    /// Never delivered, after each failed attempt and before anybody acts.
    pub after_attempt: Vec<f64>,
    /// `delivered`, `rto`, `lost`, `damaged` or `cancelled`. A cancelled parcel has no outcome.
    pub outcome: &'static str,
    /// Outage under which it first went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<u32>,
}

impl Shipment {
    /// Never delivered, or `None` when it was cancelled before pickup.
    pub fn failed(&self) -> Option<bool> {
        match self.outcome {
            "cancelled" => None,
            outcome => Some(outcome != "delivered"),
        }
    }

    /// Probability known at placing under the courier it went with.
    pub fn probability(&self) -> f64 {
        self.placed[self.courier_index].unwrap_or(0.0)
    }
}

/// Writes rows as JSON lines; keeps the first error for [`JsonLines::finish`].
#[derive(Debug)]
pub struct JsonLines<W> {
    writer: W,
    error: Option<std::io::Error>,
}

impl<W: Write> JsonLines<W> {
    /// Lines go to `writer`, which should be buffered.
    pub fn new(writer: W) -> Self {
        Self { writer, error: None }
    }

    /// Writes one row.
    pub fn write(&mut self, row: &Row) {
        if self.error.is_none() {
            let written = serde_json::to_writer(&mut self.writer, row)
                .map_err(std::io::Error::from)
                .and_then(|()| self.writer.write_all(b"\n"));
            self.error = written.err();
        }
    }

    /// Flushes and gives the writer back, or the first error.
    pub fn finish(mut self) -> std::io::Result<W> {
        match self.error {
            Some(error) => Err(error),
            None => self.writer.flush().map(|()| self.writer),
        }
    }
}
