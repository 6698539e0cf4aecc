//! Why a task did not come to what its owner wanted: one sentence with its cause, and one with its mend. Judged from what a
//! keeper has recorded of the task, from the job as it stands, and from what the keeper that runs shows.
//!
//! ```text
//!   job ──► not there? over? paused? broken? without money? its code not to be had? ──┐
//!   record ──► not due yet? settled: how, by whom, delivered? ────────────────────────┼──► one cause
//!              not settled: abstained? outvoted? too few heard? refused on its way? ──┘
//! ```
//!
//! Pure: no clock, no file, no socket.

mod cause;

use contracts::terms::ended;

use crate::archive::Run;
pub use cause::Cause;

/// How a job stands, as far as anybody could be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobState {
    /// Whether there is one.
    pub exists: bool,
    /// `active`, `paused` or `cancelled`.
    pub status: String,
    /// Whether it can pay for a run in full.
    pub can_pay: bool,
    /// When its next run is due, in Unix seconds; `None` where none is, or nobody could be asked.
    pub next_due: Option<u64>,
    /// Whether `next_due` was asked about at all.
    pub schedule_known: bool,
    /// Why the keeper that runs abstains from its tasks; empty if it does not, or nobody could be asked.
    pub trouble: String,
    /// `all`, `once` or `skip`: what becomes of runs that were not made in time; empty where nobody could be asked.
    pub missed: String,
}

impl JobState {
    /// Whether the keeper that runs does not see the job due: what became of its runs before tells nothing of that.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        unseen(&self.trouble).is_some()
    }
}

/// What is judged.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The job; `None` where nobody could be asked.
    pub job: Option<JobState>,
    /// What the keeper has recorded of the task; `None`: nothing.
    pub run: Option<Run>,
    /// How many keepers are heard, and how many there are; `None` where no keeper runs.
    pub heard: Option<(usize, usize)>,
    /// The chain's time, or this machine's, in Unix seconds.
    pub now: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// Which of the ways.
    pub cause: Cause,
    /// What happened, in a sentence. Some of it may be anybody's words.
    pub what: String,
    /// What to do about it; empty where nothing is to be.
    pub mend: String,
}

fn because(cause: Cause, what: impl Into<String>, mend: impl Into<String>) -> Because {
    Because { cause, what: what.into(), mend: mend.into() }
}

/// Why the task is where it is.
#[must_use]
pub fn explain(facts: &Facts) -> Because {
    match &facts.run {
        // What the chain says of a task comes before all that is known of its job by now.
        Some(run) if run.settled.is_some() => settled(run),
        Some(run) if run.due.is_some_and(|due| due > facts.now) => not_due(run.due, facts),
        Some(run) => facts.job.as_ref().and_then(|job| of_job(job, Some(run))).unwrap_or_else(|| open(run, facts)),
        None => without_a_run(facts),
    }
}

fn settled(run: &Run) -> Because {
    let Some(settlement) = &run.settled else { return because(Cause::Unknown, "it has not settled", "") };
    let late = settlement.seconds_late;
    let words = |why: &str| if why.is_empty() { String::new() } else { format!(": {why}") };
    match settlement.status {
        ended::SKIP => because(Cause::Skipped, format!("it ran, and found nothing to do{}", words(&run.reason)), ""),
        ended::JOB_ERROR => because(
            Cause::JobFailed,
            format!("the job's code failed, on every keeper alike{}", words(&run.reason)),
            "mend the code: keeper job test makes the same run and shows where it fails; keeper job update lists it anew",
        ),
        _ if !settlement.delivered => because(
            Cause::TargetReverted,
            format!("it settled, and the target did not take the outcome{}", words(&run.undelivered)),
            "look at the target's own checks and at the job's callback gas: keeper job test shows the call",
        ),
        _ if run.leader.is_some_and(|leader| leader != settlement.submitter) => because(
            Cause::LeaderMissed,
            format!(
                "its leader {} did not bring it on chain, and {} did, {late} s after it was due",
                run.leader.map(|leader| leader.to_string()).unwrap_or_default(),
                settlement.submitter
            ),
            "nothing was lost; if it happens often, that leader's operator should run keeper doctor",
        ),
        _ => because(Cause::Delivered, format!("it was delivered, {late} s after it was due"), ""),
    }
}

