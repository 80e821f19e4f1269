//! A plan for people: what it comes to, rule by rule, then item by item.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::output::{Exit, Output, bytes, plural, table};
use crate::kernel::cbor::sequence::item_length;
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::limits::DOCUMENT_MAX_BYTES;
use crate::retention::Plan;
use crate::wire::plan::{KeptBy, Plan as Drawn, PlanItem, PlanTotals};

/// Items that are shown; all are in the file and in JSON.
const SHOWN_MAX: usize = 100;

pub(super) fn print(plan: &Plan, sequence: &[u8], output: &Output) -> anyhow::Result<Exit> {
    let drawn = Drawn::draw(plan, digest(sequence)?);
    output.result(&drawn, |out| {
        head(out, &drawn)?;
        rules(out, &drawn)?;
        items(out, &drawn)
    })?;
    Ok(Exit::Done)
}

/// That of the header, which is the first document.
fn digest(sequence: &[u8]) -> anyhow::Result<Blake3> {
    let length = item_length(sequence, DOCUMENT_MAX_BYTES)?;
    let header = length.and_then(|length| sequence.get(..length));
    let header = header.ok_or_else(|| anyhow::anyhow!("the server's answer is no plan"))?;
    Ok(Digests::of(header).blake3)
}

fn head(out: &mut dyn Write, plan: &Drawn) -> io::Result<()> {
    writeln!(out, "plan      {}", plan.digest)?;
    writeln!(out, "made      {}, from the first {}", plan.at, plural(plan.position, "event"))?;
    let policy = |acts: bool| {
        let named = plan.policies.iter().filter(move |policy| policy.acts == acts);
        let named: Vec<String> =
            named.map(|policy| format!("{} (version {})", policy.policy, policy.version)).collect();
        if named.is_empty() { "none".to_owned() } else { named.join(", ") }
    };
    writeln!(out, "policies  {}", policy(true))?;
    if plan.policies.iter().any(|policy| !policy.acts) {
        writeln!(out, "beside    {}: what they keep and lock counts", policy(false))?;
    }
    let limits = [
        plan.limits.packages.map(|count| format!("at most {}", plural(count, "deletion"))),
        plan.limits.bytes.map(|count| format!("at most {}", bytes(count))),
        plan.limits.approve.then(|| "with a second person's approval".to_owned()),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    if !limits.is_empty() {
        writeln!(out, "limits    {}", limits.join(", "))?;
    }
    let totals = &plan.totals;
    writeln!(
        out,
        "comes to  {} of {}: {}, about {} freed; {} kept; {}; {}",
        plural(totals.candidates, "candidate"),
        plural(totals.packages, "package"),
        plural(totals.deletions, "deletion"),
        bytes(totals.bytes),
        totals.candidates - totals.deletions,
        plural(totals.locks, "new lock"),
        moved(totals),
    )?;
    if totals.early_byte_days > 0 {
        writeln!(out, "early     {}", early(totals.early_byte_days))?;
    }
    let kept = &totals.kept;
    let kept = [
        (kept.hold, "hold"),
        (kept.compliance_lock, "compliance lock"),
        (kept.governance_lock, "governance lock"),
        (kept.pin, "pin"),
        (kept.reference, "live reference"),
        (kept.keep_rule, "keep rule"),
    ];
    let kept: Vec<String> =
        kept.iter().filter(|(count, _)| *count > 0).map(|(count, by)| format!("{count} by {by}")).collect();
    if kept.is_empty() { Ok(()) } else { writeln!(out, "kept      {}", kept.join(", ")) }
}

fn moved(totals: &PlanTotals) -> String {
    match totals.tiers {
        0 => "0 moved".to_owned(),
        tiers => format!("{tiers} moved, at most {}", bytes(totals.tier_bytes)),
    }
}

/// What leaving a store too early costs.
fn early(byte_days: u64) -> String {
    format!("{} for a day are charged for what leaves its store too early", bytes(byte_days))
}

/// For each rule, and what it does, how much of it.
fn rules(out: &mut dyn Write, plan: &Drawn) -> io::Result<()> {
    let mut sums: BTreeMap<(String, &str), (u64, u64)> = BTreeMap::new();
    for item in &plan.items {
        let sum = sums.entry((format!("{}/{}", item.policy, item.rule), &item.r#do)).or_default();
        *sum = (sum.0 + 1, sum.1.saturating_add(item.size));
    }
    if sums.is_empty() {
        return Ok(());
    }
    let row = |((rule, does), (count, size)): (&(String, &str), &(u64, u64))| {
        vec![rule.clone(), (*does).to_owned(), count.to_string(), bytes(*size)]
    };
    let rows: Vec<_> = sums.iter().map(row).collect();
    writeln!(out)?;
    table(out, &["RULE", "DOES", "PACKAGES", "SIZE"], &[2, 3], &rows)
}

fn items(out: &mut dyn Write, plan: &Drawn) -> io::Result<()> {
    if plan.items.is_empty() {
        return Ok(());
    }
    let row = |item: &PlanItem| {
        let package = format!("{}@{}", item.repository, item.digest);
        vec![
            item.r#do.clone(),
            package,
            bytes(item.size),
            format!("{}/{}", item.policy, item.rule),
            why(item),
        ]
    };
    let rows: Vec<_> = plan.items.iter().take(SHOWN_MAX).map(row).collect();
    writeln!(out)?;
    table(out, &["DO", "PACKAGE", "SIZE", "RULE", "HOW, OR KEPT BY"], &[2], &rows)?;
    match plan.items.len().saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => writeln!(out, "and {more} more; --json has all"),
    }
}

fn why(item: &PlanItem) -> String {
    let lock = item.mode.as_ref().zip(item.until).map(|(mode, until)| format!("{mode} until {until}"));
    let kept = item.kept_by.iter().map(kept_by);
    let more = (item.unnamed > 0).then(|| format!("{} more", item.unnamed));
    let early = (item.early_byte_days > 0).then(|| early(item.early_byte_days));
    let how = lock.into_iter().chain(item.tier.clone()).chain(kept).chain(more).chain(early);
    how.collect::<Vec<_>>().join(", ")
}

fn kept_by(by: &KeptBy) -> String {
    let name = by.name.clone().or_else(|| by.digest.map(|digest| digest.to_string()));
    let until = by.until.map(|until| format!("until {until}"));
    let rule = by.policy.as_ref().zip(by.rule.as_ref()).map(|(policy, rule)| format!("{policy}/{rule}"));
    let mut words = vec![by.by.clone()];
    words.extend(name.into_iter().chain(until).chain(rule));
    words.join(" ")
}
