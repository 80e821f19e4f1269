//! What of a batch has to be looked up in the log before it is planned.
//!
//! Nearly every event is new: its id is fresh, and the stream that it begins has no other. For those the unique
//! constraints of `log.events` find the exception, on the row that is inserted anyway, so asking first would cost a
//! round trip and two index descents an event to learn nothing. A batch is tried with [`Look::Versions`]; where a
//! constraint says no, or the plan refuses anybody, it is planned again with [`Look::Everything`].
//!
//! - An id is taken for fresh. If it is not, `events_event_id_key` refuses the row.
//! - A stream is taken for absent if a member expects that, and every member that expects anything of it writes to it:
//!   what is accepted then begins with the version 0, and `events_stream_seq_key` refuses that if the stream is there.
//! - What is taken for granted only ever lets a member in; nobody is refused before everything was looked up.

use std::collections::HashSet;

use crate::kernel::id::{EventId, StreamName};
use crate::log::member::{Expected, Member};

use super::Error;

/// The constraints that find what was taken for granted and is not so.
const FINDERS: [&str; 2] = ["events_event_id_key", "events_stream_seq_key"];

/// How much is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Versions that no constraint would find wrong.
    Versions,
    /// The version of every stream, and every event id.
    Everything,
}

impl Look {
    /// The streams to look up.
    pub(super) fn streams(self, members: &[Member]) -> Vec<&StreamName> {
        let written = members.iter().flat_map(|member| member.events.iter().map(|event| &event.stream));
        let expected = members.iter().flat_map(|member| member.expected.iter().map(|(stream, _)| stream));
        let mut streams: HashSet<&StreamName> = written.chain(expected).collect();
        if self == Self::Versions {
            let absent = taken_for_absent(members);
            streams.retain(|stream| !absent.contains(stream));
        }
        streams.into_iter().collect()
    }

    /// The event ids to look up.
    pub(super) fn ids(self, members: &[Member]) -> Vec<EventId> {
        match self {
            Self::Versions => Vec::new(),
            Self::Everything => {
                members.iter().flat_map(|member| member.events.iter().map(|event| event.id)).collect()
            }
        }
    }
}

fn taken_for_absent(members: &[Member]) -> HashSet<&StreamName> {
    let (mut absent, mut only_read) = (HashSet::new(), HashSet::new());
    for member in members {
        let written: HashSet<&StreamName> = member.events.iter().map(|event| &event.stream).collect();
        for (stream, expected) in &member.expected {
            if !written.contains(stream) {
                only_read.insert(stream);
            } else if *expected == Expected::Absent {
                absent.insert(stream);
            }
        }
    }
    absent.retain(|stream| !only_read.contains(stream));
    absent
}

/// Whether writing failed because something taken for granted is not so.
pub(super) fn was_found(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    constraint.is_some_and(|name| FINDERS.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::event::TagSet;
    use crate::log::NewEvent;

    fn event(tag: &str) -> NewEvent {
        let repository = "acme/reports".parse().unwrap();
        let tag = tag.parse().unwrap();
        let stream = StreamName::tag(&repository, &tag);
        let fact = TagSet { repository, tag, manifest: Digests::of(b"x").blake3, previous: None };
        NewEvent::new("tester".parse().unwrap(), stream, fact)
    }

    /// One that writes to these tags, and expects that of those.
    fn member(writes: &[&str], expects: &[(&str, Expected)]) -> Member {
        Member {
            events: writes.iter().map(|tag| event(tag)).collect(),
            expected: expects.iter().map(|(tag, expected)| (event(tag).stream, *expected)).collect(),
            ..Member::default()
        }
    }

    fn looked_up(members: &[Member]) -> Vec<String> {
        let mut tags: Vec<String> = Look::Versions
            .streams(members)
            .into_iter()
            .map(|stream| stream.as_str().rsplit(':').next().unwrap().to_owned())
            .collect();
        tags.sort_unstable();
        tags
    }

    #[test]
    fn what_a_member_begins_is_not_looked_up() {
        assert!(looked_up(&[member(&["a"], &[("a", Expected::Absent)])]).is_empty());
        let twice = [member(&["a"], &[("a", Expected::Absent)]), member(&["a"], &[])];
        assert!(looked_up(&twice).is_empty(), "whoever comes first writes the version 0");
    }

    #[test]
    fn everything_else_is_looked_up() {
        assert_eq!(looked_up(&[member(&["a"], &[])]), ["a"], "its version is not known");
        assert_eq!(looked_up(&[member(&["a"], &[("a", Expected::At(3))])]), ["a"]);
        assert_eq!(
            looked_up(&[member(&["a"], &[("a", Expected::Absent), ("b", Expected::Absent)])]),
            ["b"],
            "no constraint looks at what is not written"
        );
    }

    #[test]
    fn what_one_begins_and_another_only_reads_is_looked_up() {
        let begins = member(&["a"], &[("a", Expected::Absent)]);
        let reads = member(&["b"], &[("a", Expected::Absent), ("b", Expected::Absent)]);
        assert_eq!(looked_up(&[begins.clone(), reads.clone()]), ["a"]);
        assert_eq!(looked_up(&[reads, begins]), ["a"]);
    }

    #[test]
    fn the_whole_look_leaves_nothing_out() {
        let members = [member(&["a", "b"], &[("a", Expected::Absent), ("c", Expected::At(1))])];
        assert_eq!(Look::Everything.streams(&members).len(), 3);
        assert_eq!(Look::Everything.ids(&members).len(), 2);
        assert!(Look::Versions.ids(&members).is_empty());
    }
}
