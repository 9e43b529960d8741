//! Tests of the processors as their users meet them: laws over generated histories, scenarios, snapshots, and the driver on a real
//! nats-server.

// Tests may ask a clock for how long to wait.
#[allow(clippy::disallowed_methods)]
mod driver;
mod fraud;
mod history;
mod laws;
mod milestones;
mod operations;
mod oracle;
mod process;
mod promoted;
mod rates;
mod risk;
mod scenarios;
mod snapshots;
mod support;
