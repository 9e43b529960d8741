//! An engine with a token, as a browser and as a program meet it, and one without, as another site's page meets it.

use crate::engine::Engine;
use crate::post::placed;

const PAGE: (&str, &str) = ("accept", "text/html,*/*;q=0.8");
const HERE: (&str, &str) = ("sec-fetch-site", "same-origin");
const SQL: &str = "{\"sql\": \"select 1 as one\"}";

#[test]
fn a_browser_signs_in_reads_asks_and_signs_out() {
    let engine = Engine::with(&["--durability", "relaxed", "--token", "a-token-of-these-tests"]);
    let (status, headers, html) = engine.exchange("GET", "/health?reason=x", &[PAGE], "");
    assert_eq!(status, 401);
    assert_eq!(headers["www-authenticate"], "Bearer");
    assert!(html.contains("value=\"/health?reason=x\""), "{html}");
    let style = html.split("stylesheet\" href=\"").nth(1).unwrap();
    let style = style.split('"').next().unwrap();
    assert_eq!(engine.exchange("GET", style, &[], "").0, 200, "{style}");

    let form = ("content-type", "application/x-www-form-urlencoded");
    let wrong = engine.exchange("POST", "/sign-in", &[form, HERE], "token=another&next=/health");
    assert_eq!(wrong.0, 401);
    let (status, headers, _) = engine.exchange(
        "POST",
        "/sign-in",
        &[form, HERE],
        "token=a-token-of-these-tests&next=/health",
    );
    assert_eq!((status, &headers["location"]), (303, &"/health".parse().unwrap()));
    let cookie = headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.contains("HttpOnly") && !cookie.contains("a-token-of"),
        "{cookie}"
    );
    let cookie = ("cookie", cookie.split(';').next().unwrap());

    let (status, _, html) = engine.exchange("GET", "/health", &[PAGE, cookie], "");
    assert!(status == 200 && html.contains("\"guarded\":true"), "{status}");
    let json = ("content-type", "application/json");
    let ask = |headers: &[(&str, &str)]| engine.exchange("POST", "/v1/sql", headers, SQL).0;
    assert_eq!(ask(&[json, cookie, HERE]), 200);
    assert_eq!(ask(&[json, cookie, ("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(ask(&[json, cookie]), 403);
    assert_eq!(ask(&[json]), 401);
    assert_eq!(
        ask(&[json, ("authorization", "Bearer a-token-of-these-tests")]),
        200
    );

    assert_eq!(engine.exchange("POST", "/sign-out", &[cookie, HERE], "").0, 303);
    assert_eq!(engine.exchange("GET", "/health", &[PAGE, cookie], "").0, 401);
}

#[test]
fn a_page_of_another_site_cannot_write_to_an_engine_without_a_token() {
    let engine = Engine::start();
    let event = placed("O1", "S1").to_string();
    let json = ("content-type", "application/cloudevents+json");
    for elsewhere in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "http://evil.example"),
        ("origin", "null"),
    ] {
        let (status, _, said) = engine.exchange("POST", "/v1/events", &[json, elsewhere], &event);
        assert_eq!(status, 403, "{elsewhere:?}: {said}");
    }
    assert_eq!(engine.exchange("POST", "/v1/events", &[json], &event).0, 202);
    assert_eq!(
        engine.exchange("GET", "/sign-in", &[PAGE], "").0,
        404,
        "there is nothing to sign in to"
    );
}
