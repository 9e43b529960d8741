//! The grammar of mapping expressions: text to syntax tree.
//!
//! It knows nothing of columns or files: names are resolved by [`super::bind`]. There are no loops and no side effects, so an
//! expression always ends.

use super::MappingError;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `null`, `true`, `12`, `'text'`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction, as written.
    Number(String),
    /// A text.
    Text(String),
    /// `$column`, `$input.column`.
    Column {
        /// The input, or nothing for the driving one.
        input: Option<String>,
        /// The column.
        name: String,
    },
    /// A name of `[let]`.
    Name(String),
    /// `f(a, b)`.
    Call {
        /// Function.
        name: String,
        /// Arguments.
        arguments: Vec<Expr>,
    },
    /// `-a`.
    Negate(Box<Expr>),
    /// `not a`.
    Not(Box<Expr>),
    /// `a is null`, `a is not null` (the flag).
    IsNull(Box<Expr>, bool),
    /// `a in ('x', 'y')`.
    In(Box<Expr>, Vec<Expr>),
    /// `a + b` and the like.
    Binary(Operator, Box<Expr>, Box<Expr>),
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Either holds.
    Or,
    /// Both hold.
    And,
    /// Same.
    Equal,
    /// Not the same.
    NotEqual,
    /// Smaller.
    Less,
    /// Not greater.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Not smaller.
    GreaterOrEqual,
    /// Texts joined.
    Join,
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Column(Option<String>, String),
    Text(String),
    Int(i64),
    Number(String),
    Sign(&'static str),
}

/// Deepest nesting of an expression; mappings come from users, and a parser that recurses must not be led to overflow its stack.
const DEPTH_MAX: usize = 64;

/// Reads one expression. `place` names it in errors, e.g. `event[2].when`.
pub fn parse(place: &str, text: &str) -> Result<Expr, MappingError> {
    let wrong = |detail: String| MappingError::Expression {
        place: place.to_owned(),
        text: text.to_owned(),
        detail,
    };
    let tokens = tokens(text).map_err(wrong)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
    };
    let expr = parser.expression(0).map_err(wrong)?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(wrong(format!("{token} is left over"))),
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Column(None, name) => write!(f, "`${name}`"),
            Self::Column(Some(input), name) => write!(f, "`${input}.{name}`"),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
        }
    }
}

