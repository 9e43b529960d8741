//! An operator such as `||` as a function, so that it can be held to a bound (`bounded.rs`). What it gives is the operator's own answer.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    operator: Operator,
    name: String,
    signature: Signature,
}

impl Operation {
    pub(crate) fn new(operator: Operator) -> Operation {
        Operation {
            operator,
            name: operator.to_string(),
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Operation {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = types else {
            return internal_err!("{} has two sides", self.name);
        };
        let (left, right) = BinaryTypeCoercer::new(left, &self.operator, right).get_input_types()?;
        Ok(vec![left, right])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = types else {
            return internal_err!("{} has two sides", self.name);
        };
        BinaryTypeCoercer::new(left, &self.operator, right).get_result_type()
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|f| f.is_nullable());
        Ok(Arc::new(Field::new(
            self.name(),
            self.return_type(&types)?,
            nullable,
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let sides = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = if args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_))) {
            1
        } else {
            args.number_rows
        };
        let fields: Vec<Field> = ["left", "right"]
            .iter()
            .zip(&sides)
            .map(|(name, side)| Field::new(*name, side.data_type().clone(), true))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), sides, &options)?;
        let operator = BinaryExpr::new(
            Arc::new(Column::new("left", 0)),
            self.operator,
            Arc::new(Column::new("right", 1)),
        );
        operator.evaluate(&batch)
    }
}
