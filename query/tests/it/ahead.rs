//! Scalar subqueries of filters and of what is selected: answered ahead where they read little, with the same answers as otherwise.

use crate::sample::{engine, lines, parcel};

#[tokio::test]
async fn a_filter_by_a_scalar_subquery_reaches_the_scan_as_a_constant() {
    let engine = engine();
    let one = "(select courier from parcels where awb = 'AWB00000002')";
    let plan = lines(
        &engine,
        &format!("explain select count(*) from parcels where courier = {one}"),
    )
    .await
    .unwrap()
    .join("\n");
    assert!(
        plan.contains("filters=[courier@") && !plan.contains("ScalarSubquery"),
        "{plan}"
    );
}

#[tokio::test]
async fn scalar_subqueries_answered_ahead_say_what_joins_say() {
    let engine = engine();
    let awbs = (0..7).map(|n| parcel(n).awb).chain(["AWB-nobody".to_owned()]);
    for awb in awbs {
        let courier = format!("(select courier from parcels where awb = '{awb}')");
        let weight = format!("(select weight_g from parcels where awb = '{awb}')");
        for filter in [
            "p.courier = {courier}",
            "(p.courier is distinct from {courier}) and p.weight_g < 140",
            "coalesce(p.courier, 'x') <> {courier} and p.weight_g > {weight} + 3",
            "{courier} is null and p.status = 'delivered'",
            "case when {weight} > 102 then p.courier = {courier} else p.weight_g = {weight} end",
        ] {
            let of = |courier: &str, weight: &str| {
                let filter = filter.replace("{courier}", courier).replace("{weight}", weight);
                format!("where {filter} order by 1")
            };
            let ahead = format!("select p.awb from parcels p {}", of(&courier, &weight));
            let one = format!(
                "(select max(courier) as courier, max(weight_g) as weight from parcels where awb = '{awb}') as o"
            );
            let joined = format!(
                "select p.awb from parcels p cross join {one} {}",
                of("o.courier", "o.weight")
            );
            assert_eq!(
                lines(&engine, &ahead).await.unwrap(),
                lines(&engine, &joined).await.unwrap(),
                "{ahead}"
            );
        }
    }
}

#[tokio::test]
async fn a_scalar_subquery_of_several_rows_is_refused_as_ever() {
    let engine = engine();
    let several =
        "select awb from parcels where courier = (select courier from parcels where weight_g < 103)";
    let error = lines(&engine, several).await.unwrap_err().to_string();
    assert!(error.contains("more than one row"), "{error}");
    let bound = "select count(*) from parcels where weight_g > (select number * 200 from depots where city = 'pune' and number = $1)";
    let answer = engine
        .sql(bound, vec![datafusion::common::ScalarValue::Int64(Some(2))])
        .await
        .unwrap();
    let rows = answer.collect().await.unwrap();
    assert_eq!(rows[0].num_rows(), 1);
}

#[tokio::test]
async fn what_is_selected_by_a_scalar_subquery_is_the_same_and_has_the_same_name() {
    let engine = engine();
    for awb in ["AWB00000002", "AWB00000005", "AWB-nobody"] {
        let courier = format!("(select courier from parcels where awb = '{awb}')");
        let weight = format!("(select weight_g from parcels where awb = '{awb}')");
        let selected = |courier: &str, weight: &str| {
            format!(
                "p.awb, case when p.courier = {courier} then 'same' else p.courier end as beside, {weight} as weight, p.weight_g - {weight} as more"
            )
        };
        let one = format!(
            "(select max(courier) as courier, max(weight_g) as weight from parcels where awb = '{awb}') as o"
        );
        let ahead = format!("select {} from parcels p order by 1", selected(&courier, &weight));
        let joined = format!(
            "select {} from parcels p cross join {one} order by 1",
            selected("o.courier", "o.weight")
        );
        assert_eq!(
            lines(&engine, &ahead).await.unwrap(),
            lines(&engine, &joined).await.unwrap(),
            "{ahead}"
        );
        let plan = lines(&engine, &format!("explain {ahead}"))
            .await
            .unwrap()
            .join("\n");
        assert!(
            !plan.contains("ScalarSubquery") && !plan.contains("Join"),
            "{plan}"
        );
        let unnamed = format!("select {weight}, courier from parcels group by courier order by 2");
        let prepared = engine.prepare(&unnamed).await.unwrap();
        let rows = engine
            .sql(&unnamed, Vec::new())
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        assert_eq!(
            rows[0].schema().field(0).name(),
            prepared.schema().field(0).name(),
            "{unnamed}"
        );
    }
}
