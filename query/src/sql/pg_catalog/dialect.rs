//! PostgreSQL's own words in a statement, and what becomes of them.
//!
//! Clients ask the catalogue with operators and constructs that only PostgreSQL has; a library rewrites these to what there is, at a price:
//! a nested query in the select list that refers to the outer one becomes null. So only statements that ask the catalogue go that way.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, Expr, FunctionArguments, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::datafusion_pg_catalog::sql::rules::{
    CurrentUserVariableToSessionUserFunctionCall, FixVersionColumnName, SqlStatementRewriteRule,
};

const CASTS: [&str; 5] = ["regclass", "regtype", "regproc", "regnamespace", "regrole"];
const REGISTERS: [&str; 6] = [
    "current_user",
    "session_user",
    "current_schema",
    "current_database",
    "current_catalog",
    "version",
];

/// How much of PostgreSQL a statement speaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Plain,
    /// It asks who and where it is.
    Registers,
    /// It asks the catalogue.
    Catalog,
}

impl Speech {
    pub(crate) fn of(sql: &str) -> Speech {
        let lower = sql.to_ascii_lowercase();
        let hints = ["pg_"].iter().chain(&CASTS).chain(&REGISTERS);
        if !hints.into_iter().any(|word| lower.contains(word)) {
            return Speech::Plain;
        }
        // Text that is not SQL at all is left to the parser, which says where it fails.
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, &lower).tokenize();
        let words = tokens.iter().flatten().filter_map(|token| match token {
            Token::Word(word) => Some(word.value.as_str()),
            _ => None,
        });
        words.fold(Speech::Plain, |speech, word| {
            if word.starts_with("pg_") || CASTS.contains(&word) {
                Speech::Catalog
            } else if speech == Speech::Plain && REGISTERS.contains(&word) {
                Speech::Registers
            } else {
                speech
            }
        })
    }
}

/// `current_user` and its like as the functions they are here.
pub(crate) fn name_registers(statement: Statement) -> Statement {
    match statement {
        Statement::Statement(statement) => {
            let named = CurrentUserVariableToSessionUserFunctionCall.rewrite(*statement);
            Statement::Statement(Box::new(FixVersionColumnName.rewrite(named)))
        }
        Statement::Explain(mut explain) => {
            *explain.statement = name_registers(*explain.statement);
            Statement::Explain(explain)
        }
        other => other,
    }
}

/// The statements of a text that asks the catalogue.
pub(crate) fn parse(
    sql: &str,
    parser: &PostgresCompatibilityParser,
) -> Result<Vec<ast::Statement>, ParserError> {
    let mut statements = parser.parse(sql)?;
    for statement in &mut statements {
        // It never breaks off.
        let _ = statement.visit(&mut Missing);
    }
    Ok(statements)
}

static NO_LIST: LazyLock<Option<Expr>> = LazyLock::new(|| constant("cast(null as text[])"));
static NO_NUMBER: LazyLock<Option<Expr>> = LazyLock::new(|| constant("cast(null as int)"));

fn constant(sql: &str) -> Option<Expr> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).ok()?;
    parser.parse_expr().ok()
}

/// What only PostgreSQL has. `array(select ...)` cannot be planned: clients gather options, members and policies with it, of which there
/// are none. `tableoid` leads to comments on what is no table, of which there are none either.
struct Missing;

impl VisitorMut for Missing {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let instead = match expr {
            Expr::Function(call)
                if matches!(call.args, FunctionArguments::Subquery(_))
                    && call.name.to_string().eq_ignore_ascii_case("array") =>
            {
                NO_LIST.as_ref()
            }
            Expr::CompoundIdentifier(names)
                if names
                    .last()
                    .is_some_and(|name| name.value.eq_ignore_ascii_case("tableoid")) =>
            {
                NO_NUMBER.as_ref()
            }
            _ => None,
        };
        if let Some(instead) = instead {
            *expr = instead.clone();
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_texts_do_not_make_a_catalogue_query() {
        let cases = [
            ("select 1", Speech::Plain),
            ("select * from t where name like 'pg_%'", Speech::Plain),
            ("select 'current_user'", Speech::Plain),
            ("select Current_User, 'pg_class'", Speech::Registers),
            ("select version()", Speech::Registers),
            ("select * from PG_CLASS", Speech::Catalog),
            ("select 'x'::regclass", Speech::Catalog),
            (
                "select pg_catalog.format_type(23, -1), current_user",
                Speech::Catalog,
            ),
        ];
        for (sql, expected) in cases {
            assert_eq!(Speech::of(sql), expected, "{sql}");
        }
    }
}
