//! Ports for the servers that tests start, each on loopback.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;

/// A port that nothing listens on. Drawn below those that the system hands out by itself (from 32,768 on), so that neither another test nor somebody's
/// connection is given it before the server has it.
pub fn free_port() -> u16 {
    loop {
        let draw = RandomState::new().build_hasher().finish();
        let port = 15_000 + (draw % 17_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
