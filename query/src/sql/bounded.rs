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
use super::joined::Joined;

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
}

/// Characters that one letter of a time's pattern stands for at most.
const LETTER: u64 = 32;

fn growth(function: &str) -> Option<Growth> {
    Some(match function {
        "repeat" => Growth::Times,
        "lpad" | "rpad" => Growth::Length,
        "replace" | "regexp_replace" => Growth::Inserted,
        "concat" | "overlay" | "make_array" | "array_append" | "array_prepend" | "array_concat"
        | "array_union" | "arrays_zip" | "map" | "struct" | "named_struct" => Growth::Together,
        "concat_ws" => Growth::Separated,
        "array_to_string" => Growth::Spread(1),
        "array_replace" | "array_replace_n" | "array_replace_all" => Growth::Spread(2),
        "to_char" => Growth::Pattern,
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
    let join = around::wrap(Arc::new(ScalarUDF::from(Joined::new())), Growth::Together);
    state.register_function_rewrite(Arc::new(Bounds { join }))
}

/// Puts the bounded functions in place, however the planner came to the unbounded ones: by name, by operator or by literal.
#[derive(Debug)]
struct Bounds {
    join: Arc<ScalarUDF>,
}

impl FunctionRewrite for Bounds {
    fn name(&self) -> &str {
        "bounds"
    }

    fn rewrite(&self, expr: Expr, _schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::StringConcat,
                right,
            }) => Transformed::yes(self.join.call(vec![*left, *right])),
            Expr::ScalarFunction(call) => match growth(call.func.name()) {
                Some(growth) => Transformed::yes(Expr::ScalarFunction(ScalarFunction {
                    func: around::wrap(call.func, growth),
                    args: call.args,
                })),
                None => Transformed::no(Expr::ScalarFunction(call)),
            },
            other => Transformed::no(other),
        })
    }
}

impl Around for Growth {
    fn invoke(&self, inner: &ScalarUDF, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bytes = self.bytes(&args)?;
        if bytes > BYTES {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{} would make {} MiB out of {} rows; the limit is {} MiB",
                inner.name(),
                bytes >> 20,
                args.number_rows,
                BYTES >> 20
            )));
        }
        inner.invoke_with_args(args)
    }
}

impl Growth {
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
            Growth::Times => each(&|row| at(0, row, text).saturating_mul(at(1, row, number))),
            Growth::Length => each(&|row| at(1, row, number).saturating_mul(4)),
            Growth::Inserted => each(&|row| {
                let into = at(0, row, text);
                into.saturating_add((into + 1).saturating_mul(at(2, row, text)))
            }),
            Growth::Together => together,
            Growth::Separated => together.saturating_add(all(0).saturating_mul(arguments.len() as u64)),
            Growth::Spread(i) => {
                each(&|row| at(0, row, leaves).saturating_mul(at(i, row, one))).saturating_add(together)
            }
            Growth::Pattern => all(1).saturating_mul(LETTER),
        })
    }
}

/// An argument: one value for all rows, or one a row.
struct Argument {
    values: ArrayRef,
    constant: bool,
}

impl Argument {
    fn new(value: &ColumnarValue) -> Result<Argument> {
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

    fn read(&self, row: usize, read: fn(&ArrayRef, usize) -> u64) -> u64 {
        let row = if self.constant { 0 } else { row };
        if self.values.is_null(row) {
            return 0;
        }
        read(&self.values, row)
    }

    fn total(&self, rows: usize) -> u64 {
        let bytes = size(&self.values);
        if self.constant {
            bytes.saturating_mul(rows as u64)
        } else {
            bytes
        }
    }
}

fn text(array: &ArrayRef, row: usize) -> u64 {
    let length = match array.data_type() {
        DataType::Utf8View => array.as_string_view().value(row).len(),
        DataType::Utf8 => array.as_string::<i32>().value(row).len(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).len(),
        _ => 0,
    };
    length as u64
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
    size(&array.slice(row, 1))
}

/// Elements of the list at `row`, those of lists within it included.
fn leaves(array: &ArrayRef, row: usize) -> u64 {
    let inner = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        DataType::FixedSizeList(_, _) => array.as_fixed_size_list().value(row),
        _ => return 1,
    };
    if inner.data_type().is_nested() {
        (0..inner.len()).fold(0, |sum, row| sum + leaves(&inner, row))
    } else {
        inner.len() as u64
    }
}

/// Bytes of all values, as they would be if each were written out.
fn size(array: &ArrayRef) -> u64 {
    match array.data_type() {
        DataType::Utf8View => array.as_string_view().lengths().map(u64::from).sum(),
        DataType::BinaryView => array.as_binary_view().lengths().map(u64::from).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (from, to) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            size(&list.values().slice(from as usize, (to - from) as usize))
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(size).sum(),
        _ => {
            let data = array.to_data();
            data.get_slice_memory_size()
                .unwrap_or_else(|_| data.get_array_memory_size()) as u64
        }
    }
}
