//! A seeded world of an Indian shop's orders, parcels and returns, told as canonical events in the order in which they arrive, with its truth beside.
//!
//! No clock, no I/O beyond a writer for the truth, no model and no opinion on what the events mean. The same configuration gives the same
//! bytes. What is realistic here and what is simplified stands in `README.md`.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod abuse;
mod calendar;
mod carriers;
mod chance;
mod choices;
mod config;
mod geography;
mod goods;
mod incidents;
mod journey;
mod marks;
mod orders;
mod parcels;
mod pattern;
mod people;
mod queue;
mod refunds;
mod returns;
mod reverse;
mod risk;
mod shifts;
pub mod stats;
mod telling;
pub mod truth;
mod world;

use std::sync::Arc;

pub use config::{ConfigError, WorldConfig};
pub use pattern::Pattern;
pub use people::Kind;
pub use telling::{Delivered, Events};

/// A world, settled. Cheap to clone; every telling of it is the same.
#[derive(Clone)]
pub struct World(Arc<world::World>);

impl World {
    /// Settles geography, couriers, goods, shifts and intercepts. Takes some milliseconds.
    pub fn new(config: WorldConfig) -> Result<Self, ConfigError> {
        world::World::new(config).map(|w| Self(Arc::new(w)))
    }

    /// The configuration it was made from.
    pub fn config(&self) -> &WorldConfig {
        &self.0.config
    }

    /// The events in order of arrival; truth is dropped.
    pub fn events(&self) -> Events<fn(truth::Row)> {
        Events::new(self.0.clone(), |_| {})
    }

    /// The events in order of arrival; each row of truth goes to `sink` as it is settled.
    pub fn events_with_truth<T: FnMut(truth::Row)>(&self, sink: T) -> Events<T> {
        Events::new(self.0.clone(), sink)
    }
}
