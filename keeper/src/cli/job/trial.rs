//! `keeper job test`: one run of a job, listed or not, made as keepers make theirs: in the same cell, under the same limits, at a
//! block of any chain. Nothing is sent.
//!
//! ```text
//!   job.toml, flags ─► Project ─► Terms ─┐
//!   network, node ──► Ground ─► block ───┼─► Trial ─► executor ─► Made ─► effect, price ─► Report
//!   --block, --due … ─► Moment ─► run ───┘      ▲                  │
//!                                     --replay ─┴──── Tape ◄───────┴─ --record
//! ```

mod due;
mod effect;
mod ground;
mod looks;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use alloy::eips::BlockId;
use alloy::primitives::{B256, Bytes};
use alloy::providers::Provider;
use anyhow::{Context, Result, anyhow};
use clap::{Args, ValueEnum};
use contracts::terms::{ActionTerms, Terms};
use executor::{Ended, Executor, RpcReader};
use sha2::{Digest, Sha256};
use url::Url;

use self::due::{Moment, trigger_of};
use self::ground::Caller;
pub(super) use self::ground::Ground;
use self::looks::{Fixtures, Looks};
pub(super) use self::report::Report;
use super::flags::Now;
use super::price::{Price, Runs};
use super::project::{Project, TrialFlags};
use crate::cli::currency::{self, Currency};
use crate::cli::filed::Filed;
use crate::cli::{Exit, Global, WithExit};
use crate::jobs::action::Made;
use crate::jobs::flags::read_file;
use crate::jobs::tape::{Ending, Player, Recorder, Tape};
use crate::jobs::trial::{Origin, Trial, UNLISTED, Unmade, executor};
use crate::jobs::trigger::Trigger;
use crate::jobs::{Rehearsal, Stage};

/// Flags of `keeper job test`.
#[derive(Debug, Clone, Args)]
pub struct TestArgs {
    #[command(flatten)]
    pub(super) what: WhatArgs,
    #[command(flatten)]
    moment: Moment,
    /// Write what the run read, and how it ended, to this file
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Make a recorded run again, from what it read then and without a chain; exit code 1 if anything differs
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Exit code 1 if it ends in anything else
    #[arg(long, value_name = "OUTCOME")]
    expect: Option<Expected>,
}

/// What is tried, and who makes its calls.
#[derive(Debug, Clone, Args)]
pub(super) struct WhatArgs {
    /// A folder with a job.toml, or a component
    #[arg(value_name = "DIR|FILE.wasm", default_value = ".")]
    pub(super) path: PathBuf,
    #[command(flatten)]
    pub(super) flags: Filed<TrialFlags>,
    #[command(flatten)]
    pub(super) caller: Caller,
    /// What stands in for the web where the job looks outside: JSON, [{"url": …, "answers": [{"body": …}, …]}], one answer for each of five keepers
    #[arg(long, value_name = "FILE")]
    pub(super) http: Option<PathBuf>,
}

/// `--expect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Expected {
    /// Bytes for the target
    Call,
    /// Nothing to do
    Skip,
    /// An error that all keepers see alike
    Error,
}

/// Makes runs of one job on one chain.
pub(super) struct Bench {
    pub(super) ground: Ground,
    recorder: Arc<Recorder>,
    executor: Executor,
    web: Option<Arc<Fixtures>>,
}

pub(in crate::cli) async fn test(global: &Global, args: TestArgs) -> Result<Exit> {
    let project = Project::open(&args.what.path, args.what.flags)?;
    if let Some(file) = &args.replay {
        return replay(global, &project, file).await;
    }
    let bench = Bench::open(global, args.what.http.as_deref()).await?;
    let mut report = bench.attempt(global, &project, &args.moment, &args.what.caller).await?;
    if let Some(file) = &args.record {
        let tape = report
            .tape()
            .with_context(|| format!("there is nothing to record, for the run has no result: {}", report.ending()))
            .exit(Exit::Failure)?;
        std::fs::write(file, tape.text()).with_context(|| format!("could not write {}", file.display()))?;
    }
    report.expected = args.expect.and_then(|expected| Some(expected.to_possible_value()?.get_name().to_owned()));
    report.tell(global, args.record.as_deref());
    Ok(report.exit())
}

