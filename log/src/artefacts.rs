//! Artefacts beside the log: large things that an event names by digest, such as a trained model, in a JetStream object store.
//!
//! The store lives where the log lives, so a cluster replicates it and a laptop keeps it in the data folder. An artefact is never changed or
//! removed here: events name it for ever. What its bytes mean, and whether their digest is right, is for the reader.

use async_nats::jetstream::context::ObjectStoreErrorKind;
use async_nats::jetstream::object_store::{self, GetErrorKind, InfoErrorKind, ObjectStore};
use async_nats::jetstream::stream::StorageType;
use tokio::io::AsyncReadExt;

use crate::Error;
use crate::connection::{Connection, chain};

/// Name of the bucket.
pub const BUCKET: &str = "EDDY_ARTEFACTS";
/// The largest artefact that is read.
pub const BYTES_MAX: usize = 32 << 20;

/// The artefacts of a log. Cheap to clone.
#[derive(Clone)]
pub struct Artefacts {
    connection: Connection,
    replicas: usize,
}

impl Artefacts {
    pub(crate) fn new(connection: Connection, replicas: usize) -> Self {
        Self { connection, replicas }
    }

    /// Keeps an artefact under its digest; one that is there already stands.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn put(&self, digest: &str, bytes: &[u8]) -> Result<(), Error> {
        let store = match self.open().await? {
            Some(store) => store,
            None => self.create().await?,
        };
        let known = store.info(digest).await;
        if known.is_ok_and(|info| info.size == bytes.len()) {
            return Ok(());
        }
        let doing = || format!("keep artefact {digest}");
        let mut reader = bytes;
        store
            .put(digest, &mut reader)
            .await
            .map_err(|error| Error::request(doing(), chain(&error)))?;
        Ok(())
    }

    /// The artefact of a digest; none when the store does not hold it.
    ///
    /// # Errors
    /// When the server refuses or does not answer, or the artefact is larger than [`BYTES_MAX`].
    pub async fn get(&self, digest: &str) -> Result<Option<Vec<u8>>, Error> {
        let doing = || format!("read artefact {digest}");
        let Some(store) = self.open().await? else {
            return Ok(None);
        };
        let mut object = match store.get(digest).await {
            Ok(object) => object,
            Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::request(doing(), chain(&error))),
        };
        let bytes = object.info.size;
        if bytes > BYTES_MAX {
            return Err(Error::TooLarge {
                bytes,
                limit: BYTES_MAX,
            });
        }
        let mut content = Vec::with_capacity(bytes);
        object
            .read_to_end(&mut content)
            .await
            .map_err(|error| Error::request(doing(), chain(&error)))?;
        Ok(Some(content))
    }

    /// Whether the store holds an artefact.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn holds(&self, digest: &str) -> Result<bool, Error> {
        let Some(store) = self.open().await? else {
            return Ok(false);
        };
        match store.info(digest).await {
            Ok(info) => Ok(!info.deleted),
            Err(error) if error.kind() == InfoErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::request(
                format!("look up artefact {digest}"),
                chain(&error),
            )),
        }
    }

    async fn open(&self) -> Result<Option<ObjectStore>, Error> {
        let context = &self.connection.context;
        let doing = format!("look up the object store {BUCKET}");
        let subject = format!("$JS.API.STREAM.INFO.OBJ_{BUCKET}");
        let found = self
            .connection
            .permitted(&doing, &subject, context.get_object_store(BUCKET))
            .await?;
        match found {
            Ok(store) => Ok(Some(store)),
            Err(error) if error.kind() == ObjectStoreErrorKind::GetStore && absent(&error) => Ok(None),
            Err(error) => Err(Error::request(doing, chain(&error))),
        }
    }

    async fn create(&self) -> Result<ObjectStore, Error> {
        let config = object_store::Config {
            bucket: BUCKET.to_owned(),
            description: Some("Eddy: trained models and other artefacts, by digest".to_owned()),
            storage: StorageType::File,
            num_replicas: self.replicas,
            ..Default::default()
        };
        let doing = format!("create the object store {BUCKET}");
        let subject = format!("$JS.API.STREAM.CREATE.OBJ_{BUCKET}");
        let context = &self.connection.context;
        self.connection
            .permitted(&doing, &subject, context.create_object_store(config))
            .await?
            .map_err(|error| Error::request(doing, chain(&error)))
    }
}

/// Whether it is the stream behind the store that is missing.
fn absent(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<async_nats::jetstream::context::GetStreamError>() {
            use async_nats::jetstream::{ErrorCode, context::GetStreamErrorKind};
            return matches!(error.kind(), GetStreamErrorKind::JetStream(reason) if reason.error_code() == ErrorCode::STREAM_NOT_FOUND);
        }
        cause = error.source();
    }
    false
}
