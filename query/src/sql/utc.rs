//! Parts of a time, fast for times in UTC.
//!
//! DataFusion takes a time with a zone through a calendar library for each row, twenty times slower than one without. In UTC both are the same,
//! so the zone is taken off before and put back after.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Field, FieldRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use datafusion::prelude::SessionContext;

use super::around::{self, Around};

pub(crate) fn register(context: &SessionContext) -> Result<()> {
    let state = context.state_ref();
    let mut state = state.write();
    for name in ["date_trunc", "date_part"] {
        let inner = state.udf(name)?;
        state.register_udf(around::wrap(inner, InUtc))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct InUtc;

fn is_utc(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(zone)) if matches!(zone.as_ref(), "UTC" | "+00:00" | "Z"))
}

fn with_zone(array: &ArrayRef, zone: Option<Arc<str>>) -> ArrayRef {
    macro_rules! as_unit {
        ($t:ty) => {
            Arc::new(array.as_primitive::<$t>().clone().with_timezone_opt(zone))
        };
    }
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => as_unit!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => as_unit!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => as_unit!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => as_unit!(TimestampNanosecondType),
        _ => Arc::clone(array),
    }
}

fn without_zone(field: &FieldRef) -> FieldRef {
    match field.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            Arc::new(Field::clone(field).with_data_type(DataType::Timestamp(*unit, None)))
        }
        _ => Arc::clone(field),
    }
}

impl Around for InUtc {
    fn invoke(&self, inner: &ScalarUDF, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zoned =
            |value: &ColumnarValue| matches!(value, ColumnarValue::Array(array) if is_utc(array.data_type()));
        let Some(at) = args.args.iter().position(zoned) else {
            return inner.invoke_with_args(args);
        };
        if let ColumnarValue::Array(array) = &args.args[at] {
            args.args[at] = ColumnarValue::Array(with_zone(array, None));
        }
        if let Some(field) = args.arg_fields.get_mut(at) {
            *field = without_zone(field);
        }
        let expected = Arc::clone(&args.return_field);
        args.return_field = without_zone(&expected);
        let result = inner.invoke_with_args(args)?;
        Ok(match (expected.data_type(), result) {
            (DataType::Timestamp(_, Some(zone)), ColumnarValue::Array(array)) => {
                ColumnarValue::Array(with_zone(&array, Some(Arc::clone(zone))))
            }
            (_, result) => result,
        })
    }
}
