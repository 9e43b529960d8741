//! `return_rates`: what is asked for by name is what stands in the whole view, and counts are those that a plain sum over the lines gives.

use eddy_events::Event;
use eddy_simulator::{World, WorldConfig};

use super::{engine, lines};

fn events() -> Vec<Event> {
    let config = WorldConfig {
        orders: 1_500,
        days: 150,
        skus: 200,
        customers: 400,
        return_scale: 2.0,
        ..WorldConfig::default()
    };
    let world = World::new(config).unwrap();
    world.events().map(|delivered| delivered.event).collect()
}

const FIGURES: &str = "value, cohort_start, measure, basis, currency, delivered, returned, round(raw_rate, 9), round(maturity, 9), round(adjusted_rate, 9), \
     round(lower, 9), round(upper, 9)";

#[tokio::test]
async fn a_measure_and_a_basis_asked_for_by_name_are_those_of_the_whole_view() {
    let engine = engine(&events());
    let dimensions = [
        "sku",
        "all",
        "category,size",
        "reason_group",
        "courier",
        "category,reason_group",
    ];
    let mut seen = 0;
    for (dimension, (cohort_by, grain)) in dimensions.iter().flat_map(|dimension| {
        [("delivered", "week"), ("ordered", "month"), ("delivered", "day")].map(|of| (*dimension, of))
    }) {
        let asked = |and: &str| {
            format!(
                "select {FIGURES} from return_rates where dimension = '{dimension}' and cohort_by = '{cohort_by}' and grain = '{grain}' {and} order by 1, 2, 3, 4, 5"
            )
        };
        let whole = lines(&engine, &asked("")).await.unwrap();
        for (measure, basis) in [
            ("units", "requested"),
            ("units", "received"),
            ("value", "requested"),
            ("value", "received"),
        ] {
            let of = |and: String, kept: String| {
                let (sql, whole) = (asked(&and), &whole);
                let engine = &engine;
                async move {
                    let expected: Vec<&String> = whole.iter().filter(|row| row.contains(&kept)).collect();
                    let rows = lines(engine, &sql).await.unwrap();
                    let other = rows.iter().zip(&expected).find(|(row, of)| row != *of);
                    assert!(
                        rows.iter().eq(expected.iter().copied()),
                        "{sql}: {} rows of {}, {other:?}",
                        rows.len(),
                        expected.len()
                    );
                    rows.len()
                }
            };
            seen += of(
                format!("and measure = '{measure}' and basis = '{basis}'"),
                format!("|{measure}|{basis}|"),
            )
            .await;
            of(format!("and measure = '{measure}'"), format!("|{measure}|")).await;
            of(format!("and basis in ('{basis}')"), format!("|{basis}|")).await;
        }
        of_nothing(&engine, &asked("and measure = 'pieces'")).await;
        of_nothing(&engine, &asked("and basis = 'requested' and basis = 'received'")).await;
    }
    assert!(seen > 5_000, "{seen} rows");
}

async fn of_nothing(engine: &eddy_query::QueryEngine, sql: &str) {
    assert_eq!(lines(engine, sql).await.unwrap(), Vec::<String>::new(), "{sql}");
}

#[tokio::test]
async fn counts_are_those_of_the_lines() {
    let engine = engine(&events());
    for (dimension, column) in [
        ("sku", "sku"),
        ("category", "category"),
        ("courier", "courier"),
        ("state", "destination_state"),
    ] {
        for (measure, weight) in [("units", "1"), ("value", "unit_price_minor")] {
            let told = format!(
                "select value, cohort_start, delivered, returned from return_rates where dimension = '{dimension}' and cohort_by = 'delivered' and grain = 'month' \
                 and measure = '{measure}' and basis = 'requested' order by 1, 2"
            );
            let discount = if measure == "units" {
                "0"
            } else {
                "discount_minor / greatest(qty, 1)"
            };
            let plain = format!(
                "select coalesce({column}, 'unknown'), cast(date_trunc('month', delivered_on) as date), \
                 sum(delivered_qty * {weight} - delivered_qty * {discount}), \
                 sum(least(requested_qty, delivered_qty) * {weight} - least(requested_qty, delivered_qty) * {discount}) \
                 from order_lines where delivered_on is not null group by 1, 2 order by 1, 2"
            );
            let (told, plain) = (
                lines(&engine, &told).await.unwrap(),
                lines(&engine, &plain).await.unwrap(),
            );
            assert!(told.len() > 20, "{dimension}: {} rows", told.len());
            assert_eq!(told, plain, "{dimension} in {measure}");
        }
    }
}