const SIGNS: [&str; 15] = [
    "==", "!=", "<=", ">=", "<", ">", "=", "(", ")", ",", "&", "+", "-", "*", "/",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (quoted, after) = quoted(rest, '\'')?;
            tokens.push(Token::Text(quoted));
            rest = after;
        } else if first == '$' {
            let (head, after) = part(&rest[1..])?;
            if let Some(tail) = after.strip_prefix('.') {
                let (name, after) = part(tail)?;
                tokens.push(Token::Column(Some(head), name));
                rest = after;
            } else {
                tokens.push(Token::Column(None, head));
                rest = after;
            }
        } else if first.is_ascii_digit() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let number = &rest[..end];
            tokens.push(match number.parse() {
                Ok(value) => Token::Int(value),
                Err(_) => Token::Number(number.to_owned()),
            });
            rest = &rest[end..];
        } else if first.is_alphabetic() || first == '_' {
            let end = word_end(rest);
            tokens.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            return Err(format!("`{first}` means nothing here"));
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

fn word_end(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

/// A name after `$`: a word, or anything between double quotes.
fn part(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    let end = word_end(text);
    if end == 0 {
        return Err("a column is named after `$`, as $Qty or $\"Order ID\"".to_owned());
    }
    Ok((text[..end].to_owned(), &text[end..]))
}

/// A text between quotes; the quote itself is written twice.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest
            .find(quote)
            .ok_or_else(|| format!("a {quote} is not closed"))?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => return Ok((value, rest)),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Name(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn expects(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(match self.tokens.get(self.at) {
            Some(token) => format!("`{sign}` expected, {token} found"),
            None => format!("`{sign}` expected at the end"),
        })
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        let operator = match self.tokens.get(self.at)? {
            Token::Name(word) => match word.as_str() {
                "or" => (Operator::Or, 1),
                "and" => (Operator::And, 2),
                _ => return None,
            },
            Token::Sign(sign) => match *sign {
                "==" | "=" => (Operator::Equal, 4),
                "!=" => (Operator::NotEqual, 4),
                "<" => (Operator::Less, 4),
                "<=" => (Operator::LessOrEqual, 4),
                ">" => (Operator::Greater, 4),
                ">=" => (Operator::GreaterOrEqual, 4),
                "&" => (Operator::Join, 5),
                "+" => (Operator::Add, 6),
                "-" => (Operator::Subtract, 6),
                "*" => (Operator::Multiply, 7),
                "/" => return None,
                _ => return None,
            },
            _ => return None,
        };
        Some(operator)
    }

    fn expression(&mut self, binding: u8) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("nested more than {DEPTH_MAX} deep"));
        }
        let mut left = self.operand()?;
        loop {
            if binding < 4 && self.takes_word("is") {
                let negated = self.takes_word("not");
                if !self.takes_word("null") {
                    return Err("after `is` comes `null` or `not null`".to_owned());
                }
                left = Expr::IsNull(Box::new(left), negated);
                continue;
            }
            let negated = binding < 4
                && matches!((self.tokens.get(self.at), self.tokens.get(self.at + 1)),
                (Some(Token::Name(not)), Some(Token::Name(r#in))) if not == "not" && r#in == "in");
            if negated {
                self.at += 1;
            }
            if binding < 4 && self.takes_word("in") {
                let list = Expr::In(Box::new(left), self.list()?);
                left = if negated { Expr::Not(Box::new(list)) } else { list };
                continue;
            }
            let Some((operator, power)) = self.operator() else {
                break;
            };
            if power <= binding {
                break;
            }
            self.at += 1;
            let right = self.expression(power)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn list(&mut self) -> Result<Vec<Expr>, String> {
        self.expects("(")?;
        let mut items = Vec::new();
        if self.takes(")") {
            return Ok(items);
        }
        loop {
            items.push(self.expression(0)?);
            if self.takes(")") {
                return Ok(items);
            }
            self.expects(",")?;
        }
    }

    fn operand(&mut self) -> Result<Expr, String> {
        let Some(token) = self.next() else {
            return Err("it ends where a value is expected".to_owned());
        };
        Ok(match token {
            Token::Text(text) => Expr::Text(text),
            Token::Int(value) => Expr::Int(value),
            Token::Number(value) => Expr::Number(value),
            Token::Column(input, name) => Expr::Column { input, name },
            Token::Sign("(") => {
                let inner = self.expression(0)?;
                self.expects(")")?;
                inner
            }
            Token::Sign("-") => Expr::Negate(Box::new(self.expression(8)?)),
            Token::Name(word) => match word.as_str() {
                "null" => Expr::Null,
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "not" => Expr::Not(Box::new(self.expression(3)?)),
                _ if matches!(self.tokens.get(self.at), Some(Token::Sign("("))) => Expr::Call {
                    name: word,
                    arguments: self.list()?,
                },
                _ => Expr::Name(word),
            },
            token @ Token::Sign(_) => return Err(format!("{token} found where a value is expected")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_bind_as_in_sql() {
        let left = parse("t", "$a == 'x' and not $b in ('y', 'z') or $\"c d\" is not null").expect("parses");
        let right = parse(
            "t",
            "((($a == 'x') and (not ($b in ('y','z')))) or ($\"c d\" is not null))",
        )
        .expect("parses");
        assert_eq!(left, right);
        let sum = parse("t", "1 + 2 * 3 & 'x'").expect("parses");
        assert_eq!(sum, parse("t", "(1 + (2 * 3)) & 'x'").expect("parses"));
        assert_eq!(
            parse("t", "-$a.b - 1").expect("parses"),
            parse("t", "(-($a.b)) - 1").expect("parses")
        );
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        for (text, told) in [
            ("$a ==", "it ends"),
            ("f(1", "`)` expected"),
            ("'open", "not closed"),
            ("1 2", "left over"),
            ("$", "column"),
            ("a ; b", "means nothing"),
        ] {
            let error = parse("event[1].when", text).expect_err("refused").to_string();
            assert!(error.contains("event[1].when"), "{error}");
            assert!(
                error.contains(told) || told == "`)` expected" && error.contains("`,` expected"),
                "{error}"
            );
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(parse("t", &deep).is_err());
    }
}
