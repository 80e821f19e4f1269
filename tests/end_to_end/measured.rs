//! What retention costs: `strongroom bench retention`, so small that it belongs into every run.

use std::process::Command;

use serde_json::Value;

use crate::harness::{scratch, text};

#[test]
fn a_plan_over_a_log_that_was_made_deletes_what_it_says_while_others_upload() {
    let directory = scratch();
    let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        // A hundredth and a tenth of these are too few for a log.
        .args(["bench", "retention", "--packages", "90", "--json", "--dir"])
        .arg(text(directory.path()))
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let measured = serde_json::from_slice::<Value>(&output.stdout).unwrap()["retention"].take();
    assert_eq!(measured.as_array().unwrap().len(), 1, "{measured}");
    let log = &measured[0];
    // 10 of each package, one shared by 20 packages, one that stands for no content.
    assert_eq!((&log["packages"], &log["blobs"]), (&90.into(), &(900 + 5 + 1).into()), "{log}");
    assert!(log["plan_deletions"].as_u64().unwrap() > 30, "{log}");
    assert_eq!(log["plan_deletions"], log["apply_deleted"], "{log}");
    assert!(log["uploads_beside_apply"].as_u64().unwrap() > 0, "{log}");
}
