//! The whole system as a user has it: the built `eddy` command, a real nats-server, real files.
//! One module a concern; `engine` is the harness.

mod alerts;
mod decisions;
mod engine;
mod load;
mod models;
mod nats;
#[path = "../../log/tests/it/ports.rs"]
mod ports;
mod post;
mod recovery;
mod refusals;
mod sign_in;
mod telemetry;
mod views;
mod wire;
