//! `keeper replay`: makes the runs of receipts again, in the cell and under the limits of keepers, and looks whether they come
//! to the same outcome hash: from the reads that are in the receipt, without a chain, or on the chain as it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::primitives::B256;
use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use consensus::report::Domain;
use contracts::network::Network;
use contracts::terms::{ActionTerms, Terms};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::cert::load;
use super::chain::Chain;
use super::output::{answer, rows};
use super::receipt::{Again, Unable, cache_of, had, summary, unfit};
use super::{Exit, Global, WithExit};
use crate::jobs::action::Made;
use crate::jobs::flags::read_file;
use crate::jobs::tape::{Ending, Player, Tape};
use crate::jobs::trial::{Origin, Trial, executor};
use crate::receipt::{Receipt, check, status_name};

/// Flags of `keeper replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Receipts, as `keeper job receipt --out FILE` writes them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The job's code, in place of where its URL leads; its hash must be the same
    #[arg(long, value_name = "FILE")]
    code: Option<PathBuf>,
    /// A run that `keeper job test --record FILE` wrote: its reads answer those of the run, in place of the receipt's
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Read the chain, even if the receipt has the reads
    #[arg(long, conflicts_with = "tape")]
    on_chain: bool,
}

/// What came of one receipt.
struct Replayed {
    file: PathBuf,
    receipt: Receipt,
    /// Where the run's reads were answered.
    from: &'static str,
    came: Result<Came, Unable>,
}

/// What a run came to that was made again.
struct Came {
    status: &'static str,
    hash: B256,
    fuel: u64,
    /// Where it is not what the receipt says, in words.
    differences: Vec<String>,
}

pub(super) async fn run(global: &Global, args: &ReplayArgs) -> Result<Exit> {
    let mut receipts = Vec::new();
    for file in &args.files {
        let receipt = load(file)?;
        let holds = check(&receipt).map_err(|refused| {
            anyhow!("{} does not hold, so there is nothing to run again: {}", file.display(), unfit(&refused))
        });
        receipts.push((file.clone(), holds.exit(Exit::Failure)?.terms, receipt));
    }
    let named: Vec<&Receipt> = receipts.iter().map(|(_, _, receipt)| receipt).collect();
    let desk = Desk::open(global, args, &named).await?;
    let again = desk.chain.as_ref().map(|chain| Again::new(global, chain)).transpose()?;
    let mut all = Vec::new();
    for (file, terms, receipt) in receipts {
        let terms = desk.terms(&file, &terms)?;
        let tape = desk.tape.as_ref().or(receipt.run.as_ref()).filter(|_| !args.on_chain);
        let (from, came) = match (tape, &again) {
            (Some(tape), _) => ("the reads recorded", desk.play(global, &receipt, tape, terms).await),
            (None, Some(again)) => ("the chain", on_chain(again, &receipt, terms).await),
            (None, None) => ("nothing", Err(Unable::new(Exit::Usage, NO_CHAIN))),
        };
        all.push(Replayed { file, receipt, from, came });
    }
    let documents: Vec<Value> = all.iter().map(Replayed::document).collect();
    let text: Vec<String> = all.iter().map(|replayed| rows(&replayed.lines())).collect();
    answer(global, json!({"replays": documents}), &text.join("\n"));
    Ok(all.iter().map(Replayed::exit).find(|exit| *exit != Exit::Success).unwrap_or(Exit::Success))
}

const NO_CHAIN: &str = "the receipt has no run in it, and there is no chain to run it on: pass --network network.toml, whose node has the anchor's state";

/// What all receipts of a command share.
struct Desk {
    /// The network's; none where no receipt needs it.
    chain: Option<Chain>,
    code: Option<(Url, B256)>,
    tape: Option<Tape>,
    origin: Origin,
}

impl Desk {
    async fn open(global: &Global, args: &ReplayArgs, receipts: &[&Receipt]) -> Result<Self> {
        let settings = global.settings()?;
        let needs_chain = args.tape.is_none() && receipts.iter().any(|receipt| receipt.run.is_none());
        let chain = match args.on_chain || (needs_chain && settings.network.is_some()) {
            true => Some(Chain::connect(global, &settings).await?),
            false => None,
        };
        if let Some(chain) = &chain {
            receipts.iter().try_for_each(|receipt| is_of(chain, receipt)).exit(Exit::Chain)?;
        }
        // A receipt may be a stranger's, and so its code's URL: only whoever runs a local network himself asks this machine for it.
        let network = settings.network.as_deref().and_then(|file| Network::load(file).ok());
        let origin = network.map_or(Origin::Public, |network| Origin::on(network.chain_id));
        let (code, tape) = (args.code.as_deref().map(code_of), args.tape.as_deref().map(tape_in));
        Ok(Self { chain, code: code.transpose()?, tape: tape.transpose()?, origin })
    }

    /// The terms with the code that is on disk here, if one is named.
    fn terms(&self, receipt: &Path, terms: &Terms) -> Result<Terms> {
        let mut terms = terms.clone();
        let Some((url, hash)) = &self.code else { return Ok(terms) };
        let ActionTerms::Wasm(wasm) = &mut terms.action else { return Ok(terms) };
        if wasm.code_hash != *hash {
            let why = format!("--code has SHA-256 {hash}, and {} is of {}", receipt.display(), wasm.code_hash);
            return Err(anyhow!(why)).exit(Exit::Usage);
        }
        wasm.code_url = url.to_string();
        Ok(terms)
    }

