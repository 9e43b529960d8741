//! What a customer costs in memory: real bytes, as the kernel counts them, of an engine with fraud less those of one without, over customers who showed who they are, bought
//! and were delivered to.
//!
//! `cargo run --release -p eddy-processors --example fraud_state -- [customers]`. Linux alone: it reads `/proc/self/statm` of a process per measurement.

use eddy_events::{Body, Envelope, Event, Position, SmolStr, Timestamp, codec, order, shipment};
use eddy_processors::{Config, Emitted, Engine, Prepared};

const START: i64 = 1_750_000_000_000_000;
const MINUTE: i64 = 60_000_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u64| args.get(at).map_or(or, |arg| arg.parse().expect("a number"));
    let customers = number(0, 200_000);
    if args.len() > 1 {
        println!(
            "{}",
            fill(customers, number(1, 1), number(2, 0), number(3, 0) == 1)
        );
        return;
    }
    let of = |orders: u64, identities: u64| {
        let bytes = |fraud: u64| -> f64 {
            let me = std::env::current_exe().expect("this program");
            let arguments = [customers, orders, identities, fraud].map(|number| number.to_string());
            let told = std::process::Command::new(me)
                .args(arguments)
                .output()
                .expect("a child");
            let text = String::from_utf8_lossy(&told.stdout);
            text.trim().parse().expect("bytes")
        };
        (bytes(1) - bytes(0)) / customers as f64
    };
    let (one, four, bare) = (of(1, 4), of(4, 4), of(1, 0));
    let order = (four - one) / 3.0;
    println!("{customers} customers, real bytes that fraud adds:");
    println!("    a customer without identities      {:>6.0}", bare - order);
    println!(
        "    each identity value, shown by one  {:>6.0}",
        (one - bare) / 4.0
    );
    println!("    a customer with four of them       {:>6.0}", one - order);
    println!("    an order                           {order:>6.0}");
}

/// Bytes that a fold of so many customers adds to this process.
fn fill(customers: u64, orders: u64, identities: u64, fraud: bool) -> u64 {
    let mut engine = Engine::new(Config {
        scores: fraud,
        risk: false,
        beliefs: 1 << 10,
        ..Config::default()
    })
    .expect("an engine");
    let mut out = Emitted::default();
    let before = resident();
    let mut sequence = 0;
    for nth in 0..orders {
        for customer in 0..customers {
            for event in sale(customer, nth, identities) {
                sequence += 1;
                let line = codec::encode(&event);
                let position = Position { sequence, index: 0 };
                engine.apply(
                    Prepared::decode(position, START + 900_000_000 * MINUTE, &line),
                    &mut out,
                );
            }
            out.outputs.clear();
            if customer.is_multiple_of(1_024) {
                engine.take_changes();
            }
        }
    }
    resident() - before
}

fn resident() -> u64 {
    let told = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = told.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("resident pages") * 4_096
}

fn sale(customer: u64, nth: u64, identities: u64) -> [Event; 3] {
    let at = START + (nth * 500_000 + customer) as i64 * MINUTE;
    let id: SmolStr = format!("O{customer}-{nth}").into();
    let awb: SmolStr = format!("A{customer}-{nth}").into();
    let shows = |kind: &str, number: u64| -> Option<SmolStr> {
        (number < identities).then(|| format!("{kind}-{customer}").into())
    };
    let line = order::Line {
        line_id: "1".into(),
        sku: format!("S{}", customer % 1_000).into(),
        style: None,
        category: Some("kurta".into()),
        size: None,
        qty: 1,
        unit_price_minor: 49_900,
        discount_minor: None,
        supplier_id: None,
        seller_id: None,
        batch: None,
    };
    let placed = order::Placed {
        order_id: id.clone(),
        customer_id: format!("C{customer}").into(),
        lines: vec![line],
        payment_mode: order::PaymentMode::Prepaid,
        channel: order::Channel::Web,
        destination_pincode: "411001".into(),
        destination_state: None,
        destination_country: None,
        address_hash: shows("ad", 2),
        address_quality: None,
        phone_hash: shows("ph", 0),
        device_hash: shows("de", 3),
        instrument_hash: shows("in", 1),
        ip_hash: None,
        gift: None,
        shipping_fee_minor: None,
        tax_minor: None,
        promised_at: None,
        currency: None,
    };
    let manifest = shipment::Manifested {
        awb: awb.clone(),
        order_id: id.clone(),
        line_ids: None,
        leg: shipment::Leg::Forward,
        rma_id: None,
        courier: "swift".into(),
        service: None,
        origin_pincode: "560001".into(),
        destination_pincode: "411001".into(),
        weight_g: Some(500),
        declared_value_minor: None,
        cod_amount_minor: None,
        promised_at: None,
        facility: None,
        packer: None,
        lines: None,
    };
    let delivered = shipment::Delivered {
        awb,
        proof: None,
        agent: None,
        pincode: None,
        hub: None,
        facility: None,
        weight_g: None,
        raw_code: None,
        raw_text: None,
        mapping_version: None,
    };
    [
        (0, Body::OrderPlaced(Box::new(placed))),
        (1, Body::ShipmentManifested(Box::new(manifest))),
        (2, Body::ShipmentDelivered(delivered)),
    ]
    .map(|(step, body)| Event {
        envelope: Envelope {
            id: format!("{id}-{step}").into(),
            source: "urn:shop".into(),
            subject: body.subject().cloned().unwrap_or_default(),
            time: Timestamp::utc(at + step * MINUTE),
            tenant: "default".into(),
            dataversion: 1,
            traceparent: None,
            causationid: None,
        },
        body,
    })
}
