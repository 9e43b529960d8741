//! The log against a real nats-server. Without one the tests fail and say how to get it.

mod append;
mod dead_letters;
mod derived;
mod harness;
mod read;
mod server;
mod streams;
