//! The log against a real nats-server. Without one the tests fail and say how to get it.

mod access;
mod append;
mod certificates;
mod cluster;
mod dead_letters;
mod derived;
mod external;
mod faults;
mod harness;
mod operator;
mod ports;
mod proxy;
mod read;
mod server;
mod streams;
