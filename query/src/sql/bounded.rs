//! Functions that make much out of little, held to a bound.
//!
//! The memory pool counts what operators keep, not what a function builds within one batch: `repeat('x', 2000000000)` on a batch of rows
//! would take all the memory of the machine before anyone asked. These functions say beforehand how much they would make.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF};
use datafusion::prelude::SessionContext;

use super::around::{self, Around};
use super::effort::{self, Effort};
use super::operation::Operation;
use super::sizes;

/// Bytes a function may make out of one batch.
const BYTES: u64 = 64 << 20;

/// How large the result gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Growth {
    /// The text (first) times a number (second).
    Times,
    /// A number of characters (second).
    Length,
    /// The text (first) with a text (third) at most at each of its bytes.
    Inserted,
    /// All arguments together.
    Together,
    /// All arguments together, with the first between them.
    Separated,
    /// The list (first) with the argument of this number at each of its elements.
    Spread(usize),
    /// The pattern (second), each letter of it at most so long.
    Pattern,
    /// The text (first), with an element for each part between texts (second), or for each letter.
    Split,
    /// The text (first) once more for each group of the pattern (second).
    Groups,
}

/// Bytes that an element of a list takes beside its text.
const ELEMENT: u64 = 16;

/// Characters that one letter of a time's pattern stands for at most.
const LETTER: u64 = 32;

/// Whether what a function makes can be longer than what it is given.
pub(super) fn lengthens(function: &str) -> bool {
    growth(function).is_some()
}

fn growth(function: &str) -> Option<Growth> {
    Some(match function {
        "repeat" => Growth::Times,
        "lpad" | "rpad" => Growth::Length,
        "replace" | "regexp_replace" => Growth::Inserted,
        "||" | "concat" | "overlay" | "make_array" | "array_append" | "array_prepend" | "array_concat"
        | "array_union" | "arrays_zip" | "map" | "struct" | "named_struct" => Growth::Together,
        "concat_ws" => Growth::Separated,
        "array_to_string" => Growth::Spread(1),
        "array_replace" | "array_replace_n" | "array_replace_all" => Growth::Spread(2),
        "to_char" => Growth::Pattern,
        "string_to_array" => Growth::Split,
        "regexp_match" => Growth::Groups,
        _ => return None,
    })
}

/// Lists as long as a number says have no place in an answer; the table functions of the same names make rows, one batch at a time.
const GONE: [&str; 8] = [
    "range",
    "generate_series",
    "gen_series",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "space",
];

pub(crate) fn register(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    for name in GONE {
        state.deregister_udf(name)?;
    }
    state.register_function_rewrite(Arc::new(Bounds))
}

/// Puts the bounded functions in place, however the planner came to the unbounded ones: by name, by operator or by literal.
#[derive(Debug)]
struct Bounds;

impl FunctionRewrite for Bounds {
    fn name(&self) -> &str {
        "bounds"
    }

    fn rewrite(&self, expr: Expr, _schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        effort::check_pattern(&expr)?;
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_bounded(op, &right) => {
                let function = Arc::new(ScalarUDF::from(Operation::new(op)));
                Transformed::yes(bound(function).call(vec![*left, *right]))
            }
            Expr::ScalarFunction(call) if Bound::of(call.func.name()).is_some() => {
                Transformed::yes(Expr::ScalarFunction(ScalarFunction {
                    func: bound(call.func),
                    args: call.args,
                }))
            }
            other => Transformed::no(other),
        })
    }
}

/// Whether an operator is to be held to a bound. A constant pattern is looked at beforehand, and by the optimiser.
fn is_bounded(op: Operator, right: &Expr) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch, StringConcat};
    match op {
        StringConcat => true,
        RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch => !matches!(right, Expr::Literal(_, _)),
        _ => false,
    }
}

fn bound(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match Bound::of(function.name()) {
        Some(bound) => around::wrap(function, bound),
        None => function,
    }
}

/// What a function is held to.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bound {
    growth: Option<Growth>,
    effort: Option<Effort>,
}

impl Bound {
    fn of(function: &str) -> Option<Bound> {
        let (growth, effort) = (growth(function), Effort::of(function));
        (growth.is_some() || effort.is_some()).then_some(Bound { growth, effort })
    }
}

impl Around for Bound {
    fn invoke(&self, inner: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(growth) = self.growth {
            growth.check(inner.name(), &args)?;
        }
        if let Some(effort) = self.effort {
            effort.check(inner.name(), &args)?;
        }
        inner.invoke_with_args(args)
    }
}

