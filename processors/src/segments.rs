//! Files of state pages: append-only segments of checksummed frames, and the reads that bring a page back.
//!
//! A segment is written once, by one snapshot, and never changed. Which segments are alive is decided by the snapshots that name them
//! (see [`crate::snapshot`]); nothing here deletes by itself.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bitcode::{Decode, Encode};

use crate::error::Error;

/// Where a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Location {
    /// Segment.
    pub segment: u32,
    /// Bytes of the encoded page.
    pub bytes: u32,
    /// Offset of the page in the segment.
    pub offset: u64,
    /// CRC-32 of the page.
    pub crc: u32,
}

/// The segments of one engine, in one folder.
#[derive(Debug)]
pub struct Segments {
    dir: PathBuf,
    open: Mutex<HashMap<u32, Arc<File>>>,
}

impl Segments {
    /// Uses `dir`, which is created when absent.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(dir: &Path) -> Result<Arc<Self>, Error> {
        fs::create_dir_all(dir).map_err(|source| Error::io("create", dir, source))?;
        Ok(Arc::new(Self {
            dir: dir.to_path_buf(),
            open: Mutex::default(),
        }))
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of a segment.
    #[must_use]
    pub fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(format!("pages-{segment:08}.seg"))
    }

    fn file(&self, segment: u32) -> Result<Arc<File>, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(segment);
        let file = Arc::new(File::open(&path).map_err(|source| Error::io("open", &path, source))?);
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }

    /// Reads a page back.
    ///
    /// # Errors
    /// When the file cannot be read, or its bytes are not the ones that were written.
    pub fn read(&self, location: Location) -> Result<Vec<u8>, Error> {
        let file = self.file(location.segment)?;
        let mut bytes = vec![0; location.bytes as usize];
        let path = self.path(location.segment);
        file.read_exact_at(&mut bytes, location.offset)
            .map_err(|source| Error::io("read", &path, source))?;
        if crc32fast::hash(&bytes) != location.crc {
            return Err(Error::Corrupt {
                path,
                what: "the checksum of a state page does not fit",
            });
        }
        Ok(bytes)
    }

    /// Removes a segment that no snapshot names any more.
    pub(crate) fn remove(&self, segment: u32) {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&segment);
        // Already gone is as good as removed, and one left over is found again by the next snapshot.
        let _ = fs::remove_file(self.path(segment));
    }

    /// Starts a new segment.
    pub(crate) fn create(&self, segment: u32) -> Result<SegmentWriter, Error> {
        let path = self.path(segment);
        let file = File::create(&path).map_err(|source| Error::io("create", &path, source))?;
        Ok(SegmentWriter {
            segment,
            offset: 0,
            path,
            file: BufWriter::with_capacity(1 << 20, file),
        })
    }
}

/// A segment being written.
pub(crate) struct SegmentWriter {
    segment: u32,
    offset: u64,
    path: PathBuf,
    file: BufWriter<File>,
}

impl SegmentWriter {
    /// Appends a page.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<Location, Error> {
        self.file
            .write_all(bytes)
            .map_err(|source| Error::io("write", &self.path, source))?;
        let location = Location {
            segment: self.segment,
            bytes: bytes.len() as u32,
            offset: self.offset,
            crc: crc32fast::hash(bytes),
        };
        self.offset += bytes.len() as u64;
        Ok(location)
    }

    /// Makes the segment durable. Gives its length in bytes.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        let path = self.path;
        self.file
            .flush()
            .map_err(|source| Error::io("write", &path, source))?;
        self.file
            .get_ref()
            .sync_all()
            .map_err(|source| Error::io("sync", &path, source))?;
        Ok(self.offset)
    }
}
