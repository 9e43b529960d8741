//! Functions that make much out of little, held to a bound.
//!
//! The memory pool counts what operators keep, not what a function builds within one batch: `repeat('x', 2000000000)` on a batch of rows
//! would take all the memory of the machine before anyone asked. These functions say beforehand how much they would make.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::prelude::SessionContext;

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
    let grows = [
        ("repeat", Growth::Times),
        ("lpad", Growth::Length),
        ("rpad", Growth::Length),
        ("replace", Growth::Inserted),
        ("regexp_replace", Growth::Inserted),
    ];
    for (name, growth) in grows {
        let inner = state.udf(name)?;
        state.register_udf(Arc::new(ScalarUDF::from(Bounded { inner, growth })))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let at = |i: usize, row: usize, read: fn(&dyn Array, usize) -> u64| {
            args.args.get(i).map_or(0, |a| read_at(a, row, read))
        };
        let mut bytes = 0_u64;
        // Constants are looked at once.
        let all_constant = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        for row in 0..if all_constant { rows.min(1) } else { rows } {
            let made = match self.growth {
                Growth::Times => at(0, row, text_length).saturating_mul(at(1, row, number)),
                Growth::Length => at(1, row, number).saturating_mul(4),
                Growth::Inserted => {
                    let text = at(0, row, text_length);
                    text.saturating_add((text + 1).saturating_mul(at(2, row, text_length)))
                }
            };
            bytes = bytes.saturating_add(made);
        }
        if bytes > BYTES {
            return Err(DataFusionError::ResourcesExhausted(format!(
                "{} would make {} MiB of text out of {rows} rows; the limit is {} MiB",
                self.name(),
                bytes >> 20,
                BYTES >> 20
            )));
        }
        self.inner.invoke_with_args(args)
    }
}

fn read_at(value: &ColumnarValue, row: usize, read: fn(&dyn Array, usize) -> u64) -> u64 {
    match value {
        ColumnarValue::Array(array) => read(array.as_ref(), row),
        ColumnarValue::Scalar(scalar) => scalar.to_array().map_or(0, |array| read(array.as_ref(), 0)),
    }
}

fn text_length(array: &dyn Array, row: usize) -> u64 {
    if array.is_null(row) {
        return 0;
    }
    let length = match array.data_type() {
        DataType::Utf8View => array.as_string_view().value(row).len(),
        DataType::Utf8 => array.as_string::<i32>().value(row).len(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).len(),
        _ => 0,
    };
    length as u64
}

fn number(array: &dyn Array, row: usize) -> u64 {
    if array.is_null(row) {
        return 0;
    }
    let value = match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row),
        _ => {
            cast(&array.slice(row, 1), &DataType::Int64).map_or(0, |a| a.as_primitive::<Int64Type>().value(0))
        }
    };
    value.max(0) as u64
}
