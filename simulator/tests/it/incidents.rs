//! Incidents: told in the truth, of each kind in turn, and absent unless asked for.

use std::collections::BTreeSet;

use eddy_simulator::WorldConfig;
use eddy_simulator::truth::Row;

use crate::{told, year};

#[test]
fn a_world_has_the_incidents_that_were_asked_for_and_tells_them() {
    let (events, truth) = told(WorldConfig {
        incidents: 9,
        ..year(3, 1_500)
    });
    let mut subjects = BTreeSet::new();
    let mut count = 0;
    for row in &truth {
        if let Row::Incident {
            subject,
            onset,
            to,
            value,
            ..
        } = row
        {
            assert!(onset.micros < to.micros && !value.is_empty(), "{row:?}");
            subjects.insert(*subject);
            count += 1;
        }
    }
    assert_eq!(count, 9);
    assert_eq!(subjects.len(), 5, "{subjects:?}");
    let (plain, without) = told(year(3, 1_500));
    assert!(without.iter().all(|row| !matches!(row, Row::Incident { .. })));
    assert_ne!(events, plain);
}
