//! Events to measure with: cheap ones made by number, and the simulated world.

use eddy_events::codec;
use eddy_simulator::{World, WorldConfig};

/// A manifested shipment, unique by client and number, about 330 bytes.
pub fn manifested(client: usize, n: usize) -> String {
    let awb = awb(client, n);
    format!(
        r#"{{"specversion":"1.0","id":"m-{awb}","source":"urn:courier:blue","type":"eddy.shipment.manifested","subject":"{awb}","time":"2026-11-03T09:{:02}:{:02}+05:30","data":{{"awb":"{awb}","order_id":"O{client:02}{n:08}","leg":"forward","courier":"blue","origin_pincode":"110001","destination_pincode":"56{:04}","weight_g":500,"cod_amount_minor":99900}}}}"#,
        (n / 60) % 60,
        n % 60,
        n % 10_000
    )
}

/// A scan on the way of such a shipment.
pub fn scanned(client: usize, n: usize, scan: usize) -> String {
    let awb = awb(client, n);
    format!(
        r#"{{"specversion":"1.0","id":"s-{awb}-{scan}","source":"urn:courier:blue","type":"eddy.shipment.in_transit","subject":"{awb}","time":"2026-11-04T09:{:02}:{scan:02}+05:30","data":{{"awb":"{awb}","facility":"hub-{scan}"}}}}"#,
        (n / 60) % 60,
    )
}

/// The AWB of the shipment with this number.
pub fn awb(client: usize, n: usize) -> String {
    format!("A{client:02}{n:08}")
}

/// Canonical lines of a simulated world with so many orders, about twelve events each, in order of arrival.
pub fn lines(orders: u64) -> impl Iterator<Item = Vec<u8>> {
    let config = WorldConfig {
        orders,
        customers: (orders / 4).max(50),
        ..WorldConfig::default()
    };
    let world = World::new(config).unwrap();
    world.events().map(|delivered| codec::encode(&delivered.event))
}
