//! Finds the nats-server binary and checks its version. It installs nothing; `scripts/install-nats` does.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::Error;

/// A nats-server version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl Version {
    /// Older servers are refused: atomic batches and subject-filtered expectations are missing.
    pub const LEAST: Version = Version {
        major: 2,
        minor: 12,
        patch: 0,
    };
    /// Older servers work but are warned about.
    pub const WANTED: Version = Version {
        major: 2,
        minor: 14,
        patch: 0,
    };

    /// Reads `2.15.1`, `v2.15.1` or `2.15.1-preview`.
    pub fn parse(text: &str) -> Option<Version> {
        let core = text.trim().trim_start_matches('v').split(['-', '+']).next()?;
        let mut parts = core.split('.').map(|p| p.parse().ok());
        Some(Version {
            major: parts.next()??,
            minor: parts.next()??,
            patch: parts.next()??,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Refuses what is too old, warns about what is old. `at` names the server in the message.
pub(crate) fn check_version(version: Version, at: &str) -> Result<(), Error> {
    if version < Version::LEAST {
        return Err(Error::ServerTooOld {
            found: version.to_string(),
            at: at.to_string(),
        });
    }
    if version < Version::WANTED {
        tracing::warn!(%version, at, "nats-server is older than {}; run scripts/install-nats", Version::WANTED);
    }
    Ok(())
}

/// The binary to run: `configured`, else `EDDY_NATS_SERVER`, else the user's cache, else `PATH`.
/// A place that is named explicitly is not replaced by another when it is wrong.
pub fn find(configured: Option<&Path>) -> Result<PathBuf, Error> {
    let named = configured.map(Path::to_path_buf).or_else(|| {
        std::env::var_os("EDDY_NATS_SERVER")
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    });
    if let Some(path) = named {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Error::ServerMissing { looked: vec![path] })
        };
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let mut looked = Vec::new();
    looked.extend(cache.map(|c| c.join("eddy/bin/nats-server")));
    if let Some(paths) = std::env::var_os("PATH") {
        looked.extend(std::env::split_paths(&paths).map(|p| p.join("nats-server")));
    }
    match looked.iter().find(|p| p.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(Error::ServerMissing { looked }),
    }
}

/// Asks a binary for its version.
pub async fn version(path: &Path) -> Result<Version, Error> {
    let unknown = |said: String| Error::ServerUnknown {
        path: path.to_path_buf(),
        said,
    };
    let run = tokio::process::Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(Duration::from_secs(10), run).await {
        Ok(Ok(output)) => output,
        Ok(Err(source)) => return Err(unknown(source.to_string())),
        Err(_) => return Err(unknown("nothing within 10 s".into())),
    };
    let said = String::from_utf8_lossy(&output.stdout)
        .trim()
        .chars()
        .take(200)
        .collect::<String>();
    // "nats-server: v2.15.1"
    said.strip_prefix("nats-server:")
        .and_then(Version::parse)
        .ok_or_else(|| unknown(said.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_and_without_prefix_and_suffix() {
        let expected = Some(Version {
            major: 2,
            minor: 15,
            patch: 1,
        });
        assert_eq!(Version::parse("v2.15.1"), expected);
        assert_eq!(Version::parse("2.15.1-RC.2"), expected);
        assert_eq!(Version::parse("2.15"), None);
        assert_eq!(Version::parse("two"), None);
    }

    #[test]
    fn versions_compare_by_number_not_by_text() {
        assert!(Version::parse("2.9.30").unwrap() < Version::LEAST);
        assert!(Version::parse("2.12.0").unwrap() >= Version::LEAST);
    }
}
