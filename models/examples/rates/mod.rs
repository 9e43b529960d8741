//! How good nowcasts and forecasts of returns are: facts from anywhere, frozen at past days, judged by what came.

pub mod coming;
pub mod facts;
pub mod judge;
pub mod report;
