//! The world's laws and its realism, the latter judged on seeds that were kept apart while building.

mod incidents;
mod laws;
mod patterns;
mod realism;

use eddy_simulator::truth::Row;
use eddy_simulator::{Delivered, World, WorldConfig};

/// A year with as many customers as keep four orders each.
fn year(seed: u64, orders: u64) -> WorldConfig {
    WorldConfig {
        seed,
        orders,
        customers: (orders / 4).max(100),
        ..WorldConfig::default()
    }
}

/// Everything a world tells.
fn told(config: WorldConfig) -> (Vec<Delivered>, Vec<Row>) {
    let mut truth = Vec::new();
    let world = World::new(config).unwrap_or_else(|e| panic!("{e}"));
    let events = world.events_with_truth(|row| truth.push(row)).collect();
    (events, truth)
}
