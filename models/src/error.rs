//! What can go wrong.

/// Why a model could not be fitted, written or loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing to tell apart.
    #[error("all {rows} rows have the same outcome; wait for more outcomes or take a longer window")]
    OneOutcome {
        /// Rows given.
        rows: usize,
    },
    /// The solver refused.
    #[error("the batch learner could not fit: {0}; look for values that are not finite")]
    Fit(String),
    /// The bytes are no artefact.
    #[error("these bytes are no model artefact; train one with `eddy train` and give its file")]
    Malformed(#[source] serde_json::Error),
    /// The artefact is of a version that this program does not read.
    #[error(
        "the artefact has format {found}, this program reads format {known}; train the model again with this version"
    )]
    Format {
        /// Format of the file.
        found: u32,
        /// Format of this program.
        known: u32,
    },
    /// The file was changed or cut after it was written.
    #[error(
        "the artefact's content has digest {actual}, its header says {stated}; fetch the file again or train the model anew"
    )]
    Digest {
        /// Digest in the header.
        stated: String,
        /// Digest of the content.
        actual: String,
    },
    /// Another artefact was asked for.
    #[error(
        "model {version} has digest {found}, the promotion names {wanted}; promote the digest that the store holds, or put the named artefact there"
    )]
    Another {
        /// Version of the model.
        version: String,
        /// Digest of the file.
        found: String,
        /// Digest asked for.
        wanted: String,
    },
    /// Trained on other features.
    #[error(
        "model {version} was trained on schema {found}, this program computes {wanted}; train it again with this version, or run the version that trained it"
    )]
    Schema {
        /// Version of the model.
        version: String,
        /// Schema of the artefact, by name and digest.
        found: String,
        /// Schema of this program, by name and digest.
        wanted: String,
    },
    /// The content contradicts itself.
    #[error("model {version} is broken: {what}; train it again")]
    Broken {
        /// Version of the model.
        version: String,
        /// What contradicts.
        what: String,
    },
}
