//! What happens around the parcels, each with the interval in which it holds: weather, traffic, calendars, capacities.
//!
//! A place is asked for by its pincode; what was told of the longest prefix of it stands. Windows that ended two days before the latest news of
//! their kind and place are forgotten, and of one kind and place the latest sixteen are kept.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bitcode::{Decode, Encode};
use eddy_events::Body;
use eddy_events::shipment::Leg;

use crate::interner::Symbols;

const DAY_US: i64 = 86_400_000_000;
/// Windows of one kind and place.
const WINDOWS: usize = 16;

/// An interval and what holds in it.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
struct Window {
    from: i64,
    to: i64,
    value: f32,
    /// Symbol of a name, where there is one.
    name: u32,
}

/// Windows by prefix of the pincode.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
struct Places {
    by_prefix: BTreeMap<String, Vec<Window>>,
    /// Lengths of prefixes in use, as bits.
    lengths: u32,
}

impl Places {
    fn tell(&mut self, prefix: &str, window: Window) {
        self.lengths |= 1 << prefix.len().min(31);
        let windows = self.by_prefix.entry(prefix.to_owned()).or_default();
        windows.retain(|old| {
            old.to > window.from - 2 * DAY_US
                && (old.from, old.to, old.name) != (window.from, window.to, window.name)
        });
        if windows.len() == WINDOWS {
            windows.remove(0);
        }
        windows.push(window);
    }

    /// What holds at a place and time; the latest told stands.
    fn at(&self, pincode: &str, at: i64) -> Option<Window> {
        self.among(pincode, at, 0..=pincode.len().min(31))
            .map(|(_, window)| window)
    }

    /// What holds for the longest prefix of these lengths, and its length.
    fn among(&self, pincode: &str, at: i64, lengths: RangeInclusive<usize>) -> Option<(usize, Window)> {
        let lengths = lengths.rev().filter(|length| self.lengths & (1 << length) != 0);
        for length in lengths {
            let windows = pincode
                .get(..length)
                .and_then(|prefix| self.by_prefix.get(prefix));
            let held = windows.and_then(|windows| {
                windows
                    .iter()
                    .rev()
                    .find(|window| (window.from..window.to).contains(&at))
            });
            if let Some(window) = held {
                return Some((length, *window));
            }
        }
        None
    }
}

/// The context as told so far.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Context {
    weather: Places,
    traffic: Places,
    calendar: Places,
    /// Parcels a day by courier's symbol, forward leg; the whole courier stands under the empty prefix.
    capacity: BTreeMap<u32, Places>,
}

impl Context {
    /// Takes a context event in; tells whether it was one.
    pub(crate) fn hear(&mut self, symbols: &mut Symbols, body: &Body) {
        match body {
            Body::ContextWeatherObserved(told) => self.weather.tell(
                &told.pincode_prefix,
                Window {
                    from: told.valid_from.micros,
                    to: told.valid_to.micros,
                    value: told.severity as f32,
                    name: symbols.of(&told.condition),
                },
            ),
            Body::ContextTrafficObserved(told) => self.traffic.tell(
                &told.pincode_prefix,
                Window {
                    from: told.valid_from.micros,
                    to: told.valid_to.micros,
                    value: told.congestion as f32,
                    name: 0,
                },
            ),
            Body::ContextCalendarPublished(told) => self.calendar.tell(
                told.pincode_prefix.as_deref().unwrap_or(""),
                Window {
                    from: told.valid_from.micros,
                    to: told.valid_to.micros,
                    value: 1.0,
                    name: symbols.of(&told.name),
                },
            ),
            Body::ContextCourierCapacityUpdated(told) if told.leg == Leg::Forward => {
                let places = self.capacity.entry(symbols.of(&told.courier)).or_default();
                places.tell(
                    told.pincode_prefix.as_deref().unwrap_or(""),
                    Window {
                        from: told.valid_from.micros,
                        to: told.valid_to.micros,
                        value: told.capacity as f32,
                        name: 0,
                    },
                );
            }
            _ => {}
        }
    }

    /// Severity of the weather, 0 to 1.
    pub(crate) fn weather(&self, pincode: &str, at: i64) -> Option<f64> {
        self.weather.at(pincode, at).map(|window| f64::from(window.value))
    }

    /// Congestion, 0 to 1.
    pub(crate) fn traffic(&self, pincode: &str, at: i64) -> Option<f64> {
        self.traffic.at(pincode, at).map(|window| f64::from(window.value))
    }

    /// Symbol of the calendar's entry.
    pub(crate) fn calendar(&self, pincode: &str, at: i64) -> Option<u32> {
        self.calendar.at(pincode, at).map(|window| window.name)
    }

    /// Parcels a day that a courier takes: everywhere, and to the narrowest place told of around a pincode, with the length of its prefix.
    pub(crate) fn capacities(&self, courier: u32, pincode: &str, at: i64) -> [Option<(usize, f64)>; 2] {
        let Some(places) = self.capacity.get(&courier) else {
            return [None; 2];
        };
        let narrow = 1..=pincode.len().min(31);
        [0..=0, narrow].map(|lengths| {
            let (length, window) = places.among(pincode, at, lengths)?;
            Some((length, f64::from(window.value)))
        })
    }
}