impl Bench {
    pub(super) async fn open(global: &Global, http: Option<&Path>) -> Result<Self> {
        let web = http.map(Fixtures::read).transpose()?;
        let ground = Ground::open(global).await?;
        let reader = RpcReader::over(ground.chain.provider.clone().erased(), Arc::new(ground.chain.rpc.clone()));
        let recorder = Recorder::over(Arc::new(reader));
        let executor = executor(global.paths()?.cache(), Arc::clone(&recorder) as Arc<_>, Origin::Anywhere)?;
        let executor = match &web {
            Some(web) => executor.with_web(Arc::clone(web) as Arc<_>),
            None => executor,
        };
        Ok(Self { ground, recorder, executor, web })
    }

    /// Makes a run, and finds out what would come of it.
    pub(super) async fn attempt(
        &self,
        global: &Global,
        project: &Project,
        moment: &Moment,
        caller: &Caller,
    ) -> Result<Report> {
        let flags = project.flags()?;
        let action = checked(project, &flags)?;
        let block = self.ground.block(moment.block).await?;
        let currency = self.currency(project, &flags).await?;
        let trigger = trigger_of(&flags.terms, &block)?;
        let now = Now { time: block.timestamp, block: block.number };
        let terms = flags.terms.terms((trigger, action), &currency, (now, now.next()))?;
        let trigger = Trigger::new(&terms.trigger).exit(Exit::Usage)?;
        let (run, anchor, sighting) = moment.find(&self.ground, &trigger, block).await?;
        let (code, local) = local(project, &terms)?;
        let chain_id = self.ground.chain.network.chain_id;
        let trial = Trial { job: UNLISTED, terms: Arc::new(local), chain_id, run, anchor, sighting, inputs: None };
        let begun = Instant::now();
        let (trial, made, looks) = self.make(trial).await;
        let elapsed = begun.elapsed();
        let mut report = Report::new(trial, made, elapsed, self.recorder.take());
        report.looks = looks;
        report.code = code;
        report.is_due_by_word = project.has_trigger();
        self.deliver(global, project, &mut report, (caller, flags.salt)).await?;
        let used = report.delivery.as_ref().and_then(|delivery| delivery.gas());
        let price = match self.ground.has_contracts {
            true => Price::of(&self.ground.chain, None, currency, (&terms).into(), used).await?,
            false => Price::guessed(&self.ground.chain, (&terms).into(), used).await?,
        };
        let runs = Runs::new(&terms.trigger, terms.limits);
        let counted = runs.in_day_and_month(now.time).map(|[_, month]| month).zip(runs.in_year(now.time));
        report.price = Some((price, counted, self.ground.has_contracts));
        let too_dear = report.trial.too_dear(&self.ground.chain.provider).await;
        report.too_dear = too_dear.map(|(_, why)| why);
        Ok(report)
    }

    /// Makes the run; of a job that looks outside as five keepers do.
    async fn make(&self, trial: Trial) -> (Trial, Result<Made, Unmade>, Option<Looks>) {
        if !trial.terms.action.observes() {
            self.recorder.take();
            let made = trial.make(&self.executor).await;
            return (trial, made, None);
        }
        let (looks, of_all) = Looks::make(&trial, &self.executor, self.web.as_deref()).await;
        // On tape is what decides, and no look.
        self.recorder.take();
        let Some(trial) = of_all else {
            let made = looks.too_few();
            return (trial, Ok(made), Some(looks));
        };
        let made = trial.make(&self.executor).await;
        (trial, made, Some(looks))
    }

    /// Tries what the run would call its target with.
    async fn deliver(
        &self,
        global: &Global,
        project: &Project,
        report: &mut Report,
        (caller, salt): (&Caller, Option<B256>),
    ) -> Result<()> {
        let Some(data) = report.calldata().filter(|_| project.has_target()) else { return Ok(()) };
        let forwarder = self.ground.forwarder(global, caller, salt).await?;
        let (terms, anchor) = (&report.trial.terms, report.trial.anchor);
        let provider = &self.ground.chain.provider;
        let block = BlockId::number(anchor.number);
        let stage = Stage { provider, terms, forwarder: forwarder.address, block };
        let rehearsal = stage.deliver(&data).await;
        let way = (forwarder.address, terms.target);
        let effect = match rehearsal {
            Rehearsal::Taken { .. } => {
                Some(effect::trace(provider, way, (&data, terms.callback_gas.into()), anchor.number).await)
            }
            _ => None,
        };
        let has_code = provider.get_code_at(terms.target).block_id(block).await.map_or(true, |code| !code.is_empty());
        report.delivery = Some(report::Delivery { forwarder, rehearsal, effect, has_code });
        Ok(())
    }

