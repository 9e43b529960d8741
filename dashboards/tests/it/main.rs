//! The pages and the live feed through the router, without a socket.

mod grafana;
mod live;
mod pages;
mod world;
