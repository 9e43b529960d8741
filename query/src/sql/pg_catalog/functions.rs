//! Functions of PostgreSQL's catalogue that clients ask for comments, owners, sizes and the texts of views.
//!
//! Objects go by their number (oid). What does not exist here, such as the source of a function, is null.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::prelude::SessionContext;

use super::{Facts, OWNER};

/// What is told of an object and, where a function takes one, of a part of it.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Text(fn(&Facts, i64, i64) -> Option<String>),
    Number(fn(&Facts, i64) -> Option<i64>),
    Yes,
}

const NOTHING: Answer = Answer::Text(|_, _, _| None);
const EDDY: Answer = Answer::Text(|_, _, _| Some(OWNER.into()));
const SIZE: Answer = Answer::Number(|facts, of| Some(facts.size(of)));

/// UTF-8, by the number PostgreSQL has for it.
const UTF8: i64 = 6;

/// Each with its least and most arguments.
const FUNCTIONS: [(&str, usize, usize, Answer); 31] = [
    (
        "obj_description",
        1,
        2,
        Answer::Text(|facts, of, _| facts.comment(of, 0)),
    ),
    ("col_description", 2, 2, Answer::Text(Facts::comment)),
    ("shobj_description", 2, 2, NOTHING),
    ("session_user", 0, 0, EDDY),
    ("pg_get_userbyid", 1, 1, EDDY),
    (
        "pg_get_viewdef",
        1,
        2,
        Answer::Text(|facts, of, _| facts.views.get(&of).cloned()),
    ),
    ("pg_get_function_result", 1, 1, NOTHING),
    ("pg_get_function_arguments", 1, 1, NOTHING),
    ("pg_get_function_identity_arguments", 1, 1, NOTHING),
    ("pg_get_function_sqlbody", 1, 1, NOTHING),
    ("pg_get_functiondef", 1, 1, NOTHING),
    ("pg_tablespace_location", 1, 1, NOTHING),
    ("pg_describe_object", 3, 3, NOTHING),
    ("pg_char_to_encoding", 1, 1, Answer::Number(|_, _| Some(UTF8))),
    (
        "pg_size_pretty",
        1,
        1,
        Answer::Text(|_, bytes, _| Some(pretty(bytes))),
    ),
    ("pg_table_size", 1, 1, SIZE),
    ("pg_relation_size", 1, 2, SIZE),
    ("pg_total_relation_size", 1, 1, SIZE),
    ("pg_indexes_size", 1, 1, Answer::Number(|_, _| Some(0))),
    (
        "pg_database_size",
        1,
        1,
        Answer::Number(|facts, _| Some(facts.size_of_all())),
    ),
    ("pg_function_is_visible", 1, 1, Answer::Yes),
    ("pg_type_is_visible", 1, 1, Answer::Yes),
    ("pg_operator_is_visible", 1, 1, Answer::Yes),
    ("pg_opclass_is_visible", 1, 1, Answer::Yes),
    ("pg_opfamily_is_visible", 1, 1, Answer::Yes),
    ("pg_conversion_is_visible", 1, 1, Answer::Yes),
    ("pg_statistics_obj_is_visible", 1, 1, Answer::Yes),
    ("pg_ts_config_is_visible", 1, 1, Answer::Yes),
    ("pg_ts_dict_is_visible", 1, 1, Answer::Yes),
    ("pg_ts_parser_is_visible", 1, 1, Answer::Yes),
    ("pg_ts_template_is_visible", 1, 1, Answer::Yes),
];

pub(super) fn register(context: &SessionContext, facts: &Arc<Facts>) {
    for (name, least, most, answer) in FUNCTIONS {
        let arities = (least..=most).map(|n| match n {
            0 => TypeSignature::Nullary,
            n => TypeSignature::Any(n),
        });
        context.register_udf(ScalarUDF::from(Asked {
            name,
            signature: Signature::one_of(arities.collect(), Volatility::Stable),
            answer,
            facts: Arc::clone(facts),
        }));
    }
}

#[derive(Debug)]
struct Asked {
    name: &'static str,
    signature: Signature,
    answer: Answer,
    facts: Arc<Facts>,
}

impl PartialEq for Asked {
    fn eq(&self, other: &Asked) -> bool {
        self.name == other.name
    }
}

impl Eq for Asked {}

impl Hash for Asked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Asked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.answer {
            Answer::Text(_) => DataType::Utf8,
            Answer::Number(_) => DataType::Int64,
            Answer::Yes => DataType::Boolean,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // Names instead of numbers become null.
        let numbers = args
            .args
            .iter()
            .map(|arg| -> Result<ArrayRef> { Ok(cast(&arg.to_array(args.number_rows)?, &DataType::Int64)?) });
        let numbers = numbers.collect::<Result<Vec<_>>>()?;
        let at = |i: usize, row: usize| match numbers.get(i) {
            Some(array) => array
                .is_valid(row)
                .then(|| array.as_primitive::<Int64Type>().value(row)),
            None => Some(0),
        };
        let facts = &self.facts;
        let rows = 0..args.number_rows;
        let array: ArrayRef = match self.answer {
            Answer::Text(text) => Arc::new(
                rows.map(|row| text(facts, at(0, row)?, at(1, row).unwrap_or(0)))
                    .collect::<StringArray>(),
            ),
            Answer::Number(number) => Arc::new(
                rows.map(|row| number(facts, at(0, row).unwrap_or(0)))
                    .collect::<Int64Array>(),
            ),
            Answer::Yes => Arc::new(rows.map(|_| Some(true)).collect::<BooleanArray>()),
        };
        Ok(ColumnarValue::Array(array))
    }
}

/// Bytes in the largest unit that leaves two digits.
fn pretty(bytes: i64) -> String {
    let mut size = bytes;
    let mut unit = "bytes";
    for larger in ["kB", "MB", "GB", "TB"] {
        if size.unsigned_abs() < 10 << 10 {
            break;
        }
        size = (size + 512) >> 10;
        unit = larger;
    }
    format!("{size} {unit}")
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn sizes_are_given_in_the_largest_unit_that_leaves_two_digits() {
        let cases = [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (25 << 20, "25 MB"),
            (3 << 40, "3072 GB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(pretty(bytes), expected);
        }
    }
}
