//! No code: the manifest is the point. See its comment.
