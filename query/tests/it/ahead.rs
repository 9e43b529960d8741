//! Scalar subqueries of filters: answered ahead where they read little, with the same answers as otherwise.

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
