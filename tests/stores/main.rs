//! What every store promises, asked of each: an implementation hands over a factory and gets every case.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod archive;
mod buckets;
mod cases;
mod damage;
#[path = "../s3_server/mod.rs"]
mod s3_server;
mod scene;

/// One test for each case and store; a case that is not listed here is dead code, which the gate refuses.
macro_rules! every_store {
    ($($case:ident),* $(,)?) => {
        mod filesystem {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::scene::Scene::filesystem().await).await;
            })*
        }

        mod s3 {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::scene::Scene::s3().await).await;
            })*
        }

        /// A real server. Without one there is nothing to do: `.ci/s3` starts one and runs these.
        mod s3_real {
            $(#[tokio::test] async fn $case() {
                let Some(scene) = crate::scene::Scene::s3_real().await else { return };
                crate::cases::$case(&scene).await;
            })*
        }

        mod memory {
            $(#[tokio::test] async fn $case() {
                crate::cases::$case(&crate::scene::Scene::memory()).await;
            })*
        }
    };
}

every_store![
    an_object_is_put_whole_and_read_back,
    many_are_put_together_and_each_has_its_own_outcome,
    ranges_are_cut_to_the_object,
    a_key_is_never_overwritten,
    of_racing_puts_one_wins,
    what_is_not_there_is_missing,
    deleting_twice_is_fine,
    a_stage_is_no_object_until_it_is_sealed,
    a_stage_goes_on_from_its_state,
    what_was_not_synced_is_cut_off,
    an_older_state_cuts_back,
    more_is_written_while_a_sync_runs,
    a_stage_is_sealed_empty_or_unsynced,
    a_stage_that_is_gone_is_missing,
    durable_bytes_that_are_gone_are_lost,
    an_abandoned_stage_is_gone,
    a_document_is_swapped_from_the_version_that_was_seen,
    of_racing_swaps_none_is_lost,
    documents_are_named_by_kind,
    what_can_always_be_read_needs_no_restoration,
    everything_is_listed,
    everything_survives_a_restart,
    an_object_of_many_parts_is_the_bytes_that_were_written,
];
