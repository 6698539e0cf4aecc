//! `keeper job update`: other terms for a job that is paused, or what that would do.

use alloy::eips::BlockId;
use alloy::primitives::U256;
use anyhow::{Result, anyhow, ensure};
use clap::Args;
use contracts::JobManager;
use contracts::terms::{JobStatus, Terms};
use serde_json::{Value, json};

use super::create::{check_price, warned};
use super::flags::{Now, Spelt, TermsFlags, ahead};
use super::life::Owned;
use super::price::date;
use super::{newest_terms, spell, tell, tell_tried};
use crate::chain::{ChainError, Receipt};
use crate::cli::chain::{Broadcast, Done};
use crate::cli::currency::{self, Currency};
use crate::cli::filed::{Asked, Filed};
use crate::cli::output::rows;
use crate::cli::{Exit, Global, WithExit};
use crate::jobs::action::ActionFlags;
use crate::jobs::trigger::{Earliest, Trigger, TriggerFlags};
use crate::jobs::{Stage, action};

/// Flags that `job.toml` may have and that matter only when a job is listed.
const IDLE: [&str; 3] = ["fund", "gas-fund", "salt"];
/// Seconds, and blocks, that a transaction gets to be mined before the first run may be due.
const SLACK: u64 = 60;

/// Flags of `keeper job update`.
#[derive(Debug, Clone, Args)]
pub struct UpdateArgs {
    /// Job id; it must be paused
    id: u64,
    #[command(flatten)]
    flags: Filed<TermsFlags>,
    #[command(flatten)]
    broadcast: Broadcast,
}

pub(in crate::cli) async fn update(global: &Global, args: UpdateArgs) -> Result<Exit> {
    let id = args.id;
    let asked = args.flags.read(&IDLE)?;
    let owned = Owned::open(global, id, args.broadcast).await?;
    let closed_at = check_closed(&owned).await?;
    let currency = currency::by_address(&owned.chain, owned.job.token).await;
    let present = newest_terms(&owned.chain, id).await?;
    let terms = changed(&owned, asked, present.as_ref(), &currency).await?;
    check_price(&owned.chain, &currency, U256::from(terms.fee)).await?;
    let changes = changes(present.as_ref(), &terms, &currency);
    tracing::debug!(closed_at, ?changes, "about to update the job");
    match owned.act("update the job", &JobManager::updateCall { jobId: id, params: terms.params() }).await? {
        Done::Sent(receipt) => updated(global, &owned, &terms, changes, &receipt),
        Done::Tried(gas) => propose(global, &owned, &terms, changes, gas).await,
    }
}

/// Refuses as long as something of the present version may still settle.
async fn check_closed(owned: &Owned) -> Result<u64> {
    let id = owned.id;
    owned.require(
        &[JobStatus::Paused],
        &format!("only a paused job can be updated: `keeper job pause {id}` first, and wait until nothing can settle any more"),
    )?;
    let (closed_at, now) = (owned.closed_at().await?, owned.chain.now().await?);
    if now < closed_at {
        let error = anyhow!(
            "job {id} can be updated from {closed_at} on, in {} s ({}): until then what was due before its pause may settle",
            closed_at - now,
            date(closed_at)
        );
        return Err(error).exit(Exit::Chain);
    }
    Ok(closed_at)
}

/// The terms that are asked for: those that the job has, but for what is given.
async fn changed(
    owned: &Owned,
    asked: Asked<TermsFlags>,
    present: Option<&Terms>,
    currency: &Currency,
) -> Result<Terms> {
    let now = Now::of(&owned.chain).await?;
    check_fixed(owned, &asked, present).await?;
    let manager = JobManager::new(owned.chain.network.contracts.job_manager, &owned.chain.provider);
    let notice = u64::from(manager.noticeSeconds().call().await.map_err(ChainError::from)?);
    let from = |now: u64| now.saturating_add(notice).saturating_add(SLACK);
    let earliest = Earliest { moment: from(now.time), block: from(now.block) };
    let kept = present.cloned().map(|terms| ahead(terms, earliest));
    let below = kept.as_ref().map(|terms| Spelt::of(terms, currency).below(&asked)).unwrap_or_default();
    let (has_trigger, has_action) = (asked.has_any::<TriggerFlags>(), asked.has_any::<ActionFlags>());
    let unseen = || format!("the RPC nodes do not show what job {} asks for so far: give all of it", owned.id);
    let flags = asked.over(below).map_err(|error| if present.is_some() { error } else { error.context(unseen()) })?;
    let trigger = match &kept {
        Some(kept) if !has_trigger => {
            check_ahead(owned.id, kept, earliest)?;
            kept.trigger.clone()
        }
        _ => flags.trigger(now)?,
    };
    let action = match kept {
        Some(kept) if !has_action => kept.action,
        _ => flags.check()?,
    };
    flags.terms((trigger, action), currency, (now, earliest))
}

