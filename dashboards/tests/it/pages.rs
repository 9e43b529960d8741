//! What the shell carries and which headers keep it to itself.

use eddy_dashboards::{SignIn, SignInPage};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::world::{World, text};

pub fn data(html: &str) -> Value {
    let start = html.find("<script type=\"application/json\"").unwrap();
    let body = &html[start + html[start..].find('>').unwrap() + 1..];
    serde_json::from_str(&body[..body.find("</script>").unwrap()]).unwrap()
}

#[tokio::test]
async fn every_page_carries_its_queries_and_first_rows() {
    let world = World::new();
    world.apply(7, &["a", "b"]);
    for (path, id, query) in [
        ("/", "overview", "flow"),
        ("/sql", "workbench", "catalogue_tables"),
        ("/health", "health", "progress_by_shard"),
    ] {
        let response = world.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let data = data(&text(response).await);
        assert_eq!(data["page"], id);
        assert_eq!(data["sequence"], 7);
        assert_eq!(data["event_time"], "2026-11-18T11:06:40Z");
        assert!(
            data["queries"]
                .as_array()
                .unwrap()
                .iter()
                .any(|q| q["name"] == query),
            "{path} lacks {query}"
        );
        assert_eq!(
            data["results"][query]["sequence"], 7,
            "{path} has no first rows of {query}"
        );
    }
}

#[tokio::test]
async fn routing_and_decision_carry_their_queries_with_the_decision_of_the_path_bound() {
    let world = World::new();
    for (path, id, query) in [
        ("/routing", "routing", "settled_scores"),
        ("/decisions/D7-1-0", "decision", "decision_events"),
        (
            "/decisions/%3C%2Fscript%3E'?decision=D1-1-1",
            "decision",
            "decision",
        ),
    ] {
        let response = world.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let html = text(response).await;
        assert_eq!(html.matches("</script>").count(), 2, "the data ended its element");
        let data = data(&html);
        assert_eq!(data["page"], id);
        let queries = data["queries"].as_array().unwrap();
        assert!(queries.iter().any(|q| q["name"] == query), "{path} lacks {query}");
    }
    assert_eq!(
        world.get("/decisions/", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn alerts_and_alert_carry_their_queries_with_the_alert_of_the_path_bound() {
    let world = World::new();
    for (path, id, query) in [
        (
            "/alerts?status=all&pattern=empty_box&kind=return",
            "alerts",
            "alerts_queue",
        ),
        ("/alerts", "alerts", "audits_reviewed"),
        ("/alerts/FA0123456789abcdef", "alert", "alert_events"),
        ("/alerts/%3C%2Fscript%3E'?alert=FA1", "alert", "alert_peers"),
    ] {
        let response = world.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let html = text(response).await;
        assert_eq!(html.matches("</script>").count(), 2, "the data ended its element");
        let data = data(&html);
        assert_eq!(data["page"], id);
        let queries = data["queries"].as_array().unwrap();
        assert!(queries.iter().any(|q| q["name"] == query), "{path} lacks {query}");
    }
    assert_eq!(world.get("/alerts/", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_merchandisers_pages_carry_their_queries_with_the_product_of_the_path_bound() {
    let world = World::new();
    for (path, id, query) in [
        (
            "/products?level=style&category=jeans&sort=delivered&way=up&least=30",
            "products",
            "products",
        ),
        ("/products", "products", "products_curves"),
        ("/products/S000001?product=S000002", "product", "product_differs"),
        ("/products/%3C%2Fscript%3E'", "product", "product"),
        ("/anomalies?status=all&kind=sku", "anomalies", "anomalies_queue"),
        ("/anomalies", "anomalies", "anomaly_series"),
    ] {
        let response = world.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let html = text(response).await;
        assert_eq!(html.matches("</script>").count(), 2, "the data ended its element");
        let data = data(&html);
        assert_eq!(data["page"], id);
        let queries = data["queries"].as_array().unwrap();
        assert!(queries.iter().any(|q| q["name"] == query), "{path} lacks {query}");
    }
    assert_eq!(world.get("/products/", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_frame_is_sent_before_the_rows_are_there() {
    let world = World::new();
    let mut body = world.get("/", &[]).await.into_body().into_data_stream();
    let frame = String::from_utf8(body.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(frame.contains("<h1>Overview</h1>") && !frame.contains("eddy-page"));
    let end = String::from_utf8(body.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(end.contains("id=\"eddy-page\"") && end.ends_with("</html>"));
}

#[tokio::test]
async fn a_query_whose_tables_are_absent_is_left_to_the_page() {
    let world = World::new();
    let data = data(&text(world.get("/", &[]).await).await);
    assert!(data["results"]["orders_figures"].is_null());
    assert!(
        data["queries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|q| q["name"] == "orders_figures")
    );
}

#[tokio::test]
async fn filters_of_the_address_are_bound_and_cannot_leave_the_data() {
    let world = World::new();
    let html = text(world.get("/health?search=%3C/script%3E%27", &[]).await).await;
    assert_eq!(html.matches("</script>").count(), 2, "the data ended its element");
}

#[tokio::test]
async fn pages_allow_nothing_inline_but_their_own_nonce() {
    let world = World::new();
    let policy = |r: &axum::response::Response| {
        r.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let first = world.get("/", &[]).await;
    let second = world.get("/", &[]).await;
    let (a, b) = (policy(&first), policy(&second));
    assert!(
        a.starts_with("default-src 'self'") && !a.contains("unsafe"),
        "{a}"
    );
    assert_ne!(a, b, "a nonce serves one answer");
    assert_eq!(first.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(first.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let nonce = a
        .split("'nonce-")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap()
        .to_owned();
    assert!(text(first).await.contains(&format!("<style nonce=\"{nonce}\">")));
}

#[tokio::test]
async fn the_chosen_theme_is_known_before_the_first_paint() {
    let world = World::new();
    assert!(
        text(world.get("/", &[("cookie", "a=b; eddy_theme=dark")]).await)
            .await
            .contains("data-theme=\"dark\"")
    );
    assert!(
        !text(world.get("/", &[("cookie", "eddy_theme=\"><b>")]).await)
            .await
            .contains("data-theme")
    );
}

#[tokio::test]
async fn the_page_to_sign_in_runs_nothing_and_quotes_what_it_was_given() {
    let says = SignIn {
        next: "/sql?q=\"><script>alert(1)</script>",
        wrong: Some("That is not <it>."),
        from_elsewhere: true,
        hours: 12,
    };
    let cookie = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("eddy_theme=dark"))]);
    let page = SignInPage::new().unwrap();
    let response = page.respond(StatusCode::UNAUTHORIZED, &cookie, says);
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"),
        "{policy}"
    );
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let html = text(response).await;
    assert!(!html.contains("<script") && !html.contains("<it>"), "{html}");
    assert!(html.contains("data-theme=\"dark\"") && html.contains("12 hours"));
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_compressed() {
    let world = World::new();
    let html = text(world.get("/", &[]).await).await;
    let start = html.find("/assets/overview-").unwrap();
    let path = &html[start..start + html[start..].find('"').unwrap()];
    let response = world.get(path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(
        response.headers()[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let plain = world.get(path, &[]).await;
    let tag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert_eq!(
        world.get(path, &[("if-none-match", &tag)]).await.status(),
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        world.get("/assets/none.js", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
    assert!(
        text(world.get("/assets/licences.txt", &[]).await)
            .await
            .contains("MIT")
    );
}
