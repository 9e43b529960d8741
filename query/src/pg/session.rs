//! Statements about the connection rather than the data: transactions, `SET`, `SHOW`. Clients send them unasked; none changes a table.

use std::time::Duration;

/// What clients are told the server is: the version whose behaviour they may expect.
pub(super) const SERVER_VERSION: &str = "16.6 (Eddy)";

/// A statement about the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Begin,
    Commit,
    Rollback,
    /// Time for each statement from now on; nothing is the engine's default.
    Timeout(Option<Duration>),
    /// Accepted without effect, with this tag.
    Accepted(&'static str),
    /// A setting to show: its name and value.
    Show(String, String),
    ShowTimeout,
}

/// Reads a statement, if it is one about the connection. The error is for a setting that is understood but wrong.
pub(super) fn command(sql: &str) -> Option<Result<Command, String>> {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    if sql.len() > 1_000 {
        return None;
    }
    let mut words = sql.split_whitespace();
    let first = words.next()?.to_ascii_uppercase();
    let command = match first.as_str() {
        "BEGIN" | "START" => Command::Begin,
        "COMMIT" | "END" => Command::Commit,
        "ROLLBACK" | "ABORT" => Command::Rollback,
        "SAVEPOINT" => Command::Accepted("SAVEPOINT"),
        "RELEASE" => Command::Accepted("RELEASE"),
        "RESET" => Command::Accepted("RESET"),
        "DISCARD" => Command::Accepted("DISCARD ALL"),
        "DEALLOCATE" => Command::Accepted("DEALLOCATE"),
        "UNLISTEN" => Command::Accepted("UNLISTEN"),
        "CLOSE" => Command::Accepted("CLOSE CURSOR"),
        "SET" => return Some(set(sql[3..].trim())),
        "SHOW" => return show(sql[4..].trim()).map(Ok),
        _ => return None,
    };
    Some(Ok(command))
}

fn set(rest: &str) -> Result<Command, String> {
    let lower = rest.to_ascii_lowercase();
    let lower = lower
        .strip_prefix("session ")
        .or(lower.strip_prefix("local "))
        .unwrap_or(&lower);
    let Some(value) = lower.strip_prefix("statement_timeout") else {
        return Ok(Command::Accepted("SET"));
    };
    let value = value.trim_start();
    let value = value
        .strip_prefix('=')
        .or(value.strip_prefix("to "))
        .unwrap_or(value);
    let value = value.trim().trim_matches('\'');
    timeout(value)
        .map(Command::Timeout)
        .ok_or_else(|| format!("statement_timeout `{value}` is not a time such as 5000, 500ms, 5s or 1min"))
}

fn timeout(value: &str) -> Option<Option<Duration>> {
    if matches!(value, "default" | "0") {
        return Some(None);
    }
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let number: u64 = value[..digits].parse().ok()?;
    let ms = match value[digits..].trim() {
        "" | "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "min" => number.checked_mul(60_000)?,
        _ => return None,
    };
    Some((ms > 0).then(|| Duration::from_millis(ms)))
}

fn show(rest: &str) -> Option<Command> {
    let name = rest.to_ascii_lowercase();
    let name = match name.as_str() {
        "transaction isolation level" => "transaction_isolation",
        "time zone" => "timezone",
        other => other,
    };
    let value = match name {
        "statement_timeout" => return Some(Command::ShowTimeout),
        "transaction_isolation" => "read committed",
        "server_version" => SERVER_VERSION,
        "server_version_num" => "160006",
        "server_encoding" | "client_encoding" => "UTF8",
        "standard_conforming_strings" | "transaction_read_only" | "default_transaction_read_only" => "on",
        "search_path" => "public",
        "timezone" => "UTC",
        "datestyle" => "ISO, MDY",
        "max_identifier_length" => "63",
        "is_superuser" => "off",
        "lc_collate" | "lc_ctype" => "C",
        _ => return None,
    };
    Some(Command::Show(name.to_owned(), value.to_owned()))
}

/// The statements of a text, split at the semicolons between them.
pub(super) fn split(sql: &str) -> Vec<&str> {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
    let inside = sql.trim_end().trim_end_matches(';');
    if !inside.contains(';') {
        return vec![sql];
    }
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location() else {
        return vec![sql];
    };
    let lines: Vec<usize> = std::iter::once(0)
        .chain(sql.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let mut parts = Vec::new();
    let mut from = 0;
    for token in tokens.iter().filter(|t| t.token == Token::SemiColon) {
        let start = token.span.start;
        let line = lines
            .get((start.line as usize).saturating_sub(1))
            .copied()
            .unwrap_or(0);
        let column = (start.column as usize).saturating_sub(1);
        let at = line
            + sql[line..]
                .char_indices()
                .nth(column)
                .map_or(sql.len() - line, |(i, _)| i);
        parts.push(&sql[from..at]);
        from = (at + 1).min(sql.len());
    }
    parts.push(&sql[from..]);
    parts.retain(|p| !p.trim().is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_statements_are_told_from_queries() {
        let cases = [
            ("begin;", Some(Ok(Command::Begin))),
            (
                "START TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                Some(Ok(Command::Begin)),
            ),
            (
                "set statement_timeout = '5s'",
                Some(Ok(Command::Timeout(Some(Duration::from_secs(5))))),
            ),
            ("SET statement_timeout TO 0", Some(Ok(Command::Timeout(None)))),
            ("set extra_float_digits = 3", Some(Ok(Command::Accepted("SET")))),
            (
                "show server_version_num",
                Some(Ok(Command::Show("server_version_num".into(), "160006".into()))),
            ),
            ("show tables", None),
            ("select 1", None),
        ];
        for (sql, expected) in cases {
            assert_eq!(command(sql), expected, "{sql}");
        }
        assert!(matches!(command("set statement_timeout = soon"), Some(Err(_))));
    }

    #[test]
    fn statements_are_split_outside_of_quotes_only() {
        assert_eq!(split("select ';'; select 2;"), ["select ';'", " select 2"]);
        assert_eq!(
            split("select 1 -- a;b\n; select 2"),
            ["select 1 -- a;b\n", " select 2"]
        );
        assert_eq!(split("select 'ä;ß';\nselect 2"), ["select 'ä;ß'", "\nselect 2"]);
        assert_eq!(split("select 1;"), ["select 1;"]);
    }
}
