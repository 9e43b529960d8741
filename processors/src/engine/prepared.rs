//! An event on its way into the engine.

use eddy_events::{Body, Event, Position, Reason, Rejection};
use smol_str::SmolStr;

use crate::ndr::promoted;

/// An event on its way into the engine, with all that another thread can reckon beforehand.
#[derive(Debug)]
pub struct Prepared {
    /// Place in the log.
    pub position: Position,
    /// When the log took it, in microseconds since 1970.
    pub logged_at: i64,
    pub(super) fingerprint: u128,
    pub(super) event: Result<Box<Known>, Box<Refused>>,
    /// What the store holds of an artefact that the event names.
    pub(super) artefact: Option<Box<Artefact>>,
}

/// The bytes of an artefact, or why there are none.
pub(super) type Artefact = Result<Vec<u8>, String>;

/// An event and its identity.
type Known = (Event, u128);

/// Why bytes are no event, and the bytes.
pub(super) type Refused = (Rejection, Vec<u8>);

impl Prepared {
    /// Decodes a canonical line.
    #[must_use]
    pub fn decode(position: Position, logged_at: i64, line: &[u8]) -> Self {
        Self::new(position, logged_at, line, eddy_events::codec::decode(line))
    }

    /// Takes a line that was decoded. `line` must be canonical, since its hash tells repeats from conflicts.
    #[must_use]
    pub fn new(position: Position, logged_at: i64, line: &[u8], decoded: Result<Event, Rejection>) -> Self {
        let early = decoded
            .as_ref()
            .ok()
            .and_then(|event| event.check_logged_at(logged_at).err());
        match early.map_or(decoded, Err) {
            Ok(event) => {
                let identity = event.identity();
                let fingerprint = eddy_events::fingerprint(line);
                Self {
                    position,
                    logged_at,
                    fingerprint,
                    event: Ok(Box::new((event, identity))),
                    artefact: None,
                }
            }
            Err(rejection) => Self {
                position,
                logged_at,
                fingerprint: 0,
                event: Err(Box::new((rejection, line.to_vec()))),
                artefact: None,
            },
        }
    }

    /// Digest of the artefact that must be given before the event is folded.
    #[must_use]
    pub fn wants_artefact(&self) -> Option<&str> {
        let (event, _) = &**self.event.as_ref().ok()?;
        match &event.body {
            Body::ModelPromoted(published) => promoted::wanted(event, published),
            _ => None,
        }
    }

    /// Gives the artefact, or says why there is none.
    pub fn give_artefact(&mut self, artefact: Result<Vec<u8>, String>) {
        self.artefact = Some(Box::new(artefact));
    }

    /// Keeps the bytes of an event that turned out to conflict.
    pub(super) fn conflict(event: &Event) -> Refused {
        let detail = "an event of this source and id was folded before with another body; the first stands";
        Self::refused(event, "id", Reason::IdConflict, detail.to_owned())
    }

    /// Keeps the bytes of an event that is wrong in a field.
    pub(super) fn refused(event: &Event, field: &str, reason: Reason, detail: String) -> Refused {
        let rejection = Rejection {
            id: Some(event.envelope.id.clone()),
            source: Some(event.envelope.source.clone()),
            kind: Some(SmolStr::new_static(event.body.type_name())),
            field: field.to_owned(),
            reason,
            detail,
        };
        (rejection, eddy_events::codec::encode(event))
    }
}
