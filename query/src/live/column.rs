//! One stored column of a piece: plain Arrow, plain text, or text as codes into a dictionary.
//!
//! Stored types differ from the exposed ones on purpose: every string is exposed as `Utf8View`, which groups and compares fast,
//! while it is stored in the form that takes least memory. Nothing here knows of chunks, keys or liveness.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray, StringViewArray,
    UInt8Array, UInt16Array, UInt32Array, new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{FilterPredicate, cast, concat, take};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use hashbrown::HashTable;
use twox_hash::XxHash3_64;

use super::Error;

/// A column as it lies in memory.
#[derive(Debug, Clone)]
pub(crate) enum Column {
    /// Stored as exposed.
    Plain(ArrayRef),
    /// Text of high cardinality, with plain offsets.
    Text(StringArray),
    /// Text of at most 256 distinct values in this piece.
    Codes8(UInt8Array, StringViewArray),
    /// Text of at most 65,536 distinct values in this piece.
    Codes16(UInt16Array, StringViewArray),
    /// Nothing but nulls of this exposed type, so many rows.
    Null(DataType, usize),
}

/// Who numbers texts, each text with one number.
pub(crate) trait Numbering {
    /// The numbers of these entries of a dictionary.
    fn entries(&self, dictionary: &StringViewArray, codes: &[u32]) -> Vec<u32>;
    /// The number of each row of plain text.
    fn rows(&self, text: &StringArray) -> UInt32Array;
}

/// Which rows of a column are asked for.
#[derive(Clone, Copy)]
pub(crate) enum Kept<'a> {
    All,
    Where(&'a FilterPredicate),
    /// These, in this order.
    At(&'a UInt32Array),
}

impl Kept<'_> {
    fn of(self, array: &dyn Array) -> Result<ArrayRef, arrow::error::ArrowError> {
        match self {
            Kept::All => Ok(array.slice(0, array.len())),
            Kept::Where(kept) => kept.filter(array),
            Kept::At(rows) => take(array, rows, None),
        }
    }

    /// How many these are of so many.
    pub(crate) fn count(self, all: usize) -> usize {
        match self {
            Kept::All => all,
            Kept::Where(kept) => kept.count(),
            Kept::At(rows) => rows.len(),
        }
    }
}

/// In place of the number of an entry that was not met, and of one whose number is being asked for.
const UNMET: u32 = u32::MAX;
const MEETING: u32 = u32::MAX - 1;

