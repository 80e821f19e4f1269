//! Many uploads at once: `strongroom bench crowd`, so small and so short that it belongs into every run.

use std::process::Command;

use serde_json::Value;

use crate::harness::{scratch, text};

#[test]
fn a_crowd_is_told_when_to_come_back_and_nothing_of_what_it_was_promised_is_lost() {
    let directory = scratch();
    let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["bench", "crowd", "--uploads", "24", "--seconds", "3", "--rate", "32", "--json", "--dir"])
        .arg(text(directory.path()))
        // Fewer places than uploads: some have to wait, nobody must be turned away for good.
        .env("STRONGROOM_LIMIT_UPLOADS", "8")
        .env("STRONGROOM_LIMIT_UPLOADS_PER_CLIENT", "8")
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    let crowd = serde_json::from_slice::<Value>(&output.stdout).unwrap()["crowd"].take();
    assert_eq!(crowd["errors"], serde_json::json!({}), "{crowd}");
    let acknowledged = crowd["acknowledged"].as_u64().unwrap();
    assert!(acknowledged >= 24, "everyone who began was served: {crowd}");
    assert_eq!(crowd["read_back"]["same"], acknowledged, "{crowd}");
    assert!(crowd["told_to_come_back"]["429 too-many-uploads"].as_u64().unwrap() > 0, "{crowd}");
    assert!(crowd["resumed"].as_u64().unwrap() > 0, "{crowd}");
    assert!(crowd["server_memory_mib"]["peak"].as_f64().unwrap() > 1.0, "{crowd}");
}
