//! Functions that take long over little, held to a bound.
//!
//! A query is stopped between two batches. What a function does within one goes on until it is done, whether anyone still waits or not,
//! and keeps a thread from all other queries meanwhile: the distance of two texts of a million letters takes an hour. These functions say
//! beforehand how many steps they would take.

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, ScalarFunctionArgs};

use super::bounded::Argument;
use super::sizes;

/// Steps a function may take over one batch: some ten seconds.
const STEPS: u64 = 4_000_000_000;
/// Places in a constant pattern, its repeated parts as often as they may be repeated.
const PLACES: u64 = 2_000;

/// How many steps a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Effort {
    /// Each letter of one text against each of the other.
    Letters,
    /// Each element of one list against each of the other.
    Elements,
    /// Each place in the pattern (second) against each letter of the text (first).
    Pattern,
}

impl Effort {
    pub(super) fn of(function: &str) -> Option<Effort> {
        Some(match function {
            "levenshtein" | "strpos" => Effort::Letters,
            "array_has_all" | "array_has_any" => Effort::Elements,
            "~" | "~*" | "!~" | "!~*" | "regexp_like" | "regexp_match" | "regexp_replace"
            | "regexp_count" | "regexp_instr" => Effort::Pattern,
            _ => return None,
        })
    }

    /// Refuses arguments that take too many steps.
    pub(super) fn check(self, name: &str, args: &ScalarFunctionArgs) -> Result<()> {
        let arguments = args.args.iter().take(2).map(Argument::new);
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        let [first, second] = arguments.as_slice() else {
            return Ok(());
        };
        let (left, right): (Measure, Measure) = match self {
            Effort::Letters => (sizes::text, sizes::text),
            Effort::Elements => (sizes::leaves, sizes::leaves),
            Effort::Pattern => (sizes::text, |array, row| places(sizes::text_at(array, row))),
        };
        // A pattern that is the same for all rows is read once.
        let constant = second.constant.then(|| second.read(0, right));
        let steps = (0..first.rows(args.number_rows)).fold(0_u64, |sum, row| {
            let second = constant.unwrap_or_else(|| second.read(row, right));
            sum.saturating_add(first.read(row, left).saturating_mul(second))
        });
        if steps > STEPS {
            return exec_err!(
                "{name} would take {} million steps over {} rows; the limit is {} million: shorten its arguments",
                steps / 1_000_000,
                args.number_rows,
                STEPS / 1_000_000
            );
        }
        Ok(())
    }
}

type Measure = fn(&ArrayRef, usize) -> u64;

/// Refuses a constant pattern of an operator that is too large.
pub(super) fn check_pattern(expr: &Expr) -> Result<()> {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    let pattern = match expr {
        Expr::BinaryExpr(BinaryExpr {
            op: RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch,
            right,
            ..
        }) => right,
        Expr::SimilarTo(Like { pattern, .. }) => pattern,
        _ => return Ok(()),
    };
    let Expr::Literal(value, _) = pattern.as_ref() else {
        return Ok(());
    };
    let places = value.try_as_str().flatten().map_or(0, places);
    if places > PLACES {
        return plan_err!(
            "the pattern has {places} places once its repeated parts are written out, and the limit is {PLACES}; repeat less, or use * and +"
        );
    }
    Ok(())
}

/// Places in a regular expression, its repeated parts as often as they may be repeated.
fn places(pattern: &str) -> u64 {
    // Of each open group what came before it in the one around it, and of the innermost what came so far and the last part of it.
    let mut around: Vec<(u64, u64)> = Vec::new();
    let (mut before, mut last) = (0_u64, 0_u64);
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '(' => {
                around.push((before, last));
                (before, last) = (0, 0);
            }
            ')' => {
                let group = before.saturating_add(last).saturating_add(1);
                let outer = around.pop().unwrap_or((0, 0));
                (before, last) = (outer.0.saturating_add(outer.1), group);
            }
            '{' => {
                let counts: String = letters.by_ref().take_while(|c| *c != '}').collect();
                let most = counts
                    .split(',')
                    .filter_map(|count| count.trim().parse::<u64>().ok())
                    .max();
                last = last.saturating_mul(most.unwrap_or(1).max(1));
            }
            '*' | '+' | '?' => {}
            other => {
                if other == '\\' {
                    letters.next();
                } else if other == '[' {
                    let mut escaped = letters.next() == Some('\\');
                    for inside in letters.by_ref() {
                        if inside == ']' && !escaped {
                            break;
                        }
                        escaped = inside == '\\' && !escaped;
                    }
                }
                (before, last) = (before.saturating_add(last), 1);
            }
        }
    }
    let open = around
        .iter()
        .fold(0_u64, |sum, (a, b)| sum.saturating_add(*a).saturating_add(*b));
    open.saturating_add(before).saturating_add(last).max(1)
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn repeated_parts_of_a_pattern_count_as_often_as_they_may_be_repeated() {
        let cases = [
            ("", 1),
            ("abc", 3),
            ("a{10}", 10),
            ("ab{2,5}c", 7),
            ("(a{1,10}){100}", 1_100),
            ("((a{100}){100}){100}", 1_010_100),
            (r"\{[^\]}]{3}\)", 5),
            ("[]a]{4}", 4),
            ("a{,}", 1),
            ("(((", 1),
            ("a|b*", 3),
        ];
        for (pattern, expected) in cases {
            assert_eq!(places(pattern), expected, "{pattern}");
        }
        assert_eq!(places(&"(a{99}){99999}".repeat(9)), 9 * 100 * 99_999);
        assert_eq!(
            places(&format!("{}a{}", "(".repeat(20), "){99999}".repeat(20))),
            u64::MAX
        );
    }
}
