//! The published documents are those that the code generates.

use std::path::Path;

use eddy_events::{Body, schema};
use serde_json::Value;

/// Keys in order, whatever map the parser keeps them in.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            entries
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect()
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn compare(name: &str, generated: &Value) {
    let path = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
        .join("schemas")
        .join(format!("{name}.json"));
    if std::env::var_os("EDDY_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&sorted(generated)).expect("a value is json") + "\n";
        std::fs::write(&path, text).expect("the folder is writable");
        return;
    }
    let kept = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; EDDY_BLESS=1 writes it", path.display()));
    let kept: Value = serde_json::from_str(&kept).expect("published schemas are json");
    assert_eq!(
        &kept, generated,
        "{name} differs from the code; EDDY_BLESS=1 rewrites it"
    );
}

#[test]
fn published_schemas_equal_the_code() {
    let schemas = schema::schemas();
    assert_eq!(schemas.len(), Body::TYPES.len());
    for (kind, schema) in &schemas {
        compare(kind, schema);
    }
}

#[test]
fn the_published_asyncapi_document_equals_the_code() {
    compare("asyncapi", &schema::asyncapi());
}

#[test]
fn no_published_schema_is_without_its_type() {
    let folder =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the package's folder"))
            .join("schemas");
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let name = entry
            .expect("readable")
            .file_name()
            .to_string_lossy()
            .into_owned();
        let kind = name.strip_suffix(".json").unwrap_or_default();
        assert!(
            kind == "asyncapi" || Body::TYPES.contains(&kind),
            "{name} belongs to no type; remove it"
        );
    }
}

/// The schemas know each field of the examples: an example that spells a field otherwise would be accepted unread.
#[test]
fn every_field_of_an_example_stands_in_its_schema() {
    for (kind, schema) in schema::schemas() {
        let example = crate::golden(kind);
        check(kind, &example, &schema, &schema);
    }
}

fn check(path: &str, value: &Value, schema: &Value, root: &Value) {
    let schema = resolve(schema, root);
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties");
            for (key, inner) in map {
                let path = format!("{path}.{key}");
                // A policy's body is free.
                if path.ends_with(".data.body") {
                    continue;
                }
                let property = properties
                    .and_then(|p| p.get(key))
                    .unwrap_or_else(|| panic!("{path} is not in the schema"));
                check(&path, inner, property, root);
            }
        }
        Value::Array(values) => {
            for inner in values {
                check(path, inner, &schema["items"], root);
            }
        }
        _ => {}
    }
}

fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return root
            .pointer(&reference[1..])
            .unwrap_or_else(|| panic!("{reference} leads nowhere"));
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        return resolve(&options[0], root);
    }
    schema
}