    /// Makes a run from what is on tape.
    async fn play(&self, global: &Global, receipt: &Receipt, tape: &Tape, terms: Terms) -> Result<Came, Unable> {
        let task = receipt.task();
        let trial = Trial {
            job: (task.job, task.version),
            terms: Arc::new(terms),
            chain_id: receipt.chain_id,
            ..tape.trial.clone()
        };
        let is_it = trial.task() == task
            && (trial.anchor.number, trial.anchor.hash) == (receipt.anchor.number, receipt.anchor.hash);
        if !is_it {
            return Err(Unable::new(Exit::Usage, "the tape is of another run, or of this one at another block"));
        }
        let player = Player::new(tape.reads.clone());
        let origin = if self.code.is_some() { Origin::Anywhere } else { self.origin };
        let failed = |error: anyhow::Error| Unable::new(Exit::of(&error), format!("{error:#}"));
        let cache = cache_of(global).map_err(failed)?;
        let executor = executor(&cache, Arc::clone(&player) as Arc<_>, origin);
        let executor = executor.map_err(|error| failed(error.into()))?;
        let made = trial.make(&executor).await;
        let strayed = player.strayed();
        match had(made) {
            Ok(made) => came(receipt, &made, strayed),
            // It asked for something else: that is what it comes to.
            Err(Unable { why, .. }) if strayed.is_some() => {
                let differences = strayed.into_iter().chain([format!("it ends without a result: {why}")]).collect();
                Ok(Came { status: "abstain", hash: B256::ZERO, fuel: 0, differences })
            }
            Err(unable) => Err(unable),
        }
    }
}

async fn on_chain(again: &Again<'_>, receipt: &Receipt, terms: Terms) -> Result<Came, Unable> {
    let report = receipt.report().ok_or_else(|| Unable::new(Exit::Failure, "its status does not exist"))?;
    let trial = again.history.trial(&report).await?;
    let (made, _) = again.record(Trial { terms: Arc::new(terms), ..trial }).await?;
    came(receipt, &made, None)
}

/// What a run came to, beside what its receipt says.
fn came(receipt: &Receipt, made: &Made, strayed: Option<String>) -> Result<Came, Unable> {
    let outcome = made.outcome().ok_or_else(|| Unable::new(Exit::Failure, "it ends without a result"))?;
    let (status, hash) = (status_name(outcome.status), outcome.hash(receipt.outcome.code_hash));
    let mut pairs = vec![
        ("the status", receipt.outcome.status.clone(), status.to_owned()),
        ("the outcome hash", receipt.outcome.hash.to_string(), hash.to_string()),
    ];
    if let (Some(known), None) = (receipt.outcome(), &receipt.run) {
        pairs.push(("the transcript root", known.transcript.to_string(), outcome.transcript.to_string()));
        pairs.push(("the outcome", known.data.to_string(), outcome.data.to_string()));
    }
    let mut differences: Vec<String> = strayed.into_iter().collect();
    let others = pairs.into_iter().filter(|(_, said, now)| said != now);
    differences.extend(others.map(|(what, said, now)| format!("{what} is {said} in the receipt, and {now} now")));
    differences.extend(receipt.run.iter().flat_map(|tape| tape.ended.differences(&Ending::of(made))));
    Ok(Came { status, hash, fuel: made.used.fuel, differences })
}

/// Whether a receipt is of this network.
fn is_of(chain: &Chain, receipt: &Receipt) -> Result<()> {
    let Network { chain_id, contracts, .. } = &chain.network;
    ensure!(
        receipt.domain() == Domain { chain_id: *chain_id, task_manager: contracts.task_manager },
        "the receipt is of contract {} on chain {}, and --network is of {} on chain {chain_id}",
        receipt.task_manager,
        receipt.chain_id,
        contracts.task_manager
    );
    Ok(())
}

/// A run that was recorded.
fn tape_in(file: &Path) -> Result<Tape> {
    let text = String::from_utf8(read_file(file, "--tape").exit(Exit::NotFound)?);
    let text = text.map_err(|_| anyhow!("{} is no text", file.display())).exit(Exit::Usage)?;
    Tape::read(&text).with_context(|| file.display().to_string()).exit(Exit::Usage)
}

/// Where the code on disk is, and its hash.
fn code_of(file: &Path) -> Result<(Url, B256)> {
    let bytes = read_file(file, "--code").exit(Exit::NotFound)?;
    let absolute = std::path::absolute(file).with_context(|| format!("where is {}?", file.display()))?;
    let url = Url::from_file_path(&absolute).map_err(|()| anyhow!("{} cannot be a URL", absolute.display()))?;
    Ok((url, B256::from_slice(&Sha256::digest(&bytes))))
}

impl Replayed {
    fn exit(&self) -> Exit {
        match &self.came {
            Ok(came) if came.differences.is_empty() => Exit::Success,
            Ok(_) => Exit::Failure,
            Err(unable) => unable.exit,
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let file = self.file.display();
        match &self.came {
            Ok(came) if came.differences.is_empty() => vec![
                ("replay", format!("{file}: the same, from {}", self.from)),
                ("outcome", format!("{}, hash {}, {} fuel", came.status, came.hash, came.fuel)),
            ],
            Ok(came) => {
                let differences = came.differences.iter().map(|it| ("DIFFERS", it.clone()));
                let head = ("replay", format!("{file}: NOT the same, from {}", self.from));
                [head].into_iter().chain(differences).collect()
            }
            Err(unable) => vec![("replay", format!("{file}: could not be made: {}", unable.why))],
        }
    }

    fn document(&self) -> Value {
        let came = self.came.as_ref().ok();
        json!({
            "file": self.file,
            "receipt": summary(&self.receipt),
            "from": self.from,
            "same": came.map(|came| came.differences.is_empty()),
            "status": came.map(|came| came.status),
            "outcome_hash": came.map(|came| came.hash),
            "fuel": came.map(|came| came.fuel),
            "differences": came.map(|came| &came.differences),
            "not_made": self.came.as_ref().err().map(|unable| &unable.why),
        })
    }
}
