//! Reading files: Parquet, CSV and NDJSON to tables of typed columns, a few thousand rows at a time.
//!
//! No file is held in memory whole but the joined ones. What columns mean is the mapping's matter.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use rustc_hash::FxHashMap;

use super::Error;
use crate::mapping::bind::Header;
use crate::mapping::row::{Column, Fault, Table};

/// Rows read together: enough to make batches worth their while, few enough that a checkpoint is never far.
const ROWS_AT_ONCE: usize = 2048;
/// Lines of NDJSON looked at to learn the columns.
const LINES_LOOKED_AT: usize = 1000;
/// Longest line of NDJSON; a file without line feeds must not fill the memory.
pub(super) const LINE_BYTES_MAX: usize = 16 << 20;

/// Extensions read here, in order of preference when a folder holds several.
pub(super) const EXTENSIONS: [&str; 4] = ["parquet", "csv", "ndjson", "jsonl"];

/// An open file.
pub(super) struct Source {
    pub(super) header: Header,
    pub(super) path: PathBuf,
    /// Rows, if the file says.
    pub(super) rows: Option<u64>,
    reader: Reader,
}

enum Reader {
    Parquet(Box<ParquetRecordBatchReader>),
    Csv(Box<arrow::csv::Reader<File>>),
    Json(Lines, Vec<String>),
}

impl Source {
    /// Opens a file by its extension.
    pub(super) fn open(path: &Path, optional: &[String]) -> Result<Self, Error> {
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        match extension.as_str() {
            "parquet" => parquet(path),
            "csv" => csv(path),
            "ndjson" | "jsonl" => json(path, optional),
            _ => Err(Error::UnknownFormat {
                path: path.to_owned(),
            }),
        }
    }

    /// The next rows, or nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Table>, Error> {
        let failed = |detail: String| Error::Unreadable {
            path: self.path.clone(),
            detail,
        };
        match &mut self.reader {
            Reader::Parquet(reader) => match reader.next() {
                None => Ok(None),
                Some(batch) => batch
                    .and_then(|batch| table(&batch))
                    .map(Some)
                    .map_err(|error| failed(error.to_string())),
            },
            Reader::Csv(reader) => match reader.next() {
                None => Ok(None),
                Some(batch) => batch
                    .and_then(|batch| table(&batch))
                    .map(Some)
                    .map_err(|error| failed(error.to_string())),
            },
            Reader::Json(lines, columns) => {
                documents(lines, columns).map_err(|error| failed(error.to_string()))
            }
        }
    }

    /// Reads everything, for a joined file.
    pub(super) fn read_whole(mut self) -> Result<Table, Error> {
        let path = self.path.clone();
        let failed = |detail: String| Error::Unreadable {
            path: path.clone(),
            detail,
        };
        let batches: Result<Vec<RecordBatch>, _> = match &mut self.reader {
            Reader::Parquet(reader) => reader.collect(),
            Reader::Csv(reader) => reader.collect(),
            Reader::Json(lines, columns) => {
                let mut whole = Table {
                    columns: columns.iter().map(|_| Column::Json(Vec::new())).collect(),
                    len: 0,
                    faults: FxHashMap::default(),
                };
                while let Some(part) = documents(lines, columns).map_err(|error| failed(error.to_string()))? {
                    for (all, some) in whole.columns.iter_mut().zip(part.columns) {
                        if let (Column::Json(all), Column::Json(some)) = (all, some) {
                            all.extend(some);
                        }
                    }
                    whole.len += part.len;
                }
                return Ok(whole);
            }
        };
        let batches = batches.map_err(|error| failed(error.to_string()))?;
        let Some(first) = batches.first() else {
            return Ok(Table {
                columns: self.header.columns.iter().map(|_| Column::Absent).collect(),
                len: 0,
                faults: FxHashMap::default(),
            });
        };
        concat_batches(&first.schema(), &batches)
            .and_then(|batch| table(&batch))
            .map_err(|error| failed(error.to_string()))
    }
}

fn label(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Open {
        path: path.to_owned(),
        source,
    })
}

fn parquet(path: &Path) -> Result<Source, Error> {
    let damaged = |error: parquet::errors::ParquetError| Error::Damaged {
        path: path.to_owned(),
        detail: error.to_string(),
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?).map_err(damaged)?;
    let columns = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
    let reader = builder.with_batch_size(ROWS_AT_ONCE).build().map_err(damaged)?;
    Ok(Source {
        header: Header {
            file: label(path),
            columns,
        },
        path: path.to_owned(),
        rows,
        reader: Reader::Parquet(Box::new(reader)),
    })
}

fn csv(path: &Path) -> Result<Source, Error> {
    let failed = |detail: String| Error::Unreadable {
        path: path.to_owned(),
        detail,
    };
    let mut first = String::new();
    BufReader::new(open(path)?)
        .read_line(&mut first)
        .map_err(|error| failed(error.to_string()))?;
    let first = first.trim_start_matches('\u{feff}');
    // The header is read as a record of its own, for names may be quoted and hold commas.
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (inferred, _) = format
        .infer_schema(first.as_bytes(), Some(0))
        .map_err(|error| failed(error.to_string()))?;
    let columns: Vec<String> = inferred
        .fields()
        .iter()
        .map(|field| field.name().trim_end_matches(['\r', '\n']).to_owned())
        .collect();
    if columns.is_empty() {
        return Err(failed(
            "the file is empty; the first line names the columns".to_owned(),
        ));
    }
    let schema = Schema::new(
        columns
            .iter()
            .map(|name| Field::new(name, DataType::Utf8, true))
            .collect::<Vec<_>>(),
    );
    let reader = arrow::csv::ReaderBuilder::new(Arc::new(schema))
        .with_header(true)
        .with_batch_size(ROWS_AT_ONCE)
        .with_truncated_rows(true)
        .build(open(path)?)
        .map_err(|error| failed(error.to_string()))?;
    Ok(Source {
        header: Header {
            file: label(path),
            columns,
        },
        path: path.to_owned(),
        rows: None,
        reader: Reader::Csv(Box::new(reader)),
    })
}

