//! What the key of one table determines, over joins, derived relations and lists: grouped again, told apart, and with what the key determines beside it.

use crate::sample::{engine, lines};

/// Pairs of parcels of one courier, by the key of the first and the status of the second. `awb` stands for the key, or for words that are it and in which no key is seen.
fn pairs(awb: &str) -> String {
    format!(
        "select {awb} as awb, b.status, count(*) as n, count(distinct b.weight_g) as weights from parcels a join parcels b on a.courier = b.courier and a.awb < 'AWB00000020' group by {awb}, b.status"
    )
}

#[tokio::test]
async fn a_key_among_the_groups_of_a_join_determines_none_of_the_others() {
    let engine = engine();
    for outer in [
        "select count(*), count(distinct awb), sum(n), sum(weights) from ({pairs})",
        "select count(*) from (select awb, sum(n) from ({pairs}) group by awb, status)",
        "select awb, sum(n) as n from ({pairs}) group by awb, status order by 1, 2",
        "select awb, sum(n) as n from ({pairs}) group by awb order by 1",
        "with p as ({pairs}) select awb, max(n) as n from p group by awb having count(*) > 1 order by 2, 1",
        "select count(*) from (select distinct awb from ({pairs}))",
        "select count(*) from (select awb, status from (select distinct awb, status from ({pairs})) group by awb, status)",
        "select awb, count(*) from ({pairs}) where status <> 'lost' group by awb having count(*) > 1 order by 2, 1",
        "select distinct awb, status from ({pairs}) order by 1, 2",
        "select count(*) from depots d left join ({pairs}) p on p.awb = concat('AWB0000000', d.number)",
        "select count(*) from parcels d left join ({pairs}) p on p.awb = d.awb",
        "select awb, status, n, row_number() over (partition by awb order by status) from ({pairs}) order by 1, 2",
    ] {
        let told = lines(&engine, &outer.replace("{pairs}", &pairs("a.awb")))
            .await
            .unwrap();
        let plain = lines(&engine, &outer.replace("{pairs}", &pairs("concat(a.awb, '')")))
            .await
            .unwrap();
        assert!(!told.is_empty(), "{outer}");
        assert!(
            told == plain,
            "{outer}: {} rows and {}, {:?} and {:?}",
            told.len(),
            plain.len(),
            told[0],
            plain[0]
        );
    }
}

#[tokio::test]
async fn distinct_words_beside_a_table_determine_none_of_its_columns() {
    let engine = engine();
    let beside = "(select distinct courier as word from parcels where courier is not null) r cross join (select status as t from parcels) p";
    let grouped = format!("select r.word, p.t, count(*) as n from {beside} group by 1, 2");
    let rows = lines(&engine, &grouped).await.unwrap().len();
    for again in [
        format!("select word, sum(n) from ({grouped}) group by word, t"),
        format!("select w, sum(n) from (select word as w, t, n from ({grouped})) group by w, t"),
        format!("select distinct word, t from ({grouped})"),
    ] {
        assert_eq!(lines(&engine, &again).await.unwrap().len(), rows, "{again}");
    }
}

#[tokio::test]
async fn a_key_determines_no_element_of_a_list_beside_it() {
    let engine = engine();
    let elements =
        "select awb, unnest(make_array(1, 2, 2)) as element from parcels where awb < 'AWB00000010'";
    for (sql, rows) in [
        (format!("select awb, element from ({elements}) group by 1, 2"), 20),
        (
            format!("select awb, count(*) from ({elements}) group by awb, element"),
            20,
        ),
        (format!("select distinct awb from ({elements})"), 10),
        (
            format!("select awb, sum(element) from ({elements}) group by awb"),
            10,
        ),
        (format!("select awb, element from ({elements}) order by 1, 2"), 30),
        (
            format!(
                "select p.awb from parcels p left join ({elements}) e on e.awb = p.awb where p.awb < 'AWB00000010'"
            ),
            30,
        ),
    ] {
        assert_eq!(lines(&engine, &sql).await.unwrap().len(), rows, "{sql}");
    }
}

#[tokio::test]
async fn what_a_key_determines_may_be_selected_beside_it() {
    let engine = engine();
    for (columns, from, by) in [
        ("awb, courier, weight_g", "parcels a", "a.awb"),
        (
            "awb, courier",
            "parcels a",
            "a.awb, date_trunc('hour', updated_at)",
        ),
        (
            "a.awb, a.courier, a.weight_g",
            "parcels a join parcels b on a.courier = b.courier and b.status = 'delivered'",
            "a.awb, b.risk",
        ),
        (
            "a.awb, a.courier, a.weight_g",
            "parcels a left join depots b on b.number = a.weight_g",
            "a.awb, b.kind",
        ),
    ] {
        let beside = format!(
            "select {columns}, count(*) as n from {from} group by {by} having max(a.risk) is null or a.weight_g > 0 order by 1, n limit 40"
        );
        let named = beside.replace("group by a.awb", "group by a.awb, a.courier, a.weight_g");
        let (beside, named) = (
            lines(&engine, &beside).await.unwrap(),
            lines(&engine, &named).await.unwrap(),
        );
        assert!(!beside.is_empty());
        assert_eq!(beside, named);
    }
}

#[tokio::test]
async fn what_a_derived_relation_determines_is_named_in_its_groups() {
    let engine = engine();
    let sql = "select awb, status, sum(n) from ({pairs}) group by awb".replace("{pairs}", &pairs("a.awb"));
    let refused = lines(&engine, &sql).await.unwrap_err().to_string();
    assert!(refused.contains("status"), "{refused}");
}
