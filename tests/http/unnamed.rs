//! An absent field never changes how long anything is kept: each setting of each resource is left out in turn, and stays.

use serde_json::{Map, Value as Json, json};

use crate::scene::{REPOSITORY, Scene, send};

const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

/// A setting, where an answer shows it, a value, and another.
struct Setting {
    field: &'static str,
    values: [Json; 2],
}

fn setting(field: &'static str, first: Json, second: Json) -> Setting {
    Setting { field, values: [first, second] }
}

/// All settings with their first or second values, without the one that is left out, which may also be null.
fn body(settings: &[Setting], value: usize, left_out: Option<&str>) -> Json {
    let mut body = Map::new();
    for Setting { field, values } in settings.iter().filter(|one| Some(one.field) != left_out) {
        let (parent, name) = field.rsplit_once('.').unwrap_or(("", field));
        let within = match parent {
            "" => &mut body,
            parent => body.entry(parent).or_insert_with(|| json!({})).as_object_mut().unwrap(),
        };
        within.insert(name.to_owned(), values[value].clone());
    }
    Json::Object(body)
}

fn shown<'j>(answer: &'j Json, field: &str) -> &'j Json {
    field.split('.').fold(answer, |within, name| &within[name])
}

/// Each setting that was not named is as it was, and each that was is as it was named.
#[track_caller]
fn all_but_one_changed(settings: &[Setting], answer: &Json, left_out: Option<&str>, was: usize) {
    for Setting { field, values } in settings {
        let expected = if left_out == Some(field) { &values[was] } else { &values[1 - was] };
        assert_eq!(shown(answer, field), expected, "{field}, where {left_out:?} was not named: {answer}");
    }
}

#[tokio::test]
async fn a_setting_of_a_repository_that_is_not_named_stays() {
    let scene = Scene::start().await;
    let path = format!("/v1/repositories/{REPOSITORY}");
    let set = async |body: &Json| send(scene.admin("PUT", &path).json(body)).await.json();
    let settings = [
        setting("public", json!(true), json!(false)),
        setting("provenance", json!("enforce"), json!("warn")),
        setting("quota_bytes", json!(1_000_000), json!(2_000_000)),
        setting("quota_packages", json!(10), json!(20)),
    ];
    set(&body(&settings, 0, None)).await;
    for Setting { field, .. } in &settings {
        let changed = set(&body(&settings, 1, Some(field))).await;
        all_but_one_changed(&settings, &changed, Some(field), 0);
        let mut with_null = body(&settings, 0, Some(field));
        with_null[field] = Json::Null;
        let changed = set(&with_null).await;
        all_but_one_changed(&settings, &changed, None, 1);
    }
    let before = send(scene.admin("GET", &path)).await.is(200).json();
    assert_eq!(settings.iter().map(|one| &before[one.field]).collect::<Vec<_>>(), {
        settings.iter().map(|one| &one.values[0]).collect::<Vec<_>>()
    });
    set(&json!({})).await;
    // A deposit, a pin and a package that is deleted name none of them.
    scene.deposit(REPOSITORY, "v1", &[b"bytes"]).await;
    let deletion = format!("{path}/-/manifests/v1/deletion");
    send(scene.admin("POST", &deletion).json(&json!({ "reason": "not needed" }))).await.is(200);
    let after = send(scene.admin("GET", &path)).await.is(200).json();
    for Setting { field, values } in &settings {
        assert_eq!(after[field], values[0], "{field}");
    }
    scene.end().await;
}

#[tokio::test]
async fn what_a_new_version_of_a_policy_does_not_name_stays() {
    let scene = Scene::start().await;
    let path = "/v1/policies/weekly";
    let set = async |says: Json| {
        let mut says = says;
        says["rules"] = json!([{ "name": "r", "select": { "repository": "acme/*" }, "action": "keep" }]);
        send(scene.admin("PUT", path).json(&says)).await.is(200);
        send(scene.admin("GET", path)).await.is(200).json()["says"].clone()
    };
    let settings = [
        setting("description", json!("one"), json!("two")),
        setting("schedule.cron", json!("0 3 * * 1"), json!("0 4 * * 1")),
        setting("schedule.apply", json!(true), json!(false)),
        setting("limits.packages", json!(5), json!(6)),
        setting("limits.bytes", json!(1_000), json!(2_000)),
        setting("limits.approve", json!(true), json!(true)),
    ];
    set(body(&settings, 0, None)).await;
    for Setting { field, .. } in &settings {
        if *field == "schedule.cron" {
            // A schedule without a time is none; it is refused, and so changes nothing.
            continue;
        }
        let changed = set(body(&settings, 1, Some(field))).await;
        all_but_one_changed(&settings, &changed, Some(field), 0);
        let changed = set(body(&settings, 0, None)).await;
        all_but_one_changed(&settings, &changed, None, 1);
    }
    for nothing in [json!({}), json!({ "limits": {} })] {
        let same = set(nothing).await;
        settings.iter().for_each(|one| assert_eq!(shown(&same, one.field), &one.values[0], "{}", one.field));
    }
    scene.end().await;
}

