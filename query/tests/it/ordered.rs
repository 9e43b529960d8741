//! `order by` over groups of a join of which one is the key of a table.

use crate::sample::{engine, lines};

#[tokio::test]
async fn groups_of_a_join_are_ordered_by_all_that_is_asked_for() {
    let engine = engine();
    let beside = "(select distinct courier as word from parcels where courier is not null) r cross join (select status as word from parcels) p";
    let few = "parcels a join parcels b on a.courier = b.courier and a.awb < 'AWB00000010'";
    for (columns, from) in [("a.awb, b.status", few), ("r.word, p.word", beside)] {
        for (order, falls) in [("1, 2", false), ("1 desc, 2 desc", true)] {
            let sql = format!("select {columns}, count(*) from {from} group by 1, 2 order by {order}");
            let told = lines(&engine, &sql).await.unwrap();
            let mut sorted = told.clone();
            sorted.sort();
            if falls {
                sorted.reverse();
            }
            assert!(told.len() > 10, "{sql}");
            assert_eq!(told, sorted, "{sql}");
        }
    }
}
