//! What is refused before it is planned: text that is too long or too deep, several statements, and anything that is not a question.

use datafusion::common::DataFusionError;
use datafusion::config::Dialect as Named;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use super::error::{Error, Place};
use super::pg_catalog::dialect::{self, Speech};
use super::weight;

/// The dialect of all front ends.
pub(crate) const DIALECT: Named = Named::PostgreSQL;

/// Text up to this length cannot hold enough operators to matter.
const SHORT: usize = 4_096;
/// Operators in one statement. Each nests the expression one deeper, and every walk over a plan goes that deep.
const OPERATORS: usize = 2_000;
/// Nesting of parentheses.
const DEPTH: usize = 50;

/// Parses one statement and makes sure that it only reads.
pub(crate) fn parse(
    sql: &str,
    limit: usize,
    catalog: &PostgresCompatibilityParser,
) -> Result<Statement, Error> {
    if sql.len() > limit {
        return Err(Error::TooLong {
            bytes: sql.len(),
            limit,
        });
    }
    check_size(sql)?;
    let statement = match Speech::of(sql) {
        Speech::Plain => parse_plain(sql)?,
        Speech::Registers => dialect::name_registers(parse_plain(sql)?),
        Speech::Catalog => parse_for_catalog(sql, catalog)?,
    };
    read_only(&statement)?;
    Ok(statement)
}

fn parse_plain(sql: &str) -> Result<Statement, Error> {
    let mut parser = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .with_recursion_limit(DEPTH)
        .build()
        .map_err(|e| syntax(&e))?;
    let mut statements = parser.parse_statements().map_err(|e| syntax(&e))?;
    match statements.len() {
        0 => Err(Error::Empty),
        1 => statements.pop_front().ok_or(Error::Empty),
        count => Err(Error::Several { count }),
    }
}

fn parse_for_catalog(sql: &str, catalog: &PostgresCompatibilityParser) -> Result<Statement, Error> {
    let mut statements =
        dialect::parse(sql, catalog).map_err(|e| syntax(&DataFusionError::SQL(Box::new(e), None)))?;
    match statements.len() {
        0 => Err(Error::Empty),
        1 => statements
            .pop()
            .map(|s| Statement::Statement(Box::new(s)))
            .ok_or(Error::Empty),
        count => Err(Error::Several { count }),
    }
}

fn check_size(sql: &str) -> Result<(), Error> {
    if sql.len() <= SHORT {
        return Ok(());
    }
    // Text that is not SQL at all is left to the parser, which says where it fails.
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else {
        return Ok(());
    };
    let mut operators = 0;
    let mut depth = 0_usize;
    for token in &tokens {
        match token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            Token::Whitespace(_)
            | Token::Comma
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Period => {}
            Token::Word(word) => {
                use Keyword::*;
                let nests = matches!(
                    word.keyword,
                    AND | OR
                        | NOT
                        | UNION
                        | EXCEPT
                        | INTERSECT
                        | JOIN
                        | CASE
                        | WHEN
                        | BETWEEN
                        | LIKE
                        | ILIKE
                        | IS
                        | IN
                        | SELECT
                );
                operators += usize::from(nests);
            }
            _ => operators += 1,
        }
        if operators > OPERATORS || depth > 4 * DEPTH {
            return Err(Error::TooDeep);
        }
    }
    Ok(())
}

fn read_only(statement: &Statement) -> Result<(), Error> {
    let refused = |what: &str| {
        Err(Error::NotReadOnly {
            what: what.to_owned(),
        })
    };
    match statement {
        Statement::Statement(statement) => {
            weight::check_reads(statement)?;
            read_only_ast(statement)
        }
        Statement::Explain(explain) => read_only(&explain.statement),
        Statement::CreateExternalTable(_) => refused("CREATE EXTERNAL TABLE"),
        Statement::CopyTo(_) => refused("COPY"),
        Statement::Reset(_) => refused("RESET"),
    }
}

fn read_only_ast(statement: &ast::Statement) -> Result<(), Error> {
    use ast::Statement::*;
    match statement {
        Query(query) => read_only_query(query),
        Explain { statement, .. } => read_only_ast(statement),
        ShowTables { .. }
        | ShowColumns { .. }
        | ShowVariable { .. }
        | ShowFunctions { .. }
        | ExplainTable { .. } => Ok(()),
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            let what = match words.first() {
                Some(first) if matches!(*first, "CREATE" | "DROP" | "ALTER") => words.join(" "),
                Some(first) => (*first).to_owned(),
                None => "this statement".to_owned(),
            };
            Err(Error::NotReadOnly { what })
        }
    }
}

fn read_only_query(query: &ast::Query) -> Result<(), Error> {
    if !query.locks.is_empty() {
        return Err(Error::NotReadOnly {
            what: "SELECT ... FOR UPDATE".to_owned(),
        });
    }
    for cte in query.with.iter().flat_map(|w| &w.cte_tables) {
        read_only_query(&cte.query)?;
    }
    read_only_set(&query.body)
}

fn read_only_set(body: &ast::SetExpr) -> Result<(), Error> {
    use ast::SetExpr::*;
    let refused = |what: &str| {
        Err(Error::NotReadOnly {
            what: what.to_owned(),
        })
    };
    match body {
        Select(select) if select.into.is_some() => refused("SELECT INTO"),
        Select(_) | Values(_) | Table(_) => Ok(()),
        Query(query) => read_only_query(query),
        SetOperation { left, right, .. } => {
            read_only_set(left)?;
            read_only_set(right)
        }
        Insert(_) => refused("INSERT"),
        Update(_) => refused("UPDATE"),
        Delete(_) => refused("DELETE"),
        Merge(_) => refused("MERGE"),
    }
}

/// A parser's error, with the place it names taken out of its text.
fn syntax(error: &DataFusionError) -> Error {
    let text = match error.find_root() {
        DataFusionError::SQL(inner, _) => inner.to_string(),
        other => other.strip_backtrace(),
    };
    let text = text.trim_start_matches("sql parser error: ");
    if text.contains("recursion limit") {
        return Error::TooDeep;
    }
    match text.rsplit_once(" at Line: ") {
        Some((message, place)) => {
            let mut numbers = place.split(", Column: ").map(|n| n.trim().parse::<u64>().ok());
            let place = numbers.next().flatten().zip(numbers.next().flatten());
            let place = place.map(|(line, column)| Place { line, column });
            Error::Syntax {
                message: message.to_owned(),
                place,
            }
        }
        None => Error::Syntax {
            message: text.to_owned(),
            place: None,
        },
    }
}
