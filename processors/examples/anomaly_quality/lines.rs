//! A simulated world as lines: what was delivered when, to which series it belongs, what came back. Read from events alone; the truth goes aside.

use std::collections::HashMap;

use eddy_events::returns::REASON_GROUPS;
use eddy_events::shipment::Leg;
use eddy_events::{Body, SmolStr};
use eddy_simulator::truth::Row;
use eddy_simulator::{World, WorldConfig};

/// Dimensions of the series; `batch` is a candidate cause only.
pub const DIMENSIONS: [&str; 13] = [
    "sku",
    "style",
    "style,size",
    "category",
    "category,size",
    "supplier",
    "seller",
    "packer",
    "lane",
    "courier",
    "facility",
    "state",
    "batch",
];
pub const SKU: usize = 0;
pub const STYLE: usize = 1;
pub const CATEGORY: usize = 3;
pub const CLASS: usize = 4;
/// The first dimension that cuts across articles.
pub const ACROSS: usize = 5;
/// Dimensions that are watched.
pub const WATCHED: usize = 12;
pub const BATCH: usize = 12;

const DAY: i64 = 86_400_000_000;

/// A line that was delivered.
#[derive(Clone, Debug)]
pub struct Line {
    /// Series by dimension.
    pub series: [u32; DIMENSIONS.len()],
    /// Day of delivery, and day on which it was known.
    pub day: i32,
    pub known: i32,
    /// Day on which its return was known, and the reason group.
    pub returned: Option<(i32, u8)>,
    /// Shift that caused the return: truth.
    pub shift: Option<u32>,
}

/// A shift as it is true.
#[derive(Clone, Debug)]
pub struct Truth {
    pub id: u32,
    pub dimension: &'static str,
    pub value: String,
    /// Its series, if a line of it was ever delivered.
    pub series: Option<(usize, u32)>,
    pub onset: i32,
    pub to: i32,
    pub factor: f64,
    pub group: &'static str,
}

impl Truth {
    /// Whether a line is touched.
    pub fn touches(&self, line: &Line) -> bool {
        (self.onset..self.to).contains(&line.day)
            && self
                .series
                .is_some_and(|(dimension, series)| line.series[dimension] == series)
    }
}

/// All lines of a world.
#[derive(Default)]
pub struct Told {
    pub lines: Vec<Line>,
    /// Dimension and value of each series.
    pub names: Vec<(usize, String)>,
    ids: HashMap<(usize, String), u32>,
    pub shifts: Vec<Truth>,
    /// Last day.
    pub days: i32,
}

impl Told {
    fn series(&mut self, dimension: usize, value: String) -> u32 {
        let next = self.names.len() as u32;
        let key = (dimension, value);
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        self.names.push(key.clone());
        self.ids.insert(key, next);
        next
    }

    pub fn find(&self, dimension: &str, value: &str) -> Option<(usize, u32)> {
        let at = DIMENSIONS.iter().position(|&d| d == dimension)?;
        self.ids.get(&(at, value.to_owned())).map(|&id| (at, id))
    }
}

fn day(micros: i64, start: i64) -> i32 {
    (micros - start).div_euclid(DAY) as i32
}

struct Parcel {
    order: SmolStr,
    lines: Option<Vec<SmolStr>>,
    courier: SmolStr,
    zone: char,
    facility: SmolStr,
    packer: SmolStr,
}

