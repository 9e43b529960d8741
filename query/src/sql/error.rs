//! What a question can end with instead of an answer, and who has to act: the asker, or whoever runs the engine.

use std::time::Duration;

use datafusion::common::{DataFusionError, SchemaError};

/// Where in the SQL text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No statement at all.
    #[error("there is no SQL statement; send one such as select * from eddy_meta.tables")]
    Empty,
    /// More than one statement.
    #[error("{count} statements came at once; send one at a time")]
    Several {
        /// How many.
        count: usize,
    },
    /// The text is too long.
    #[error(
        "the SQL text has {bytes} bytes and the limit is {limit}; pass long lists as a join with values, or ask in parts"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The statement nests too deep, or reads too much.
    #[error(
        "the statement nests too deep, chains too many operators or reads too many tables; use in (...) for long lists and with for nested queries, each named a few times"
    )]
    TooDeep,
    /// The statement would change something.
    #[error(
        "{what} is refused: SQL here is read-only; tables follow the event log, so append an event instead (POST /v1/events)"
    )]
    NotReadOnly {
        /// The statement's first words.
        what: String,
    },
    /// Not SQL.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
        /// Where.
        place: Option<Place>,
    },
    /// SQL that does not fit the tables.
    #[error("{message}")]
    Plan {
        /// What the planner says.
        message: String,
        /// Where.
        place: Option<Place>,
    },
    /// A table or column that does not exist.
    #[error("{message}")]
    Unknown {
        /// What the planner says.
        message: String,
        /// Where.
        place: Option<Place>,
        /// A table, rather than a column.
        table: bool,
    },
    /// Parameters that do not fit the statement.
    #[error("{0}")]
    Parameters(String),
    /// It took too long.
    #[error("the query ran longer than its {:.1} s; narrow it with where or limit, or ask for more time (timeout_ms)", .0.as_secs_f64())]
    TimedOut(Duration),
    /// It took too much memory.
    #[error("{0}")]
    Memory(String),
    /// Too many queries wait already.
    #[error("{running} queries run and {waiting} wait; try again in a second")]
    Busy {
        /// Queries running.
        running: usize,
        /// Queries waiting.
        waiting: usize,
    },
    /// The answer is too large for its format.
    #[error(
        "the answer has more than {limit} {unit}; add a limit, or ask for text/csv or application/vnd.apache.arrow.stream, which are streamed"
    )]
    TooLarge {
        /// The limit.
        limit: usize,
        /// Rows or bytes.
        unit: &'static str,
    },
    /// It failed while running, by the data it met (a division by zero, a text that is no number).
    #[error("{0}")]
    Run(String),
    /// The client went away or asked to stop.
    #[error("the query was cancelled")]
    Cancelled,
    /// The engine failed.
    #[error("the query failed inside the engine: {0}")]
    Internal(String),
}

impl Error {
    /// Where in the text, when that is known.
    pub fn place(&self) -> Option<Place> {
        match self {
            Error::Syntax { place, .. } | Error::Plan { place, .. } | Error::Unknown { place, .. } => *place,
            _ => None,
        }
    }

    /// A stable name of the kind, for metrics and problem types.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Empty | Error::Several { .. } | Error::Syntax { .. } => "syntax",
            Error::TooLong { .. } | Error::TooDeep => "too_complex",
            Error::NotReadOnly { .. } => "read_only",
            Error::Plan { .. } => "invalid",
            Error::Unknown { .. } => "unknown_name",
            Error::Parameters(_) => "parameters",
            Error::TimedOut(_) => "timeout",
            Error::Memory(_) => "memory",
            Error::Busy { .. } => "busy",
            Error::TooLarge { .. } => "too_large",
            Error::Run(_) => "data",
            Error::Cancelled => "cancelled",
            Error::Internal(_) => "internal",
        }
    }

    /// An error of planning.
    pub(crate) fn planning(error: &DataFusionError) -> Error {
        let place = error.diagnostic().and_then(|d| d.span).map(|s| Place {
            line: s.start.line,
            column: s.start.column,
        });
        let message = plain(error);
        match error.find_root() {
            DataFusionError::SchemaError(schema, _)
                if matches!(**schema, SchemaError::FieldNotFound { .. }) =>
            {
                Error::Unknown {
                    message,
                    place,
                    table: false,
                }
            }
            DataFusionError::Plan(text) if text.contains("not found") && text.contains("table '") => {
                Error::Unknown {
                    message,
                    place,
                    table: true,
                }
            }
            DataFusionError::ResourcesExhausted(text) => Error::Memory(text.clone()),
            DataFusionError::Internal(text) => Error::Internal(text.clone()),
            _ => Error::Plan { message, place },
        }
    }

    /// An error while running.
    pub(crate) fn running(error: &DataFusionError) -> Error {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(text) => Error::Memory(text.clone()),
            DataFusionError::Internal(text) => Error::Internal(text.clone()),
            _ => Error::Run(plain(error)),
        }
    }
}

/// DataFusion's text without its backtrace and its prefixes for maintainers.
fn plain(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let mut text = text.as_str();
    for prefix in [
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "Arrow error: ",
        "This feature is not implemented: ",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), second) if second.is_none_or(|c| !c.is_uppercase()) => {
            first.to_lowercase().collect::<String>() + chars.as_str()
        }
        _ => text.to_owned(),
    }
}