/// A bit for each value. The verdicts of eight values are put together by one multiplication: taken bit by bit they would cost more than what they are made of.
fn collect_bits<T: Copy>(values: &[T], verdict: impl Fn(T) -> bool) -> BooleanBuffer {
    let mut bytes = Vec::with_capacity(values.len().div_ceil(8));
    let mut eights = values.chunks_exact(8);
    for eight in &mut eights {
        let mut said = [0_u8; 8];
        for (said, value) in said.iter_mut().zip(eight) {
            *said = u8::from(verdict(*value));
        }
        // The lowest bit of byte `i` comes to stand at bit `i` of the highest byte, and nothing else does.
        bytes.push((u64::from_le_bytes(said).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8);
    }
    let rest = eights.remainder();
    if !rest.is_empty() {
        let bits = rest
            .iter()
            .zip(0..)
            .map(|(value, at)| u8::from(verdict(*value)) << at);
        bytes.push(bits.fold(0, |byte, bit| byte | bit));
    }
    BooleanBuffer::new(bytes.into(), 0, values.len())
}

/// The type under which a column of type `declared` is exposed to SQL.
pub(crate) fn exposed_type(declared: &DataType) -> DataType {
    match declared {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Dictionary(_, value)
            if matches!(**value, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) =>
        {
            DataType::Utf8View
        }
        other => other.clone(),
    }
}

/// Whether a column of this exposed type can be part of a key.
pub(crate) fn can_be_key(exposed: &DataType) -> bool {
    use DataType::*;
    matches!(
        exposed,
        Utf8View
            | Int8
            | Int16
            | Int32
            | Int64
            | UInt8
            | UInt16
            | UInt32
            | UInt64
            | Date32
            | Date64
            | Timestamp(_, _)
            | Boolean
    )
}

impl Column {
    /// Takes an incoming array of any acceptable type into its open (unsealed) form.
    pub(crate) fn open(array: &ArrayRef, exposed: &DataType) -> Result<Column, arrow::error::ArrowError> {
        if *exposed == DataType::Utf8View {
            let text = if *array.data_type() == DataType::Utf8 {
                Arc::clone(array)
            } else {
                cast(array, &DataType::Utf8)?
            };
            return Ok(Column::Text(text.as_string::<i32>().clone()));
        }
        let array = if array.data_type() == exposed {
            Arc::clone(array)
        } else {
            cast(array, exposed)?
        };
        Ok(Column::Plain(array))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Column::Plain(a) => a.len(),
            Column::Text(a) => a.len(),
            Column::Codes8(a, _) => a.len(),
            Column::Codes16(a, _) => a.len(),
            Column::Null(_, rows) => *rows,
        }
    }

    pub(crate) fn slice(&self, offset: usize, len: usize) -> Column {
        match self {
            Column::Plain(a) => Column::Plain(a.slice(offset, len)),
            Column::Text(a) => Column::Text(a.slice(offset, len)),
            Column::Codes8(a, v) => Column::Codes8(a.slice(offset, len), v.clone()),
            Column::Codes16(a, v) => Column::Codes16(a.slice(offset, len), v.clone()),
            Column::Null(t, _) => Column::Null(t.clone(), len),
        }
    }

    /// The rows that are asked for, under the exposed type; no copy where that is all and the stored type is the exposed one.
    pub(crate) fn expose(&self, kept: Kept<'_>) -> Result<ArrayRef, arrow::error::ArrowError> {
        Ok(match self {
            Column::Plain(a) => kept.of(a)?,
            Column::Text(a) => Arc::new(StringViewArray::from(kept.of(a)?.as_string::<i32>())),
            Column::Codes8(codes, values) => take(values, &kept.of(codes)?, None)?,
            Column::Codes16(codes, values) => take(values, &kept.of(codes)?, None)?,
            Column::Null(t, rows) => new_null_array(t, kept.count(*rows)),
        })
    }

    /// The rows at `rows`, in that order, as an open column.
    pub(crate) fn pick(&self, rows: &UInt32Array) -> Result<Column, arrow::error::ArrowError> {
        let text = |array: ArrayRef| -> Result<Column, arrow::error::ArrowError> {
            Ok(Column::Text(
                cast(&array, &DataType::Utf8)?.as_string::<i32>().clone(),
            ))
        };
        match self {
            Column::Plain(a) => Ok(Column::Plain(take(a, rows, None)?)),
            Column::Text(a) => text(take(a, rows, None)?),
            Column::Codes8(codes, values) => text(take(values, &take(codes, rows, None)?, None)?),
            Column::Codes16(codes, values) => text(take(values, &take(codes, rows, None)?, None)?),
            Column::Null(DataType::Utf8View, _) => text(new_null_array(&DataType::Utf8, rows.len())),
            Column::Null(t, _) => Ok(Column::Plain(new_null_array(t, rows.len()))),
        }
    }

    /// Lays open columns one after the other.
    pub(crate) fn concat(parts: &[&Column]) -> Result<Column, arrow::error::ArrowError> {
        let mut arrays: Vec<&dyn Array> = Vec::with_capacity(parts.len());
        let mut is_text = false;
        for part in parts {
            match part {
                Column::Plain(a) => arrays.push(a.as_ref()),
                Column::Text(a) => {
                    is_text = true;
                    arrays.push(a);
                }
                _ => {
                    return Err(arrow::error::ArrowError::InvalidArgumentError(
                        "a sealed column is not merged".into(),
                    ));
                }
            }
        }
        let whole = concat(&arrays)?;
        Ok(if is_text {
            Column::Text(whole.as_string::<i32>().clone())
        } else {
            Column::Plain(whole)
        })
    }

    /// The compact form of an open column: codes where they pay, nothing where there is nothing but nulls.
    pub(crate) fn seal(&self, exposed: &DataType) -> Column {
        match self {
            Column::Plain(a) if a.null_count() == a.len() => Column::Null(exposed.clone(), a.len()),
            Column::Text(a) if a.null_count() == a.len() => Column::Null(exposed.clone(), a.len()),
            Column::Plain(a) => {
                // Arrays grown by appending may hold twice what they need; a sealed piece lives long.
                let mut data = a.to_data();
                data.align_buffers();
                let array = arrow::array::make_array(data);
                Column::Plain(shrink(array))
            }
            Column::Text(a) => encode(a).unwrap_or_else(|| {
                let mut a = a.clone();
                if a.offsets().first().copied().unwrap_or(0) == 0 {
                    a.shrink_to_fit();
                }
                Column::Text(a)
            }),
            sealed => sealed.clone(),
        }
    }

    /// Bytes this column keeps alive.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Column::Plain(a) => sliced_bytes(a.as_ref()),
            Column::Text(a) => sliced_bytes(a),
            Column::Codes8(a, v) => sliced_bytes(a) + v.get_array_memory_size(),
            Column::Codes16(a, v) => sliced_bytes(a) + v.get_array_memory_size(),
            Column::Null(_, _) => 0,
        }
    }

    /// The dictionary and the number of codes, when this column has one.
    pub(crate) fn dictionary(&self) -> Option<&StringViewArray> {
        match self {
            Column::Codes8(_, values) | Column::Codes16(_, values) => Some(values),
            _ => None,
        }
    }

    /// Whether this column costs nothing to number: it has a dictionary, or nothing but nulls.
    pub(crate) fn is_coded(&self) -> bool {
        !matches!(self, Column::Plain(_) | Column::Text(_))
    }

    /// Numbers instead of text. `known` holds those of the dictionary's entries that were met before (see [`Column::unmet`]), and takes those met now.
    pub(crate) fn numbered(
        &self,
        kept: Kept<'_>,
        known: &mut [u32],
        numbering: &impl Numbering,
    ) -> Result<ArrayRef, arrow::error::ArrowError> {
        fn through<T: ArrowPrimitiveType>(
            codes: &PrimitiveArray<T>,
            dictionary: &StringViewArray,
            known: &mut [u32],
            numbering: &impl Numbering,
        ) -> ArrayRef
        where
            T::Native: Into<u32>,
        {
            let code = |code: &T::Native| -> u32 { (*code).into() };
            let mut met = Vec::new();
            for code in codes.values().iter().map(code) {
                if known[code as usize] == UNMET {
                    known[code as usize] = MEETING;
                    met.push(code);
                }
            }
            if !met.is_empty() {
                for (code, number) in met.iter().zip(numbering.entries(dictionary, &met)) {
                    known[*code as usize] = number;
                }
            }
            let values = codes.values().iter().map(|c| known[code(c) as usize]);
            Arc::new(UInt32Array::new(
                values.collect::<Vec<u32>>().into(),
                codes.nulls().cloned(),
            ))
        }
        Ok(match self {
            Column::Codes8(codes, values) => {
                let codes = kept.of(codes)?;
                through(codes.as_primitive::<UInt8Type>(), values, known, numbering)
            }
            Column::Codes16(codes, values) => {
                let codes = kept.of(codes)?;
                through(codes.as_primitive::<UInt16Type>(), values, known, numbering)
            }
            Column::Text(text) => Arc::new(numbering.rows(kept.of(text)?.as_string::<i32>())),
            Column::Null(_, rows) => new_null_array(&DataType::UInt32, kept.count(*rows)),
            Column::Plain(_) => {
                return Err(arrow::error::ArrowError::InvalidArgumentError(
                    "only text can be numbered".into(),
                ));
            }
        })
    }

    /// For [`Column::numbered`], as long as none of its entries was met.
    pub(crate) fn unmet(&self) -> Vec<u32> {
        vec![UNMET; self.dictionary().map_or(0, Array::len)]
    }

    /// Turns a verdict per dictionary entry (the last one is the verdict on null) into a verdict per row.
    pub(crate) fn spread(&self, verdict: &[bool]) -> Option<BooleanArray> {
        let on_null = *verdict.last()?;
        fn rows<T: ArrowPrimitiveType>(
            codes: &PrimitiveArray<T>,
            verdict: &[bool],
            on_null: bool,
        ) -> BooleanArray
        where
            T::Native: Into<u32> + TryFrom<u32>,
        {
            let values = codes.values();
            let mut wanted = verdict[..verdict.len() - 1].iter().zip(0_u32..);
            let one = wanted
                .find_map(|(yes, code)| yes.then_some(code))
                .filter(|_| !wanted.any(|(yes, _)| *yes));
            let bits = match one.map(T::Native::try_from) {
                Some(Ok(one)) => collect_bits(values, |code| code == one),
                _ => collect_bits(values, |code| {
                    let code: u32 = code.into();
                    verdict[code as usize]
                }),
            };
            BooleanArray::new(
                match codes.nulls() {
                    None => bits,
                    Some(nulls) if on_null => &bits | &!nulls.inner(),
                    Some(nulls) => &bits & nulls.inner(),
                },
                None,
            )
        }
        match self {
            Column::Codes8(codes, _) => Some(rows(codes, verdict, on_null)),
            Column::Codes16(codes, _) => Some(rows(codes, verdict, on_null)),
            _ => None,
        }
    }

    fn text_at(&self, row: usize) -> Option<Option<&str>> {
        match self {
            Column::Text(a) => Some(a.is_valid(row).then(|| a.value(row))),
            Column::Codes8(c, v) => Some(c.is_valid(row).then(|| v.value(c.value(row) as usize))),
            Column::Codes16(c, v) => Some(c.is_valid(row).then(|| v.value(c.value(row) as usize))),
            Column::Null(DataType::Utf8View, _) => Some(None),
            _ => None,
        }
    }

    fn bits_at(&self, row: usize) -> Option<u64> {
        match self {
            Column::Plain(a) => a.is_valid(row).then(|| bits(a.as_ref(), row)),
            _ => None,
        }
    }

    /// Whether two key values are the same; null equals null.
    pub(crate) fn same(&self, row: usize, other: &Column, other_row: usize) -> bool {
        match (self.text_at(row), other.text_at(other_row)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.bits_at(row) == other.bits_at(other_row),
            _ => false,
        }
    }

    /// Mixes the value at `row` into `hash`.
    pub(crate) fn hash_at(&self, row: usize, hash: u64) -> u64 {
        match self.text_at(row) {
            Some(Some(text)) => XxHash3_64::oneshot_with_seed(hash, text.as_bytes()),
            Some(None) => mix(hash, NULL_BITS),
            None => mix(hash, self.bits_at(row).unwrap_or(NULL_BITS)),
        }
    }

    /// The key value as text, for frames.
    pub(crate) fn display_at(&self, row: usize) -> String {
        match self.text_at(row) {
            Some(text) => text.unwrap_or_default().to_owned(),
            None => match self {
                Column::Plain(a) => arrow::util::display::array_value_to_string(a, row).unwrap_or_default(),
                _ => String::new(),
            },
        }
    }
}