/// Plays a world.
pub fn tell(config: WorldConfig) -> Told {
    let start = config.start.micros;
    let last = config.days as i32;
    let world = World::new(config).expect("a world");
    let rows = std::sync::Mutex::new(Vec::new());
    let mut told = Told {
        days: last,
        ..Told::default()
    };
    let mut orders: HashMap<SmolStr, eddy_events::order::Placed> = HashMap::new();
    let mut parcels: HashMap<SmolStr, Parcel> = HashMap::new();
    let mut at: HashMap<(SmolStr, SmolStr), usize> = HashMap::new();
    let mut caused: HashMap<SmolStr, u32> = HashMap::new();
    let mut requests: Vec<(SmolStr, SmolStr, SmolStr, i32, u8)> = Vec::new();
    for told_event in world.events_with_truth(|row| rows.lock().unwrap().push(row)) {
        for row in rows.lock().unwrap().drain(..) {
            match row {
                Row::Shift {
                    id,
                    dimension,
                    value,
                    onset,
                    to,
                    factor,
                    reason_group,
                } => told.shifts.push(Truth {
                    id,
                    dimension,
                    value,
                    series: None,
                    onset: day(onset.micros, start),
                    to: day(to.micros, start),
                    factor,
                    group: reason_group,
                }),
                Row::Return {
                    rma_id,
                    shift: Some(shift),
                    ..
                } => {
                    caused.insert(rma_id, shift);
                }
                _ => {}
            }
        }
        let known = day(told_event.arrival.micros, start);
        let happened = day(told_event.event.envelope.time.micros, start);
        match told_event.event.body {
            Body::OrderPlaced(body) => {
                orders.entry(body.order_id.clone()).or_insert(*body);
            }
            Body::ShipmentManifested(body) if body.leg == Leg::Forward => {
                let parcel = Parcel {
                    order: body.order_id,
                    lines: body.line_ids,
                    courier: body.courier,
                    zone: body.destination_pincode.chars().next().unwrap_or('0'),
                    facility: body.facility.unwrap_or_default(),
                    packer: body.packer.unwrap_or_default(),
                };
                parcels.insert(body.awb, parcel);
            }
            Body::ShipmentDelivered(body) => {
                let Some(parcel) = parcels.get(&body.awb) else {
                    continue;
                };
                let Some(order) = orders.get(&parcel.order) else {
                    continue;
                };
                deliver(&mut told, &mut at, order, parcel, happened, known);
            }
            Body::ReturnRequested(body) => {
                let Some(order) = body.order_id else { continue };
                for line in body.lines {
                    let Some(id) = line.line_id else { continue };
                    let group = line
                        .reason_group
                        .and_then(|g| REASON_GROUPS.iter().position(|&known| known == g))
                        .unwrap_or(REASON_GROUPS.len() - 1);
                    requests.push((body.rma_id.clone(), order.clone(), id, known, group as u8));
                }
            }
            _ => {}
        }
    }
    for (rma, order, line, known, group) in requests {
        let Some(&index) = at.get(&(order, line)) else {
            continue;
        };
        let line = &mut told.lines[index];
        if line.returned.is_none_or(|(before, _)| known < before) {
            line.returned = Some((known.max(line.known), group));
            line.shift = caused.get(&rma).copied();
        }
    }
    for at in 0..told.shifts.len() {
        let (dimension, value) = (told.shifts[at].dimension, told.shifts[at].value.clone());
        told.shifts[at].series = told.find(dimension, &value);
    }
    told.lines.sort_by_key(|line| (line.known, line.day, line.series));
    told
}

fn deliver(
    told: &mut Told,
    at: &mut HashMap<(SmolStr, SmolStr), usize>,
    order: &eddy_events::order::Placed,
    parcel: &Parcel,
    happened: i32,
    known: i32,
) {
    let text = |value: &Option<SmolStr>| value.as_deref().unwrap_or("").to_owned();
    for line in &order.lines {
        if parcel
            .lines
            .as_ref()
            .is_some_and(|own| !own.contains(&line.line_id))
        {
            continue;
        }
        let key = (order.order_id.clone(), line.line_id.clone());
        if at.contains_key(&key) {
            continue;
        }
        let (style, category, size) = (text(&line.style), text(&line.category), text(&line.size));
        let values = [
            line.sku.to_string(),
            style.clone(),
            format!("{style},{size}"),
            category.clone(),
            format!("{category},{size}"),
            text(&line.supplier_id),
            text(&line.seller_id),
            parcel.packer.to_string(),
            format!("{},{}", parcel.courier, parcel.zone),
            parcel.courier.to_string(),
            parcel.facility.to_string(),
            text(&order.destination_state),
            text(&line.batch),
        ];
        let mut series = [0; DIMENSIONS.len()];
        for (dimension, value) in values.into_iter().enumerate() {
            series[dimension] = told.series(dimension, value);
        }
        at.insert(key, told.lines.len());
        told.lines.push(Line {
            series,
            day: happened,
            known,
            returned: None,
            shift: None,
        });
    }
}
