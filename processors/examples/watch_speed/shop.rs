//! A shop in which nothing shifts, a day of it at a time: eight lines an order, articles of which each has a return rate of its own, few couriers and facilities, so that
//! their series hold very many lines. The same shop as that of the bench `merchandise`, with as many orders a day as are asked for.

use std::fmt::Write as _;

use eddy_models::random::Random;

const LINES: usize = 8;
const SKUS: usize = 5_000;
/// Days that an order or a return may be under way.
const AHEAD: usize = 40;
/// Days of the log before which nothing happens: 2025-11-01.
const FIRST: i32 = 20_393;

/// The shop.
pub struct Shop {
    orders_a_day: usize,
    /// Day from which one courier's parcels come back more often.
    shifts: usize,
    day: usize,
    random: Random,
    /// By day: orders that arrive, and (order, line, article) asked back.
    arrives: Vec<Vec<usize>>,
    returns: Vec<Vec<(usize, usize, usize)>>,
    lines: Vec<Vec<u8>>,
}

fn sku(n: usize) -> String {
    format!("K{:04}-{}", n / 5, n % 5)
}

/// Articles of an order; the first articles sell most.
fn articles(order: usize) -> [usize; LINES] {
    let mut random = Random::new(order as u64 + 7);
    std::array::from_fn(|_| ((random.unit() * random.unit()) * SKUS as f64) as usize)
}

/// The date of a day of the shop.
fn date(day: usize) -> String {
    let epoch = jiff::civil::date(1970, 1, 1);
    let span = jiff::Span::new().days(i64::from(FIRST) + day as i64);
    epoch.checked_add(span).expect("a date").to_string()
}

impl Shop {
    /// A shop that sells so many orders a day; from day `shifts` on what courier k3 brings comes back 1.6 times as often.
    pub fn new(orders_a_day: usize, shifts: usize) -> Self {
        Self {
            orders_a_day,
            shifts,
            day: 0,
            random: Random::new(1),
            arrives: vec![Vec::new(); AHEAD],
            returns: vec![Vec::new(); AHEAD],
            lines: Vec::new(),
        }
    }

    fn tell(&mut self, id: &str, kind: &str, second: usize, data: &str) {
        let (date, clock) = (
            date(self.day),
            format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60),
        );
        let line = format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"urn:shop","type":"eddy.{kind}","time":"{date}T{clock}+05:30","data":{data}}}"#
        );
        self.lines.push(line.into_bytes());
    }

    fn catalogue(&mut self) {
        for n in 0..SKUS {
            let (sku, style, category) = (sku(n), n / 5, n / 5 % 20);
            let data = format!(
                r#"{{"sku":"{sku}","style":"S{style}","category":"c{category}","size":"{}","price_minor":99900,"supplier_id":"sup{}"}}"#,
                n % 5,
                style % 50
            );
            self.tell(&format!("c-{n}"), "context.catalogue_item_updated", 0, &data);
        }
    }

    fn order(&mut self, order: usize, second: usize) {
        let mut lines = String::new();
        for (line, n) in articles(order).into_iter().enumerate() {
            let comma = if line == 0 { "" } else { "," };
            write!(
                lines,
                r#"{comma}{{"line_id":"{line}","sku":"{}","style":"S{}","category":"c{}","size":"{}","qty":1,"unit_price_minor":99900,"supplier_id":"sup{}"}}"#,
                sku(n),
                n / 5,
                n / 5 % 20,
                n % 5,
                n / 5 % 50
            )
            .expect("text");
        }
        let payment = if order.is_multiple_of(2) { "cod" } else { "prepaid" };
        let placed = format!(
            r#"{{"order_id":"o{order}","customer_id":"c{}","lines":[{lines}],"payment_mode":"{payment}","channel":"app","destination_pincode":"56{:04}","destination_country":"IN"}}"#,
            order % 300_000,
            order % 500
        );
        self.tell(&format!("o-{order}"), "order.placed", second, &placed);
        let manifested = format!(
            r#"{{"awb":"a{order}","order_id":"o{order}","leg":"forward","courier":"k{}","origin_pincode":"110001","destination_pincode":"56{:04}","facility":"f{}","packer":"p{}"}}"#,
            order % 8,
            order % 500,
            order % 6,
            order % 60
        );
        self.tell(&format!("m-{order}"), "shipment.manifested", second, &manifested);
        self.arrives[(self.day + 2 + order % 4) % AHEAD].push(order);
    }

    fn deliver(&mut self, order: usize) {
        let data = format!(r#"{{"awb":"a{order}"}}"#);
        self.tell(&format!("d-{order}"), "shipment.delivered", order % 80_000, &data);
        let worse = if self.day >= self.shifts && order % 8 == 3 {
            1.6
        } else {
            1.0
        };
        for (line, n) in articles(order).into_iter().enumerate() {
            if self.random.unit() < worse * (0.05 + 0.1 * (n % 7) as f64 / 6.0) {
                let delay = 1 + (self.random.unit() * self.random.unit() * 25.0) as usize;
                self.returns[(self.day + delay) % AHEAD].push((order, line, n));
            }
        }
    }

    fn ask_back(&mut self, (order, line, n): (usize, usize, usize)) {
        let group = ["size_fit", "quality", "not_as_described", "changed_mind"][(order + line) % 4];
        let data = format!(
            r#"{{"rma_id":"r{order}-{line}","order_id":"o{order}","lines":[{{"line_id":"{line}","sku":"{}","qty":1,"reason":"{group}","reason_group":"{group}"}}],"channel":"app","method":"pickup"}}"#,
            sku(n)
        );
        let id = format!("r-{order}-{line}");
        self.tell(&id, "return.requested", 80_000 + order % 6_000, &data);
    }

    /// When the log took the last day, in microseconds since 1970.
    pub fn logged_at(&self) -> i64 {
        (i64::from(FIRST) + self.day as i64) * 86_400_000_000
    }

    /// The canonical lines of the next day.
    pub fn next_day(&mut self) -> Vec<Vec<u8>> {
        if self.day == 0 {
            self.catalogue();
        }
        for k in 0..self.orders_a_day {
            // Numbers leap, as they do in the bench: which courier and which packer has an order follows from its number.
            self.order(self.day + k * 365, k * 86_400 / self.orders_a_day);
        }
        let at = self.day % AHEAD;
        for order in std::mem::take(&mut self.arrives[at]) {
            self.deliver(order);
        }
        for of in std::mem::take(&mut self.returns[at]) {
            self.ask_back(of);
        }
        self.day += 1;
        std::mem::take(&mut self.lines)
    }
}