const NULL_BITS: u64 = 0x9e37_79b9_7f4a_7c15;

/// A strong 64-bit mix (the finaliser of MurmurHash3), seeded by what was hashed before.
fn mix(hash: u64, bits: u64) -> u64 {
    let mut h = hash.rotate_left(23) ^ bits;
    h = (h ^ (h >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ (h >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

fn bits(array: &dyn Array, row: usize) -> u64 {
    macro_rules! at {
        ($t:ty) => {
            array.as_primitive::<$t>().value(row) as u64
        };
    }
    match array.data_type() {
        DataType::Int8 => at!(Int8Type),
        DataType::Int16 => at!(Int16Type),
        DataType::Int32 => at!(Int32Type),
        DataType::Int64 => at!(Int64Type),
        DataType::UInt8 => at!(UInt8Type),
        DataType::UInt16 => at!(UInt16Type),
        DataType::UInt32 => at!(UInt32Type),
        DataType::UInt64 => at!(UInt64Type),
        DataType::Date32 => at!(Date32Type),
        DataType::Date64 => at!(Date64Type),
        DataType::Timestamp(TimeUnit::Second, _) => at!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => at!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => at!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => at!(TimestampNanosecondType),
        DataType::Boolean => u64::from(array.as_boolean().value(row)),
        // Key types are checked when the table is made.
        other => unreachable!("{other} is not a key type"),
    }
}

fn sliced_bytes(array: &dyn Array) -> usize {
    array
        .to_data()
        .get_slice_memory_size()
        .unwrap_or_else(|_| array.get_array_memory_size())
}

fn shrink(array: ArrayRef) -> ArrayRef {
    let mut array = array;
    if let Some(unique) = Arc::get_mut(&mut array) {
        unique.shrink_to_fit();
    }
    array
}

/// Text as codes, or nothing where plain text is smaller.
fn encode(text: &StringArray) -> Option<Column> {
    let rows = text.len();
    // High-cardinality text (ids) shows itself early; then the hashing of the rest is saved. Not too early: some thousand articles come back only after a while.
    let probe = rows.min(16_384);
    let mut dictionary = Dictionary::default();
    let mut codes: Vec<u16> = Vec::with_capacity(rows);
    for row in 0..rows {
        if row == probe && dictionary.values.len() * 2 > probe {
            return None;
        }
        let code = if text.is_valid(row) {
            dictionary.code(text.value(row))?
        } else {
            0
        };
        codes.push(code);
    }
    let distinct = dictionary.values.len();
    let dictionary_bytes = dictionary
        .values
        .iter()
        .map(|v| 16 + if v.len() > 12 { v.len() } else { 0 })
        .sum::<usize>();
    let code_bytes = if distinct <= 256 { rows } else { rows * 2 };
    let plain_bytes = text.value_data().len() + rows * 4;
    if code_bytes + dictionary_bytes >= plain_bytes {
        return None;
    }
    let values = StringViewArray::from_iter_values(dictionary.values);
    let nulls = text.nulls().cloned();
    Some(if distinct <= 256 {
        let codes: Vec<u8> = codes.into_iter().map(|c| c as u8).collect();
        Column::Codes8(UInt8Array::new(codes.into(), nulls), values)
    } else {
        Column::Codes16(UInt16Array::new(codes.into(), nulls), values)
    })
}

#[derive(Default)]
struct Dictionary<'a> {
    values: Vec<&'a str>,
    codes: HashTable<u16>,
}

impl<'a> Dictionary<'a> {
    fn code(&mut self, value: &'a str) -> Option<u16> {
        let hash = XxHash3_64::oneshot(value.as_bytes());
        if let Some(code) = self.codes.find(hash, |c| self.values[*c as usize] == value) {
            return Some(*code);
        }
        let code = u16::try_from(self.values.len()).ok()?;
        self.values.push(value);
        let values = &self.values;
        self.codes.insert_unique(hash, code, |c| {
            XxHash3_64::oneshot(values[*c as usize].as_bytes())
        });
        Some(code)
    }
}

/// Casts lookup values to the open form of a key column, or says that they cannot be.
pub(crate) fn key_column(array: &ArrayRef, exposed: &DataType) -> Result<Column, Error> {
    Column::open(array, exposed).map_err(Error::Arrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_on_entries_is_a_verdict_on_rows() {
        for entries in [3, 40, 300] {
            let text = |row: usize| (row % 7 != 6).then(|| format!("entry {}", row * row % entries));
            let column = Column::Text((0..10_001).map(text).collect()).seal(&DataType::Utf8View);
            let dictionary = column.dictionary().expect("few entries");
            let known = dictionary;
            // One entry, none, several, all; and null with them or not.
            let wanted: [fn(usize) -> bool; 4] = [|at| at == 1, |_| false, |at| at % 2 == 0, |_| true];
            for (wants, on_null) in wanted
                .into_iter()
                .flat_map(|wants| [(wants, false), (wants, true)])
            {
                let mut verdict: Vec<bool> = (0..known.len()).map(wants).collect();
                verdict.push(on_null);
                let rows = column.spread(&verdict).expect("a dictionary");
                assert_eq!((rows.len(), rows.null_count()), (10_001, 0));
                for row in 0..rows.len() {
                    let expected = text(row).map_or(on_null, |text| {
                        verdict[known
                            .iter()
                            .position(|entry| entry == Some(&text))
                            .expect("an entry")]
                    });
                    assert_eq!(rows.value(row), expected, "row {row} of {entries} entries");
                }
            }
        }
    }
}
