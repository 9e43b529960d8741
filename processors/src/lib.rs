//! The folds of Eddy: what a log of events means, as rows, outputs and digests.
//!
//! A processor is a pure function of its log. [`Engine`] is that function: synchronous, without clock, network or randomness;
//! [`driver`] is the shell that feeds it from JetStream and hands on what comes out. Rows converge whatever the order or repetition
//! of events; outputs follow the order of the log.
//!
//! How state is kept: an entity (order, parcel, return, refund, SKU, postal code, facility) is the set of compact facts that events told
//! about it, ordered by event time and then by the hash of the event; its row is a pure function of the set. Sums (customers, lanes,
//! cells of return rates, ...) are sums over the contributions of entities, kept up by differences. See [`Engine`] for the order of calls.
//!
//! Deliberately absent: SQL and storage of rows (`query/`), validation (`events/`), and any opinion on who may see what.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod backtest;
pub mod digest;
pub mod driver;
pub mod engine;
pub mod error;
pub mod metrics;
pub mod progress;
pub mod replay;
pub mod segments;
pub mod snapshot;
pub mod tables;
mod tariffs;
pub mod training;
pub mod views;

mod ahead;
mod anomalies;
mod contributions;
mod courier_lanes;
mod customers;
mod decode;
mod exchanges;
mod facilities;
mod facts;
mod fold;
mod fraud;
mod governance;
mod interner;
mod key_index;
mod ledger;
mod links;
mod loyalty;
mod milestones;
mod ndr;
mod operations;
mod orders;
mod outcome;
mod pincodes;
mod rate_views;
mod rates;
mod refunds;
mod returns;
mod routing;
mod rows;
mod runs;
mod seen;
mod shipments;
mod skus;
mod slab;
mod supplier_claims;
mod world;
mod zone;

pub use digest::Digest;
pub use driver::{Deps, DriverConfig, Sink, run};
pub use engine::{Config, Counts, Emitted, Engine, Memory, Prepared};
pub use error::Error;
pub use fraud::eligibility::{Application, AppliedLine};
pub use fraud::neighbours::Standing;
pub use metrics::Metrics;
pub use progress::Progress;
pub use rate_views::{Family, families};
pub use replay::replay;
pub use routing::estimate::Candidate;
pub use segments::Segments;
pub use tables::{Change, DEAD_LETTERS, tables};
pub use views::{View, views};
