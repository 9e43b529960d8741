//! Sessions: random ids, kept in memory as their digests, each for a limited time and so many at most. An end of the process ends all.
//! It knows no clock and no HTTP.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::digest;

/// How long a session lasts.
pub const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Sessions at once; beyond, the oldest ends.
const MOST: usize = 1024;

/// A session.
#[derive(Debug, Clone)]
pub struct Session {
    until: Instant,
    ended: CancellationToken,
}

impl Session {
    /// Returns when the session is over.
    pub async fn over(self) {
        tokio::select! {
            () = self.ended.cancelled() => {}
            () = tokio::time::sleep_until(self.until.into()) => {}
        }
    }
}

/// The sessions of a process.
#[derive(Debug, Default)]
pub struct Sessions(HashMap<[u8; 32], Session>);

impl Sessions {
    /// Begins a session; its id is known to the caller alone.
    pub fn begin(&mut self, now: Instant) -> String {
        self.0.retain(|_, session| session.until > now);
        while self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, s)| s.until).map(|(id, _)| *id)
        {
            self.remove(&oldest);
        }
        let id: String = rand::random::<[u8; 32]>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let session = Session {
            until: now + LIFE,
            ended: CancellationToken::new(),
        };
        self.0.insert(digest(id.as_bytes()), session);
        id
    }

    /// The session of an id, while it lasts.
    pub fn find(&self, id: &str, now: Instant) -> Option<Session> {
        let session = self.0.get(&digest(id.as_bytes()))?;
        (session.until > now).then(|| session.clone())
    }

    /// Ends a session, and what is still being answered to it.
    pub fn end(&mut self, id: &str) {
        self.remove(&digest(id.as_bytes()));
    }

    fn remove(&mut self, id: &[u8; 32]) {
        if let Some(session) = self.0.remove(id) {
            session.ended.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_its_time_and_no_other_id_opens_it() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let (id, other) = (sessions.begin(now), sessions.begin(now));
        assert_eq!(id.len(), 64);
        assert_ne!(id, other);
        let last = now + LIFE - Duration::from_secs(1);
        assert!(sessions.find(&id, last).is_some());
        assert!(sessions.find(&id, now + LIFE).is_none());
        assert!(sessions.find(&id[1..], now).is_none() && sessions.find("", now).is_none());
    }

    #[test]
    fn an_ended_session_opens_nothing_and_ends_what_listens() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let id = sessions.begin(now);
        let listening = sessions.find(&id, now).unwrap();
        sessions.end(&id);
        assert!(listening.ended.is_cancelled());
        assert!(sessions.find(&id, now).is_none());
    }

    #[test]
    fn beyond_the_bound_the_oldest_ends() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.begin(now);
        let later = now + Duration::from_secs(1);
        let second = sessions.begin(later);
        for _ in 2..=MOST {
            sessions.begin(later);
        }
        assert_eq!(sessions.0.len(), MOST);
        assert!(sessions.find(&first, later).is_none());
        assert!(sessions.find(&second, later).is_some() || MOST == 1);
    }
}