    async fn currency(&self, project: &Project, flags: &TrialFlags) -> Result<Currency> {
        if self.ground.has_contracts {
            return currency::by_name(&self.ground.chain, flags.terms.token.as_ref()).await;
        }
        if project.has_token() {
            let word = "which tokens jobs may pay in is for a network to say: add --network network.toml to --token";
            return Err(anyhow!(word)).exit(Exit::Usage);
        }
        Ok(Currency::Coin)
    }
}

/// The action asked for; where its component is not there, how to come by it.
fn checked(project: &Project, flags: &TrialFlags) -> Result<ActionTerms> {
    let missing = project.component().filter(|file| !file.exists());
    if let Some(file) = missing {
        let why = format!("there is no component {}: build it with `keeper job build`", file.display());
        return Err(anyhow!(why)).exit(Exit::NotFound);
    }
    flags.terms.check()
}

/// A job's code on disk.
#[derive(Debug, Clone)]
pub(super) struct CodeFile {
    pub(super) file: PathBuf,
    pub(super) bytes: usize,
    pub(super) hash: B256,
}

/// The same terms with the code that is on disk here, if it is.
fn local(project: &Project, terms: &Terms) -> Result<(Option<CodeFile>, Terms)> {
    let mut terms = terms.clone();
    let wasm = match &mut terms.action {
        ActionTerms::Wasm(wasm) => wasm,
        ActionTerms::Observing(job) => &mut job.code,
        ActionTerms::Upkeep(_) | ActionTerms::Resolver(_) | ActionTerms::Call(_) => return Ok((None, terms)),
    };
    let Some(file) = project.component() else { return Ok((None, terms)) };
    let bytes = read_file(&file, "--code").exit(Exit::NotFound)?;
    let absolute = std::path::absolute(&file).with_context(|| format!("where is {}?", file.display()))?;
    let url = Url::from_file_path(&absolute).map_err(|()| anyhow!("{} cannot be a URL", absolute.display()))?;
    wasm.code_url = url.into();
    wasm.code_hash = B256::from_slice(&Sha256::digest(&bytes));
    Ok((Some(CodeFile { file, bytes: bytes.len(), hash: wasm.code_hash }), terms))
}

/// Makes a recorded run again.
async fn replay(global: &Global, project: &Project, file: &Path) -> Result<Exit> {
    let text = String::from_utf8(read_file(file, "--replay").exit(Exit::NotFound)?);
    let text = text.map_err(|_| anyhow!("{} is no text", file.display())).exit(Exit::Usage)?;
    let tape = Tape::read(&text).with_context(|| file.display().to_string()).exit(Exit::Usage)?;
    let (code, terms) = local(project, &tape.trial.terms)?;
    let mut differences = Vec::new();
    let (then, now) = (tape.trial.code_hash(), terms.action.code_hash());
    if then != now {
        differences.push(format!("the code was {then}, and is {now}"));
    }
    let trial = Trial { terms: Arc::new(terms), ..tape.trial };
    let player = Player::new(tape.reads.clone());
    let executor = executor(global.paths()?.cache(), Arc::clone(&player) as Arc<_>, Origin::Anywhere)?;
    let begun = Instant::now();
    let made = trial.make(&executor).await;
    differences.extend(player.strayed());
    match &made {
        Ok(made) => differences.extend(tape.ended.differences(&Ending::of(made))),
        Err(unmade) => differences.push(format!("there was a run, and is none: {}", unmade)),
    }
    let mut report = Report::new(trial, made, begun.elapsed(), tape.reads);
    report.code = code;
    report.is_due_by_word = true;
    let is_same = differences.is_empty();
    report.differences = Some(differences);
    report.tell(global, None);
    Ok(if is_same { Exit::Success } else { Exit::Failure })
}

/// What a run that was made hands to its target.
fn calldata(made: &Result<Made, Unmade>) -> Option<Bytes> {
    match made.as_ref().ok()?.ended.clone() {
        Ended::Call(data) => Some(data.into()),
        _ => None,
    }
}