fn json(path: &Path, optional: &[String]) -> Result<Source, Error> {
    let mut columns: Vec<String> = Vec::new();
    let mut lines = Lines::open(path)?;
    for _ in 0..LINES_LOOKED_AT {
        let Some(line) = lines.next().map_err(|error| Error::Unreadable {
            path: path.to_owned(),
            detail: error.to_string(),
        })?
        else {
            break;
        };
        if let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(&line) {
            for key in object.keys() {
                if !columns.contains(key) {
                    columns.push(key.clone());
                }
            }
        }
    }
    columns.extend(
        optional
            .iter()
            .filter(|name| !columns.contains(name))
            .cloned()
            .collect::<Vec<_>>(),
    );
    let lines = Lines::open(path)?;
    Ok(Source {
        header: Header {
            file: label(path),
            columns: columns.clone(),
        },
        path: path.to_owned(),
        rows: None,
        reader: Reader::Json(lines, columns),
    })
}

/// Lines of a file, blank ones skipped.
pub(super) struct Lines {
    reader: BufReader<File>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            reader: BufReader::with_capacity(1 << 20, open(path)?),
        })
    }

    /// The next line without its end. Of a line beyond the limit the beginning is given and the rest passed over.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        loop {
            let mut line = Vec::new();
            let mut any = false;
            loop {
                let buffer = self.reader.fill_buf()?;
                if buffer.is_empty() {
                    break;
                }
                any = true;
                let end = memchr::memchr(b'\n', buffer);
                let taken = end.map_or(buffer.len(), |end| end + 1);
                let kept = end
                    .unwrap_or(buffer.len())
                    .min((LINE_BYTES_MAX + 1).saturating_sub(line.len()));
                line.extend_from_slice(&buffer[..kept]);
                self.reader.consume(taken);
                if end.is_some() {
                    break;
                }
            }
            if !any {
                return Ok(None);
            }
            if line.ends_with(b"\r") {
                line.pop();
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

fn documents(lines: &mut Lines, columns: &[String]) -> std::io::Result<Option<Table>> {
    let mut cells: Vec<Vec<serde_json::Value>> =
        columns.iter().map(|_| Vec::with_capacity(ROWS_AT_ONCE)).collect();
    let mut faults = FxHashMap::default();
    let mut len = 0;
    while len < ROWS_AT_ONCE {
        let Some(line) = lines.next()? else { break };
        let mut object = match serde_json::from_slice(&line) {
            Ok(serde_json::Value::Object(object)) => object,
            Ok(_) => {
                faults.insert(
                    len,
                    Fault {
                        reason: "wrong_type",
                        detail: "the line is json, but no object".to_owned(),
                        body: line,
                    },
                );
                serde_json::Map::new()
            }
            Err(error) => {
                faults.insert(
                    len,
                    Fault {
                        reason: "malformed_json",
                        detail: error.to_string(),
                        body: line,
                    },
                );
                serde_json::Map::new()
            }
        };
        for (name, column) in columns.iter().zip(&mut cells) {
            column.push(object.remove(name).unwrap_or(serde_json::Value::Null));
        }
        len += 1;
    }
    Ok((len > 0).then(|| Table {
        columns: cells.into_iter().map(Column::Json).collect(),
        len,
        faults,
    }))
}

/// Columns of a batch in the few types the mapping knows.
fn table(batch: &RecordBatch) -> Result<Table, arrow::error::ArrowError> {
    let columns = batch
        .columns()
        .iter()
        .map(|array| {
            Ok(match array.data_type() {
                DataType::Null => Column::Absent,
                DataType::Boolean => Column::Bool(array.as_boolean().clone()),
                DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32 => Column::Int(cast(array, &DataType::Int64)?.as_primitive().clone()),
                DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                    // A float of 32 bits is read by its own shortest text, which the cast to a double would lose.
                    if *array.data_type() == DataType::Float64 {
                        Column::Float(array.as_primitive().clone())
                    } else {
                        Column::Text(cast(array, &DataType::Utf8)?.as_string().clone())
                    }
                }
                DataType::Date32 | DataType::Date64 => {
                    Column::Date(cast(array, &DataType::Date32)?.as_primitive().clone())
                }
                DataType::Timestamp(_, zone) => {
                    let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
                    Column::Time(
                        micros
                            .as_primitive::<arrow::datatypes::TimestampMicrosecondType>()
                            .clone(),
                        zone.is_some(),
                    )
                }
                // Texts of all encodings, and exact decimals by their digits.
                _ => Column::Text(cast(array, &DataType::Utf8)?.as_string().clone()),
            })
        })
        .collect::<Result<Vec<_>, arrow::error::ArrowError>>()?;
    Ok(Table {
        columns,
        len: batch.num_rows(),
        faults: FxHashMap::default(),
    })
}
