//! Tests of the processors as their users meet them: laws over generated histories, scenarios, snapshots, and the driver on a real
//! nats-server.

mod diverts;
// Tests may ask a clock for how long to wait.
#[allow(clippy::disallowed_methods)]
mod driver;
mod fraud;
mod history;
mod large_shop;
mod laws;
mod milestones;
mod off_policy;
mod operations;
mod oracle;
mod process;
mod promoted;
mod rates;
mod risk;
mod scenarios;
mod snapshots;
mod support;