fn not_due(due: Option<u64>, facts: &Facts) -> Because {
    let left = due.unwrap_or_default().saturating_sub(facts.now);
    because(Cause::NotDue, format!("it is due in {left} s"), "wait for it; keeper job watch shows it when it comes")
}

/// What keeps a job's tasks from running at all; `run` is one that is not settled.
fn of_job(job: &JobState, run: Option<&Run>) -> Option<Because> {
    if !job.exists {
        return Some(because(Cause::NoJob, "there is no job of this number", "keeper job list shows those there are"));
    }
    // Some of what is said of a job that is not seen to be due is its own contract's words: by none of them is it told from others.
    let unseen = unseen(&job.trouble);
    let said = |words: &str| {
        run.is_some_and(|run| run.reason.contains(words)) || (unseen.is_none() && job.trouble.contains(words))
    };
    match job.status.as_str() {
        "cancelled" => {
            return Some(because(
                Cause::Ended,
                "the job was cancelled: none of its runs comes due any more",
                "list another one with keeper job create",
            ));
        }
        "paused" => {
            return Some(because(
                Cause::Paused,
                "the job is paused: none of its runs comes due",
                "keeper job resume, by its owner",
            ));
        }
        _ => {}
    }
    if !job.can_pay || said("Escrow") || said("cannot pay") {
        let what = "the job cannot pay for a run in full, so none is made";
        return Some(because(Cause::NoFunds, what, "keeper job fund; keeper job cost says what a run takes"));
    }
    let trouble = &job.trouble;
    if let Some(because) = unseen {
        // What was seen all the same has a story of its own.
        return run.is_none().then_some(because);
    }
    if trouble.contains("code") && !trouble.contains("being fetched") {
        return Some(no_code(trouble));
    }
    (!trouble.is_empty() && !trouble.contains("being fetched")).then(|| broken(trouble))
}

/// Why a job is not seen to be due, by the word that its trouble begins with.
fn unseen(trouble: &str) -> Option<Because> {
    let (word, why) = trouble.split_once(": ")?;
    Some(match word {
        "condition_failed" => because(
            Cause::ConditionFailed,
            format!("the call that tells whether the job is due fails, so it never is: {why}"),
            "mend the contract that is asked, or name another with keeper job update --condition",
        ),
        "logs_unread" => because(
            Cause::LogsUnread,
            format!("some of the job's logs were not read: {why}"),
            "keeper job update --topics asks for fewer logs; a node without such a cap in rpc_urls gives more",
        ),
        "far_off" => because(Cause::NotDue, why, "keeper job update, by its owner, gives it another trigger"),
        _ => return None,
    })
}

fn broken(why: &str) -> Because {
    let what = format!("what the job asks for cannot be run: {why}");
    because(Cause::BrokenJob, what, "keeper job update, by its owner, gives it terms that can")
}

fn no_code(why: &str) -> Because {
    let mend = "publish the very file whose hash is on chain at the job's URL; keeper job show has both";
    because(Cause::NoCode, format!("the job's code cannot be had or cannot run: {why}"), mend)
}

/// A task that is due and has not settled.
fn open(run: &Run, facts: &Facts) -> Because {
    let is_over = run.expired.is_some();
    if run.reason.starts_with("the contract skipped it") {
        let mend = "if the run is not over it is tried again by itself; docs/jobs.md names the contract's reasons";
        return because(Cause::Refused, run.reason.clone(), mend);
    }
    if !run.refused.is_empty() {
        let mend =
            "look at the wallet's coin and at the nodes: keeper doctor; another keeper brings it in the meantime";
        return because(
            Cause::Refused,
            format!("it was certified, and this keeper could not bring it on chain: {}", run.refused),
            mend,
        );
    }
    if run.reopened > 0 && !is_over {
        let what = "it had settled, and a reorganisation of the chain undid that";
        return because(Cause::Reopened, what, "nothing: the keepers settle it again");
    }
    if run.voices.contains("signed another result") && run.certified.is_none() {
        let mend = "compare the nodes in rpc_urls; if the code reads what differs from keeper to keeper, mend the code";
        return because(
            Cause::Disagreement,
            format!("keepers got different results, and no quorum agreed: {}", run.voices),
            mend,
        );
    }
    if run.result == "abstain" {
        return abstained(run);
    }
    if run.signed.is_some() && run.certified.is_none() {
        return no_quorum(run, facts);
    }
    if run.certified.is_some() && is_over {
        let what = "it was certified, and nobody brought it on chain before its deadline";
        return because(
            Cause::Refused,
            what,
            "look at the chain's fees and the operators' wallets: keeper peers, keeper doctor",
        );
    }
    if is_over || facts.now > run.due.unwrap_or(u64::MAX).saturating_add(consensus::time::EXPIRY_SECONDS) {
        return missed(facts.job.as_ref().map_or("", |job| &job.missed), run);
    }
    because(
        Cause::UnderWay,
        format!("it is under way here: {}", run.state(facts.now)),
        "wait for it; keeper job watch shows it as it goes on",
    )
}

