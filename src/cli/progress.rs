//! One bar on standard error while bytes move: bytes, rate, time left. None where nobody looks.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use crate::client::progress::Progress;

/// How often the bar is drawn.
const INTERVAL: Duration = Duration::from_millis(100);

/// A bar that follows a [`Progress`] until it is dropped.
pub(super) struct Bar {
    bar: ProgressBar,
    task: Option<JoinHandle<()>>,
}

impl Bar {
    /// Shows a bar, if standard error is a terminal.
    pub(super) fn show(progress: &Arc<Progress>, what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { bar: ProgressBar::hidden(), task: None };
        }
        let template =
            "{prefix} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} {msg}";
        let style = ProgressStyle::with_template(template).expect("a template that is tried by every push");
        let bar = ProgressBar::new(0).with_style(style).with_prefix(what);
        let (shown, progress) = (bar.clone(), progress.clone());
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(INTERVAL).await;
                let now = progress.snapshot();
                shown.set_length(now.total_bytes);
                shown.set_position(now.done_bytes);
                let files = format!("{}/{} files", now.done_files, now.total_files);
                let reading = now.read_bytes > 0 && now.read_bytes < now.total_bytes;
                let read = if reading {
                    format!(", {} read", super::output::bytes(now.read_bytes))
                } else {
                    String::new()
                };
                shown.set_message(files + &read);
            }
        });
        Self { bar, task: Some(task) }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        self.bar.finish_and_clear();
    }
}