impl Growth {
    /// Refuses arguments that make too much.
    fn check(self, name: &str, args: &ScalarFunctionArgs) -> Result<()> {
        let bytes = self.bytes(args)?;
        if bytes > BYTES {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{name} would make {} MiB out of {} rows; the limit is {} MiB",
                bytes >> 20,
                args.number_rows,
                BYTES >> 20
            )));
        }
        Ok(())
    }

    fn bytes(self, args: &ScalarFunctionArgs) -> Result<u64> {
        let arguments = args.args.iter().map(Argument::new);
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        let constant = arguments.iter().all(|a| a.constant);
        // Constants are looked at once.
        let rows = if constant {
            args.number_rows.min(1)
        } else {
            args.number_rows
        };
        let at = |i: usize, row: usize, read: fn(&ArrayRef, usize) -> u64| {
            arguments.get(i).map_or(0, |a| a.read(row, read))
        };
        let each = |of: &dyn Fn(usize) -> u64| (0..rows).fold(0_u64, |sum, row| sum.saturating_add(of(row)));
        let all = |i: usize| arguments.get(i).map_or(0, |a| a.total(rows));
        let together = (0..arguments.len()).fold(0_u64, |sum, i| sum.saturating_add(all(i)));
        Ok(match self {
            Growth::Times => each(&|row| at(0, row, sizes::text).saturating_mul(at(1, row, number))),
            Growth::Length => each(&|row| at(1, row, number).saturating_mul(4)),
            Growth::Inserted => each(&|row| {
                let into = at(0, row, sizes::text);
                into.saturating_add((into + 1).saturating_mul(at(2, row, sizes::text)))
            }),
            Growth::Together => together,
            Growth::Separated => together.saturating_add(all(0).saturating_mul(arguments.len() as u64)),
            Growth::Spread(i) => each(&|row| at(0, row, sizes::leaves).saturating_mul(at(i, row, one)))
                .saturating_add(together),
            Growth::Pattern => all(1).saturating_mul(LETTER),
            Growth::Split => {
                let parts = arguments.first().zip(arguments.get(1));
                each(&|row| {
                    parts
                        .map_or(0, |(text, by)| text.parts(by, row))
                        .saturating_mul(ELEMENT)
                })
                .saturating_add(all(0))
            }
            Growth::Groups => each(&|row| at(0, row, sizes::text).saturating_mul(1 + at(1, row, groups))),
        })
    }
}

/// An argument: one value for all rows, or one a row.
pub(super) struct Argument {
    values: ArrayRef,
    pub(super) constant: bool,
}

impl Argument {
    pub(super) fn new(value: &ColumnarValue) -> Result<Argument> {
        Ok(match value {
            ColumnarValue::Array(array) => Argument {
                values: Arc::clone(array),
                constant: false,
            },
            ColumnarValue::Scalar(scalar) => Argument {
                values: scalar.to_array()?,
                constant: true,
            },
        })
    }

    /// Rows to look at: one where all are the same.
    pub(super) fn rows(&self, rows: usize) -> usize {
        if self.constant { rows.min(1) } else { rows }
    }

    pub(super) fn read(&self, row: usize, read: fn(&ArrayRef, usize) -> u64) -> u64 {
        let row = if self.constant { 0 } else { row };
        if self.values.is_null(row) {
            return 0;
        }
        read(&self.values, row)
    }

    /// Parts of the text between others.
    fn parts(&self, by: &Argument, row: usize) -> u64 {
        let at = |argument: &Argument| if argument.constant { 0 } else { row };
        let text = sizes::text_at(&self.values, at(self));
        match sizes::text_at(&by.values, at(by)) {
            "" => text.len() as u64,
            by => text.matches(by).count() as u64 + 1,
        }
    }

    fn total(&self, rows: usize) -> u64 {
        let bytes = sizes::size(&self.values);
        if self.constant {
            bytes.saturating_mul(rows as u64)
        } else {
            bytes
        }
    }
}

fn number(array: &ArrayRef, row: usize) -> u64 {
    let value = match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row),
        _ => {
            cast(&array.slice(row, 1), &DataType::Int64).map_or(0, |a| a.as_primitive::<Int64Type>().value(0))
        }
    };
    value.max(0) as u64
}

fn one(array: &ArrayRef, row: usize) -> u64 {
    sizes::size(&array.slice(row, 1))
}

/// Groups in a pattern, each of which can match all that the pattern does.
fn groups(array: &ArrayRef, row: usize) -> u64 {
    sizes::text_at(array, row).matches('(').count() as u64
}
