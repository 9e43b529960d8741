//! The way in, as its users have it: mappings on files, the loader, the gateway through its router without a socket, and both against
//! a real nats-server.

mod gateway;
mod loader;
mod mappings;
mod on_the_log;
mod real_sets;
