//! What SQL calls to nowcast a return rate: `nowcast_rate`, `nowcast_lower` and `nowcast_upper` of (delivered, returned, exposure, clump, prior rate, prior
//! strength), see [`eddy_models::nowcast`]. Null where any of them is null.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Builder};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use eddy_models::nowcast::{Cohort, Nowcast, nowcast};
use eddy_models::shrinkage::Prior;

/// Arguments of each.
const ARGUMENTS: usize = 6;

/// All of them.
pub fn all() -> Vec<ScalarUDF> {
    [Figure::Rate, Figure::Lower, Figure::Upper]
        .into_iter()
        .map(|figure| ScalarUDF::from(NowcastFunction::new(figure)))
        .collect()
}

/// Which figure of a nowcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Figure {
    Rate,
    Lower,
    Upper,
}

impl Figure {
    fn of(self, rate: &Nowcast) -> f64 {
        match self {
            Self::Rate => rate.adjusted,
            Self::Lower => rate.lower,
            Self::Upper => rate.upper,
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NowcastFunction {
    figure: Figure,
    signature: Signature,
}

impl NowcastFunction {
    fn new(figure: Figure) -> Self {
        Self {
            figure,
            signature: Signature::exact(vec![DataType::Float64; ARGUMENTS], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for NowcastFunction {
    fn name(&self) -> &str {
        match self.figure {
            Figure::Rate => "nowcast_rate",
            Figure::Lower => "nowcast_lower",
            Figure::Upper => "nowcast_upper",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [delivered, returned, exposure, clump, rate, strength] = columns.as_slice() else {
            return plan_err!("{} takes {ARGUMENTS} arguments", self.name());
        };
        let figures = [delivered, returned, exposure, clump, rate, strength]
            .map(|column| column.as_primitive::<Float64Type>());
        let rows = delivered.len();
        let mut out = Float64Builder::with_capacity(rows);
        for row in 0..rows {
            if figures.iter().any(|column| column.is_null(row)) {
                out.append_null();
                continue;
            }
            let [delivered, returned, exposure, clump, mean, strength] =
                figures.map(|column| column.value(row));
            let cohort = Cohort {
                delivered,
                returned,
                exposure,
                clump,
            };
            out.append_value(self.figure.of(&nowcast(&cohort, &Prior { mean, strength })));
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish()) as ArrayRef))
    }
}
