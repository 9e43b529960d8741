//! Names of events as 128-bit hashes: which event it is, and what it says.
//!
//! XXH3 spreads well and is no defence against a forger; two events of one `source` are told apart by that source.

use twox_hash::XxHash3_128;

/// Which event: the hash of `source` NUL `id`. Validation refuses control characters in both, so no two pairs read alike.
pub fn identity(source: &str, id: &str) -> u128 {
    let mut buffer = [0_u8; 192];
    let length = source.len() + 1 + id.len();
    if let Some(bytes) = buffer.get_mut(..length) {
        bytes[..source.len()].copy_from_slice(source.as_bytes());
        bytes[source.len() + 1..].copy_from_slice(id.as_bytes());
        return XxHash3_128::oneshot(bytes);
    }
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(source.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(id.as_bytes());
    XxHash3_128::oneshot(&bytes)
}

/// What it says: the hash of the canonical line.
pub fn fingerprint(line: &[u8]) -> u128 {
    XxHash3_128::oneshot(line)
}