/// This keeper had nothing to sign: why not is what it said.
fn abstained(run: &Run) -> Because {
    let why = &run.reason;
    if run.is_too_dear() {
        let then = if run.expired.is_some() { "so it was left out" } else { "so it waits for a lower price" };
        let mend = "wait, or keeper job update --most-gas-price, by its owner; keeper job cost says what a run takes";
        return because(Cause::TooDear, format!("{why}, {then}"), mend);
    }
    if ["code", "hash", "component"].iter().any(|word| why.contains(word)) {
        return no_code(why);
    }
    if why.contains("cannot pay")
        || why.contains("job_inactive")
        || why.contains("paused")
        || why.contains("out of funds")
    {
        let mend = "keeper job show says how the job stands now: keeper job fund, or keeper job resume";
        return because(Cause::NoFunds, format!("at its block the job was paused or could not pay: {why}"), mend);
    }
    let mend = "if other keepers signed it nothing was lost; else keeper doctor, and add another URL to rpc_urls";
    because(Cause::Abstained, format!("this keeper had nothing to sign: {why}"), mend)
}

fn no_quorum(run: &Run, facts: &Facts) -> Because {
    let heard = facts.heard.map(|(heard, all)| format!("; {heard} of {all} keepers are heard now")).unwrap_or_default();
    let said = if run.voices.is_empty() { String::new() } else { format!(": {}", run.voices) };
    let what = format!("this keeper signed it, and no quorum of two thirds of the stake did{said}{heard}");
    because(Cause::NoQuorum, what, "keeper peers shows who is silent; it is tried again until its deadline")
}

/// Nobody made it in time, and what then becomes of it is the job's own choice.
fn missed(policy: &str, run: &Run) -> Because {
    let mend = "keeper job update --missed all has every missed run made up for; keeper peers shows who was silent";
    let what = match policy {
        "skip" => "its deadline passed before anybody settled it, and the job's policy (missed = skip) leaves it out",
        "once" => {
            "its deadline passed before anybody settled it, and the job's policy (missed = once) makes up for the last one alone"
        }
        _ if run.attempts == 0 => {
            "nobody began it before its deadline: this keeper did not run then, or did not know of it"
        }
        _ => "its deadline passed before anybody settled it",
    };
    because(Cause::MissedPolicy, what, mend)
}

/// Nothing is recorded of such a run.
fn without_a_run(facts: &Facts) -> Because {
    if let Some(because) = facts.job.as_ref().and_then(|job| of_job(job, None)) {
        return because;
    }
    match &facts.job {
        Some(JobState { next_due: Some(due), .. }) if *due > facts.now => not_due(Some(*due), facts),
        Some(JobState { next_due: None, schedule_known: true, .. }) => {
            let what = "no run of the job is due any more, or what makes it due has not happened";
            because(
                Cause::NotDue,
                what,
                "keeper job show tells its trigger; a job that is over is listed anew with keeper job create",
            )
        }
        _ => {
            let what = "nothing of it is recorded here: this keeper did not run then, or has forgotten it";
            because(Cause::Unknown, what, "ask a keeper that ran then; the chain has what settled: keeper job show")
        }
    }
}

#[cfg(test)]
mod tests;
