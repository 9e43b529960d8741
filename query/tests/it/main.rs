//! Tests of the live tables and of SQL over them, through the crate's public face.

mod ahead;
mod bounds;
mod determined;
mod frames;
mod hostile;
mod http;
mod live;
mod ordered;
mod partials;
mod pg;
mod pg_bounds;
mod psql;
mod sample;
mod sql;
