//! Batches: events are taken for new, what is not is found, and nobody pays for another.

use strongroom::kernel::digest::Digests;
use strongroom::log::{Appended, Error, Expected, Guard, Log, Member, NewEvent};

use crate::fixture::{Fixture, one, tag_set};

/// Appends at once: on the one thread of a test all are queued before the writer runs, so they are one batch.
async fn append_together(log: &Log, members: Vec<Member>) -> Vec<Result<Appended, Error>> {
    futures::future::join_all(members.into_iter().map(|member| log.append(member))).await
}

/// An event that begins its stream.
fn beginning(event: &NewEvent) -> Member {
    Member { expected: vec![(event.stream.clone(), Expected::Absent)], ..one(event.clone()) }
}

/// The positions of those that were appended; of the others, none.
fn last_positions(results: &[Result<Appended, Error>]) -> Vec<Option<u64>> {
    results.iter().map(|result| result.as_ref().ok().map(Appended::last)).collect()
}

async fn writer_pids(fixture: &Fixture) -> Vec<i32> {
    let pids = "select pid from pg_stat_activity where application_name = 'strongroom-writer' \
                and datname = current_database()";
    sqlx::query_scalar(pids).fetch_all(&mut fixture.database.connect().await).await.unwrap()
}

#[tokio::test]
async fn a_stream_that_another_process_began_is_a_conflict_for_its_member_alone() {
    let fixture = Fixture::new().await;
    let (other, other_tasks) = fixture.another().await;
    fixture.append("v0").await;
    other.append(beginning(&tag_set("v2", "theirs"))).await.unwrap();
    other_tasks.drain().await;
    let connected = writer_pids(&fixture).await;
    let members = ["v1", "v2", "v3"].map(|tag| beginning(&tag_set(tag, "ours"))).to_vec();
    let results = append_together(&fixture.log, members).await;
    assert_eq!(last_positions(&results), [Some(2), None, Some(3)], "{results:?}");
    assert!(matches!(&results[1], Err(Error::Conflict { found: Expected::At(0), .. })), "{results:?}");
    assert_eq!(writer_pids(&fixture).await, connected, "what a constraint finds costs no connection");
}

#[tokio::test]
async fn ids_that_the_log_has_are_found_among_new_ones() {
    let fixture = Fixture::new().await;
    let (first, moved) = (tag_set("v1", "x"), tag_set("v2", "x"));
    fixture.log.append(beginning(&first)).await.unwrap();
    fixture.log.append(beginning(&moved)).await.unwrap();
    let again = tag_set("v2", "y");
    fixture.log.append(one(again.clone())).await.unwrap();
    // The id of another event, for a stream that is new; and a retry whose stream has moved since.
    let stolen = NewEvent { id: first.id, ..tag_set("v3", "x") };
    let batch = vec![
        beginning(&tag_set("v4", "x")),
        beginning(&stolen),
        beginning(&first),
        beginning(&moved),
        one(again),
        beginning(&tag_set("v5", "x")),
    ];
    let results = append_together(&fixture.log, batch).await;
    let expected = [Some(3), None, Some(0), Some(1), Some(2), Some(4)];
    assert_eq!(last_positions(&results), expected, "{results:?}");
    assert!(matches!(&results[1], Err(Error::IdReused { position: 0, .. })), "{results:?}");
    let repeated: Vec<bool> = results.iter().flatten().map(|appended| appended.repeated).collect();
    assert_eq!(repeated, [false, true, true, true, false]);
}

#[tokio::test]
async fn what_is_only_read_is_looked_up_whoever_else_begins_it() {
    let fixture = Fixture::new().await;
    fixture.append("v1").await;
    let v1 = tag_set("v1", "again");
    let reads = Member { expected: vec![(v1.stream.clone(), Expected::Absent)], ..one(tag_set("v2", "x")) };
    let results = append_together(&fixture.log, vec![beginning(&v1), reads.clone(), beginning(&v1)]).await;
    for result in &results {
        assert!(matches!(result, Err(Error::Conflict { found: Expected::At(0), .. })), "{results:?}");
    }
    assert!(fixture.log.append(reads).await.is_err());
    assert_eq!(fixture.append("v3").await, 1, "nothing of them was appended");
}

#[tokio::test]
async fn a_member_that_is_refused_costs_the_others_nothing() {
    let fixture = Fixture::new().await;
    fixture.append("v0").await;
    let (mut bad, good) = (beginning(&tag_set("bad", "x")), beginning(&tag_set("good", "x")));
    bad.guards = vec![Guard::BlobsLinked {
        repository: "acme/reports".parse().unwrap(),
        blobs: vec![Digests::of(b"x").blake3],
    }];
    let known = beginning(&tag_set("v0", "x"));
    let results = append_together(&fixture.log, vec![good, bad, known]).await;
    assert_eq!(last_positions(&results), [Some(1), None, None], "{results:?}");
    assert!(matches!(&results[1], Err(Error::Guard(_))), "{results:?}");
    assert!(matches!(&results[2], Err(Error::Conflict { .. })), "{results:?}");
}