/// A job keeps its token and its kind of trigger.
async fn check_fixed(owned: &Owned, asked: &Asked<TermsFlags>, present: Option<&Terms>) -> Result<()> {
    let id = owned.id;
    let has = present.map(|terms| terms.trigger.name());
    let other = asked.value("trigger").filter(|name| has.is_some_and(|has| **name != *has));
    let token = match asked.value("token").map(|name| name.to_string_lossy().parse()) {
        Some(name) => Some(currency::by_name(&owned.chain, Some(&name.exit(Exit::Usage)?)).await?),
        None => None,
    };
    let checked: Result<()> = (|| {
        ensure!(!asked.is_empty(), "nothing to change: pass the flags that are to be other, or --file job.toml");
        ensure!(
            other.is_none(),
            "--trigger is {}, and job {id} keeps its {}: list another job",
            other.map(|name| name.to_string_lossy()).unwrap_or_default(),
            has.unwrap_or_default()
        );
        let is_same = token.as_ref().is_none_or(|token| token.address() == owned.job.token);
        let has = owned.job.token;
        ensure!(is_same, "--token is another one than the job's ({has}), which it keeps: list another job");
        Ok(())
    })();
    checked.exit(Exit::Usage)
}

/// Refuses a trigger that has no run ahead: it would have to be given anew.
fn check_ahead(id: u64, terms: &Terms, earliest: Earliest) -> Result<()> {
    let trigger = Trigger::new(&terms.trigger).ok();
    if trigger.as_ref().is_some_and(|trigger| trigger.renewed(earliest).is_some()) {
        return Ok(());
    }
    let words = spell::trigger_of(&terms.trigger);
    Err(anyhow!(
        "job {id} runs {words}, and never after that: say when it is to run next, see `keeper job update --help`"
    ))
    .exit(Exit::Usage)
}

/// What is other than before: the flag, what it was, what it is to be.
fn changes(present: Option<&Terms>, terms: &Terms, currency: &Currency) -> Vec<(&'static str, String, String)> {
    let before = present.map(|terms| Spelt::of(terms, currency));
    let before = |flag: &str| {
        let found = before.as_ref().and_then(|spelt| spelt.all().find(|(known, _)| *known == flag));
        found.map_or_else(|| "none".to_owned(), |(_, value)| value.clone())
    };
    let now = Spelt::of(terms, currency);
    let all = now.all().map(|(flag, value)| (*flag, before(flag), value.clone()));
    all.filter(|(_, before, after)| before != after).collect()
}

fn document(owned: &Owned, terms: &Terms, version: u32, changes: &[(&'static str, String, String)]) -> Value {
    let changes: serde_json::Map<_, _> =
        changes.iter().map(|(flag, before, after)| ((*flag).to_owned(), json!([before, after]))).collect();
    json!({
        "id": owned.id,
        "version": version,
        "trigger": spell::trigger_of(&terms.trigger),
        "action": terms.action.name(),
        "code_hash": terms.action.code_hash(),
        "fee": terms.fee.to_string(),
        "changes": changes,
    })
}

fn updated(
    global: &Global,
    owned: &Owned,
    terms: &Terms,
    changes: Vec<(&'static str, String, String)>,
    receipt: &Receipt,
) -> Result<Exit> {
    let event: JobManager::JobUpdated = owned.event(receipt)?;
    let document = document(owned, terms, event.version, &changes);
    let (id, trigger) = (owned.id, spell::trigger_of(&terms.trigger));
    Ok(tell(global, document, &format!("job {id} runs {trigger}, as version {}\n", event.version), receipt))
}

async fn propose(
    global: &Global,
    owned: &Owned,
    terms: &Terms,
    changes: Vec<(&'static str, String, String)>,
    gas: u64,
) -> Result<Exit> {
    let version = owned.job.version.saturating_add(1);
    let stage =
        Stage { provider: &owned.chain.provider, terms, forwarder: owned.job.forwarder, block: BlockId::latest() };
    let rehearsal = action::rehearse(&stage).await;
    let mut document = document(owned, terms, version, &changes);
    if let Some(fields) = document.as_object_mut() {
        fields.insert("first_run".to_owned(), json!({"outcome": rehearsal.name(), "says": rehearsal.to_string()}));
    }
    let mut lines = vec![
        ("job", format!("{}, to be version {version}", owned.id)),
        ("runs", format!("{}, {}", terms.action.name(), spell::trigger_of(&terms.trigger))),
        ("called from", owned.job.forwarder.to_string()),
        ("first run", warned(&rehearsal)),
    ];
    lines.extend(changes.iter().map(|(flag, before, after)| (*flag, format!("{before} -> {after}"))));
    Ok(tell_tried(global, document, &rows(&lines), gas))
}
