//! Traces: what a collector gets to see, and that one which is away, or says nothing, harms nothing.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::engine::{Engine, within};
use crate::ports::free_port;
use crate::post::placed;

type Bodies = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that keeps the path and body of what is posted to it.
fn collector() -> (u16, Bodies) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let bodies = Bodies::default();
    let kept = bodies.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let kept = kept.clone();
            std::thread::spawn(move || serve(&stream, &kept));
        }
    });
    (port, bodies)
}

fn serve(stream: &TcpStream, kept: &Bodies) {
    let mut from = BufReader::new(stream);
    let mut to = stream;
    loop {
        let mut path = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if from.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if let Some(rest) = line.strip_prefix("post ") {
                path = rest.split(' ').next().unwrap().to_owned();
            }
        }
        let mut body = vec![0; length];
        if from.read_exact(&mut body).is_err() {
            return;
        }
        kept.lock().unwrap().push((path, body));
        if to
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .is_err()
        {
            return;
        }
    }
}

/// An engine that exports to a port; its configuration lies in a folder that must live as long.
fn exporting_to(port: u16) -> (Engine, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config: PathBuf = folder.path().join("eddy.toml");
    std::fs::write(&config, format!("otlp_endpoint = \"http://127.0.0.1:{port}/\"\n")).unwrap();
    let engine = Engine::with(&["--durability", "relaxed", "--config", config.to_str().unwrap()]);
    (engine, folder)
}

/// Posts one event as part of a caller's trace.
fn post_within_trace(engine: &Engine, trace: &str, span: &str) {
    let body = placed("O1", "S1").to_string();
    let mut stream = TcpStream::connect(&engine.http).unwrap();
    write!(
        stream,
        "POST /v1/events HTTP/1.1\r\nhost: eddy\r\nconnection: close\r\ncontent-type: application/cloudevents+json\r\n\
         traceparent: 00-{trace}-{span}-01\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

fn attributes(from: &[KeyValue]) -> HashMap<String, Value> {
    from.iter()
        .filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?.value?)))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_spans_of_an_ingest_request_reach_the_collector_in_the_trace_of_its_caller() {
    let (port, bodies) = collector();
    let (engine, _folder) = exporting_to(port);
    let (trace, caller) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    post_within_trace(&engine, trace, caller);
    let spans = within(20, "the spans of the request", || {
        let mut found: Vec<Span> = Vec::new();
        for (path, body) in bodies.lock().unwrap().iter() {
            assert_eq!(path, "/v1/traces");
            let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            for of_resource in request.resource_spans {
                let resource = attributes(&of_resource.resource.unwrap_or_default().attributes);
                assert_eq!(resource["service.name"], Value::StringValue("eddy".into()));
                assert!(resource.contains_key("service.version"));
                found.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        found.retain(|span| hex(&span.trace_id) == trace);
        (found.len() >= 2).then_some(found)
    });
    let request = spans.iter().find(|span| span.name == "POST /v1/events").unwrap();
    assert_eq!(hex(&request.parent_span_id), caller);
    let says = attributes(&request.attributes);
    assert_eq!(says["http.response.status_code"], Value::IntValue(202));
    assert_eq!(says["http.route"], Value::StringValue("/v1/events".into()));
    let append = spans.iter().find(|span| span.name == "append").unwrap();
    assert_eq!(append.parent_span_id, request.span_id);
    assert_eq!(attributes(&append.attributes)["events"], Value::IntValue(1));
}

#[test]
fn the_last_spans_are_exported_on_the_way_out() {
    let (port, bodies) = collector();
    let (mut engine, _folder) = exporting_to(port);
    post_within_trace(&engine, "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    engine.interrupt();
    let bodies = bodies.lock().unwrap();
    assert!(
        bodies
            .iter()
            .any(|(_, body)| body.windows(15).any(|part| part == b"POST /v1/events"))
    );
}

fn harms_nothing(port: u16) {
    let (mut engine, _folder) = exporting_to(port);
    for _ in 0..20 {
        post_within_trace(&engine, "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    }
    assert_eq!(engine.number("select 1"), 1);
    let took = engine.interrupt();
    assert!(took.as_secs_f64() < 5.0, "took {took:?}\n{}", engine.log());
    assert!(!engine.log().contains("panicked"), "{}", engine.log());
}

#[test]
fn a_collector_that_is_away_harms_nothing_and_is_told_once() {
    let port = free_port();
    harms_nothing(port);
    let (engine, _folder) = exporting_to(port);
    let told = |log: &str| log.matches("traces are not exported").count();
    for _ in 0..2 {
        post_within_trace(&engine, "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        within(20, "it is told", || (told(&engine.log()) > 0).then_some(()));
    }
    assert_eq!(told(&engine.log()), 1);
}

#[test]
fn a_collector_that_never_answers_harms_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    harms_nothing(listener.local_addr().unwrap().port());
}