#[tokio::test]
async fn what_a_pin_that_moves_does_not_name_is_said_as_before() {
    let scene = Scene::start().await;
    let digests = [
        scene.deposit(REPOSITORY, "v1", &[b"first"]).await.blake3,
        scene.deposit(REPOSITORY, "v2", &[b"second"]).await.blake3,
    ];
    let path = format!("/v1/repositories/{REPOSITORY}/-/pins/prod");
    let set = async |at: usize, mut said: Json| {
        said["reason"] = json!(format!("moved to {at}"));
        let body = json!({ "digest": digests[at], "said": said });
        send(scene.upload("PUT", &path).json(&body)).await.is(200).json()["said"].clone()
    };
    let settings = [
        setting("source", json!("https://git.example/a"), json!("https://git.example/b")),
        setting("revision", json!(SHA1), json!("f".repeat(40))),
        setting("build", json!("build 1"), json!("build 2")),
    ];
    set(0, body(&settings, 0, None)).await;
    for Setting { field, .. } in &settings {
        let said = set(1, body(&settings, 1, Some(field))).await;
        all_but_one_changed(&settings, &said, Some(field), 0);
        let said = set(0, body(&settings, 0, None)).await;
        all_but_one_changed(&settings, &said, None, 1);
    }
    let said = set(1, json!({})).await;
    settings.iter().for_each(|one| assert_eq!(said[one.field], one.values[0], "{}", one.field));
    scene.end().await;
}

#[tokio::test]
async fn what_is_done_to_one_lock_or_hold_changes_no_other() {
    let scene = Scene::start().await;
    scene.deposit(REPOSITORY, "v1", &[b"first"]).await;
    let package = format!("/v1/repositories/{REPOSITORY}/-/manifests/v1");
    let lock = async |mode: &str, until: &str| {
        let body = json!({ "mode": mode, "until": until, "reason": "the law" });
        send(scene.admin("PUT", &format!("{package}/lock")).json(&body)).await.is(200).json()
    };
    let (near, far) = ("2090-01-01T00:00:00.000Z", "2091-01-01T00:00:00.000Z");
    let locks = lock("governance", near).await;
    assert_eq!((&locks["governance_until"], &locks["compliance_until"]), (&json!(near), &Json::Null));
    let locks = lock("compliance", near).await;
    assert_eq!((&locks["governance_until"], &locks["compliance_until"]), (&json!(near), &json!(near)));
    let locks = lock("compliance", far).await;
    assert_eq!((&locks["governance_until"], &locks["compliance_until"]), (&json!(near), &json!(far)));
    let bypass = scene.admin("POST", &format!("{package}/lock/bypass")).json(&json!({ "reason": "r" }));
    let locks = send(bypass).await.is(200).json();
    assert_eq!((&locks["bypassed_until"], &locks["compliance_until"]), (&json!(near), &json!(far)));
    let without_mode = json!({ "until": "2092-01-01T00:00:00Z", "reason": "r" });
    send(scene.admin("PUT", &format!("{package}/lock")).json(&without_mode))
        .await
        .refuses(400, "invalid-body");

    for hold in ["case-1", "case-2"] {
        let body =
            json!({ "hold": hold, "kind": "litigation", "repository": REPOSITORY, "reason": "a court asks" });
        send(scene.admin("POST", "/v1/holds").json(&body)).await.is(201);
    }
    let release = scene.admin("POST", "/v1/holds/case-1/release").json(&json!({ "reason": "closed" }));
    send(release).await.is(200);
    let other = send(scene.admin("GET", "/v1/holds/case-2")).await.is(200).json();
    assert_eq!((&other["released"], &other["reason"]), (&Json::Null, &json!("a court asks")));
    let deletion = scene.admin("POST", &format!("{package}/deletion")).json(&json!({ "reason": "r" }));
    send(deletion).await.refuses(409, "package-kept");
    scene.end().await;
}
