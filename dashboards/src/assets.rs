//! The built bundle, embedded: hashed names that may be kept for ever, and the manifest that says which page needs which file.
//!
//! Nothing is built or compressed to disk here; `web/` builds, the compression layer compresses.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Deserialize;

use crate::shell::Page;
use crate::{Error, secure};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Bundle;

/// Which files the shell names.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) style: String,
    pub(crate) worker: String,
    pub(crate) icon: String,
    pub(crate) pages: BTreeMap<String, Entry>,
}

/// The script of a page, and what it imports at once.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Entry {
    pub(crate) script: String,
    pub(crate) preload: Vec<String>,
}

impl Manifest {
    /// The manifest of the embedded bundle, checked: every page, and every file it names, is there.
    pub(crate) fn embedded() -> Result<Self, Error> {
        let file = Bundle::get("manifest.json").ok_or_else(|| Error::Bundle("manifest.json".into()))?;
        let manifest: Self = serde_json::from_slice(&file.data)
            .map_err(|e| Error::Bundle(format!("a readable manifest ({e})")))?;
        if let Some(page) = Page::ALL
            .into_iter()
            .find(|p| !manifest.pages.contains_key(p.id()))
        {
            return Err(Error::Bundle(format!("the page {}", page.id())));
        }
        let of_pages = manifest
            .pages
            .values()
            .flat_map(|p| p.preload.iter().chain([&p.script]));
        let missing = of_pages
            .chain([&manifest.style, &manifest.worker, &manifest.icon])
            .find(|name| Bundle::get(name).is_none())
            .cloned();
        match missing {
            Some(missing) => Err(Error::Bundle(missing)),
            None => Ok(manifest),
        }
    }
}

/// Serves one file of the bundle.
pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = Bundle::get(&name) else {
        return (
            StatusCode::NOT_FOUND,
            "no such asset; reload the page, a newer version may be in place",
        )
            .into_response();
    };
    let tag = tag(&file);
    let hashed = hashed(&name);
    let caching = if hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(',').any(|t| t.trim().trim_start_matches("W/") == tag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file.data.into_owned().into_response()
    };
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(&name)),
    );
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    secure::plain(out);
    response
}

/// A strong tag from the file's digest.
fn tag(file: &EmbeddedFile) -> String {
    let digest = file.metadata.sha256_hash();
    let hex: String = digest[..12].iter().map(|b| format!("{b:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether the name carries a digest of the content, as the bundler writes it: `name-ABCDEFGH.ext`.
fn hashed(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_digest_may_be_kept_for_ever() {
        assert!(hashed("overview-MS5ZQJHW.js"));
        assert!(!hashed("manifest.json"));
        assert!(!hashed("licences.txt"));
    }

    #[test]
    fn the_embedded_bundle_is_whole() {
        Manifest::embedded().unwrap();
    }

    #[test]
    fn the_bundle_names_no_other_host() {
        for name in Bundle::iter().filter(|n| n.ends_with(".js") || n.ends_with(".css")) {
            let file = Bundle::get(&name).unwrap();
            let text = String::from_utf8_lossy(&file.data).replace("http://www.w3.org/", "");
            assert!(
                !text.contains("http://") && !text.contains("https://"),
                "{name} names another host"
            );
        }
    }
}
