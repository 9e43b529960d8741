//! Facts of a simulated world, from its events as they arrive.

use std::collections::HashMap;

use eddy_events::Body;
use eddy_events::order::Channel;
use eddy_events::shipment::Leg;
use eddy_simulator::{World, WorldConfig};

use crate::rates::facts::{Back, Facts, Line, Sku};

const DAY: f64 = 86_400e6;

/// Lines of an order: those not delivered yet, and where those delivered are.
#[derive(Default)]
struct Order {
    lines: Vec<Ordered>,
}

struct Ordered {
    line_id: String,
    sku: usize,
    qty: u32,
    delivered: Option<usize>,
    requested: u32,
    received: u32,
}

#[derive(Default)]
struct Reader {
    facts: Facts,
    skus: HashMap<String, usize>,
    styles: HashMap<String, usize>,
    categories: HashMap<String, usize>,
    places: HashMap<String, usize>,
    orders: HashMap<String, Order>,
    /// Order and lines of a parcel on its way to the buyer.
    parcels: HashMap<String, (String, Option<Vec<String>>)>,
    /// Number and order of a return.
    returns: HashMap<String, (usize, String)>,
}

fn index(names: &mut HashMap<String, usize>, name: &str) -> usize {
    let next = names.len();
    *names.entry(name.to_owned()).or_insert(next)
}

impl Reader {
    fn deliver(&mut self, order: &str, lines: Option<&[String]>, at: f64, known: f64) {
        let Some(order) = self.orders.get_mut(order) else {
            return;
        };
        for line in &mut order.lines {
            let carried = lines.is_none_or(|lines| lines.contains(&line.line_id));
            if carried && line.delivered.is_none() && at >= 0.0 {
                line.delivered = Some(self.facts.lines.len());
                self.facts.lines.push(Line {
                    sku: line.sku,
                    at,
                    known,
                    units: line.qty,
                });
            }
        }
    }

    fn tell(&mut self, body: &Body, at: f64, known: f64) {
        match body {
            Body::OrderPlaced(placed) => {
                let mut order = Order::default();
                for line in &placed.lines {
                    let category = index(
                        &mut self.categories,
                        line.category.as_deref().unwrap_or("unknown"),
                    );
                    let style = index(&mut self.styles, line.style.as_deref().unwrap_or(&line.sku));
                    let sku = index(&mut self.skus, &line.sku);
                    if sku == self.facts.skus.len() {
                        self.facts.skus.push(Sku { category, style });
                    }
                    order.lines.push(Ordered {
                        line_id: line.line_id.to_string(),
                        sku,
                        qty: line.qty,
                        delivered: None,
                        requested: 0,
                        received: 0,
                    });
                }
                self.orders.entry(placed.order_id.to_string()).or_insert(order);
                if placed.channel == Channel::Store {
                    self.deliver(&placed.order_id, None, at, known);
                }
            }
            Body::ShipmentManifested(parcel) if parcel.leg == Leg::Forward => {
                let lines = parcel.line_ids.as_ref();
                let lines = lines.map(|lines| lines.iter().map(ToString::to_string).collect());
                self.parcels
                    .insert(parcel.awb.to_string(), (parcel.order_id.to_string(), lines));
            }
            Body::ShipmentDelivered(parcel) => {
                if let Some((order, lines)) = self.parcels.remove(parcel.awb.as_str()) {
                    self.deliver(&order, lines.as_deref(), at, known);
                }
            }
            Body::ReturnRequested(request) => {
                let Some(order_id) = &request.order_id else {
                    return;
                };
                // Told twice under two ids, it is one request.
                let number = self.returns.len();
                let told = (number, order_id.to_string());
                if self.returns.contains_key(request.rma_id.as_str()) {
                    return;
                }
                self.returns.insert(request.rma_id.to_string(), told);
                let lines = request.lines.iter();
                let lines = lines.filter_map(|line| Some((line.line_id.as_deref()?, line.qty)));
                self.back((number, order_id), lines, (at, known), None);
            }
            Body::ReturnReceived(received) => {
                let Some((number, order_id)) = self.returns.get(received.rma_id.as_str()).cloned() else {
                    return;
                };
                let place = index(&mut self.places, &received.facility);
                let lines = received.lines.iter();
                let lines = lines.map(|line| (line.line_id.as_str(), line.qty));
                self.back((number, &order_id), lines, (at, known), Some(place));
            }
            _ => {}
        }
    }

    fn back<'a>(
        &mut self,
        (request, order): (usize, &str),
        lines: impl Iterator<Item = (&'a str, u32)>,
        (at, known): (f64, f64),
        place: Option<usize>,
    ) {
        let Some(order) = self.orders.get_mut(order) else {
            return;
        };
        for (line_id, qty) in lines {
            let Some(line) = order.lines.iter_mut().find(|line| line.line_id == line_id) else {
                continue;
            };
            let Some(delivered) = line.delivered else {
                continue;
            };
            let (so_far, into) = match place {
                None => (&mut line.requested, &mut self.facts.requested),
                Some(_) => (&mut line.received, &mut self.facts.received),
            };
            // The same piece twice is one that came back.
            let units = qty.min(line.qty - *so_far);
            if units == 0 {
                continue;
            }
            *so_far += units;
            into.push(Back {
                line: delivered,
                request,
                at,
                known,
                units,
                place: place.unwrap_or(0),
            });
        }
    }
}

/// Plays a world to its end.
pub fn facts(orders: u64, seed: u64, skus: u32, days: u32) -> Facts {
    let config = WorldConfig {
        seed,
        orders,
        skus,
        days,
        customers: (orders / 4).max(1_000),
        ..WorldConfig::default()
    };
    let begin = config.start.micros as f64;
    let world = World::new(config).expect("a world");
    let mut reader = Reader::default();
    for told in world.events() {
        let days = |micros: i64| (micros as f64 - begin) / DAY;
        let (at, known) = (days(told.event.envelope.time.micros), days(told.arrival.micros));
        reader.tell(&told.event.body, at, known);
    }
    let mut facts = reader.facts;
    facts.days = days as usize;
    facts.styles = reader.styles.len();
    facts.places = reader.places.len();
    facts.categories = vec![String::new(); reader.categories.len()];
    for (name, at) in reader.categories {
        facts.categories[at] = name;
    }
    facts
}
