//! How many bytes values take once each is written out, whatever memory they share meanwhile.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

/// Bytes of some rows of these columns.
pub(crate) fn of(batch: &RecordBatch, columns: &[usize], from: usize, rows: usize) -> u64 {
    columns
        .iter()
        .map(|at| size(&batch.column(*at).slice(from, rows)))
        .sum()
}

/// Bytes of all values.
pub(crate) fn size(array: &ArrayRef) -> u64 {
    match array.data_type() {
        DataType::Utf8View => array.as_string_view().lengths().map(u64::from).sum(),
        DataType::BinaryView => array.as_binary_view().lengths().map(u64::from).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (from, to) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            size(&list.values().slice(from as usize, (to - from) as usize))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let (from, to) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            size(&list.values().slice(from as usize, (to - from) as usize))
        }
        DataType::FixedSizeList(_, _) => size(array.as_fixed_size_list().values()),
        DataType::Map(_, _) => {
            let map = array.as_map();
            let (from, to) = (map.value_offsets()[0], map.value_offsets()[map.len()]);
            let slice = |values: &ArrayRef| size(&values.slice(from as usize, (to - from) as usize));
            slice(map.keys()) + slice(map.values())
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(size).sum(),
        _ => {
            let data = array.to_data();
            data.get_slice_memory_size()
                .unwrap_or_else(|_| data.get_array_memory_size()) as u64
        }
    }
}

/// Bytes of the largest value.
pub(crate) fn widest(array: &ArrayRef) -> u64 {
    let one = |row| size(&array.slice(row, 1));
    match array.data_type() {
        DataType::Utf8View => array.as_string_view().lengths().max().map_or(0, u64::from),
        data_type if is_open(data_type) => (0..array.len()).map(one).max().unwrap_or(0),
        _ if array.is_empty() => 0,
        _ => one(0),
    }
}

/// Bytes of the text at `row`.
pub(crate) fn text(array: &ArrayRef, row: usize) -> u64 {
    text_at(array, row).len() as u64
}

/// The text at `row`; nothing where there is none.
pub(crate) fn text_at(array: &ArrayRef, row: usize) -> &str {
    match array.data_type() {
        _ if array.is_null(row) => "",
        DataType::Utf8View => array.as_string_view().value(row),
        DataType::Utf8 => array.as_string::<i32>().value(row),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row),
        _ => "",
    }
}

/// Elements of the list at `row`, those of lists within it included.
pub(crate) fn leaves(array: &ArrayRef, row: usize) -> u64 {
    if array.is_null(row) {
        return 1;
    }
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

/// Whether values of this type can be of any length.
pub(crate) fn is_open(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| is_open(field.data_type())),
        DataType::Dictionary(_, value) => is_open(value),
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(_, _)
        | DataType::Map(_, _) => true,
        _ => false,
    }
}
