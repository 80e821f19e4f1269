//! What the folds of this generation make of a known history, row by row.

use std::fmt::Write as _;
use std::sync::Arc;

use strongroom::clock::Manual;
use strongroom::views;

use crate::history::everything;
use crate::scene::Scene;

const GOLDEN: &str = include_str!("rows.golden");

#[tokio::test]
async fn a_known_history_gives_the_rows_of_this_generation() {
    let scene = Scene::at(Arc::new(Manual::at_ms(1_700_000_000_000))).await;
    scene.append(everything()).await;
    let mut found = format!("generation {}\n", views::GENERATION);
    for (table, rows) in scene.rows().await {
        writeln!(found, "\n{table}").unwrap();
        rows.iter().for_each(|row| writeln!(found, "{row}").unwrap());
    }
    assert!(
        found == GOLDEN,
        "other rows than tests/views/rows.golden: live views of this generation would not be what a rebuild gives. \
         Raise views::GENERATION and put this there:\n{found}"
    );
}
