//! `keeper dispute`: says that a certified result is wrong, and sees what becomes of it.

mod find;
mod state;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, Subcommand};
use contracts::terms::DisputeStatus;
use contracts::{Challenger, IChallenger};
use serde_json::{Value, json};

use find::{Found, find};
pub(super) use find::{Which, certificates_of, input_of, settled};

use super::chain::{Chain, Sender, coin};
use super::output::{answer, rows};
use super::terminal::{Person, Terminal, confirm};
use super::{Exit, Global, WithExit};
use crate::chain::{Certified, ChainError, Receipt, latest};
use crate::jobs::flags::{RunName, parse_run};
use crate::keystore::Keystore;

/// `keeper dispute ...`
#[derive(Debug, Subcommand)]
pub enum DisputeCommand {
    /// Say that a settled result is wrong, against a bond: keepers run it again and rule
    Open {
        /// Which result
        #[command(flatten)]
        run: RunArgs,
        /// Do not ask where no node here has the chain's state at the run's block: few keepers may be able to rule then
        #[arg(long, short)]
        yes: bool,
    },
    /// Hold another certificate of a disputed result against its signers too; takes no bond
    Join {
        /// Number of the dispute
        id: u64,
        /// Which result
        #[command(flatten)]
        run: RunArgs,
    },
    /// Show one dispute
    Show {
        /// Number of the dispute
        id: u64,
    },
    /// Have the signers of a result punished that was ruled wrong, as keepers do; up to 32 at a time
    Enforce {
        /// Number of the dispute
        id: u64,
    },
    /// Give up a dispute that nobody ruled on in time: its bond comes back
    Expire {
        /// Number of the dispute
        id: u64,
    },
    /// Take bonds that came back, and rewards for proofs
    Claim {
        /// Who gets it [default: the wallet's account]
        #[arg(long)]
        to: Option<Address>,
    },
}

/// Which result.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Job id
    #[arg(long)]
    pub(super) job: u64,
    /// Which of its runs, counted from 0; or its instance key
    #[arg(long, value_parser = parse_run, value_name = "RUN")]
    pub(super) run: RunName,
    /// Version of the job; needed where the run settled under several
    #[arg(long)]
    pub(super) job_version: Option<u32>,
    /// Hash of the outcome that is wrong: refuses if another one settled
    #[arg(long, value_name = "HASH")]
    pub(super) outcome: Option<B256>,
}

/// The wallet's way to the Challenger.
struct Desk {
    chain: Chain,
    sender: Sender,
}

impl Desk {
    async fn open(global: &Global) -> Result<Self> {
        let settings = global.settings()?;
        let password = global.password(&settings, false)?;
        let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
        let chain = Chain::connect(global, &settings).await?;
        let sender = chain.sender(wallet).await?;
        Ok(Self { chain, sender })
    }
}

fn challenger(chain: &Chain) -> Challenger::ChallengerInstance<&crate::chain::ChainProvider> {
    Challenger::new(chain.network.contracts.challenger, &chain.provider)
}

pub(super) async fn open(global: &Global, args: &RunArgs, yes: bool) -> Result<Exit> {
    let Opened { id, deadline, bond, document } = press(global, args, yes).await?;
    let text = format!(
        "dispute {id} of run {} of job {} is open until block {deadline}; the bond of {} comes back unless the result is confirmed: \
         see `keeper dispute show {id}`\n",
        args.run,
        args.job,
        coin(bond)
    );
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// A dispute that was opened.
pub(super) struct Opened {
    pub(super) id: u64,
    deadline: u64,
    bond: U256,
    pub(super) document: Value,
}

/// Opens a dispute of a settled result, against the bond. Unless `yes`, whoever sits there is asked first where keepers may not be able to
/// rule on it.
pub(super) async fn press(global: &Global, args: &RunArgs, yes: bool) -> Result<Opened> {
    let desk = Desk::open(global).await?;
    let chain = &desk.chain;
    let Found { task, tx, certified: Certified { epoch, statement, .. } } = find(chain, args).await?;
    let bond = challenger(chain).bond().call().await.map_err(ChainError::from)?;
    check_bond(&desk, bond).await?;
    if let Some(question) = state::doubt(chain, &statement.report, bond).await.filter(|_| !yes) {
        confirm(Person::present().as_mut().map(|person| person as &mut dyn Terminal), yes, &question, "open")?;
    }
    let call = Challenger::openDisputeCall { epoch, statement };
    let to = chain.network.contracts.challenger;
    let sent = desk.sender.send("open the dispute", to, &call, bond).await;
    let receipt = sent.map_err(|error| if_disputed(error, args))?;
    let event: Challenger::DisputeOpened = event(&receipt, to)?;
    let (id, deadline) = (event.disputeId, event.deadline);
    let document = json!({
        "id": id,
        "job": args.job,
        "job_version": task.version,
        "run": args.run.document(),
        "task_id": event.taskId,
        "settled_by": tx,
        "epoch": epoch,
        "bond_wei": bond.to_string(),
        "deadline": deadline,
        "transaction": receipt.tx,
    });
    Ok(Opened { id, deadline, bond, document })
}

/// Says what to do where somebody else was faster.
fn if_disputed(error: anyhow::Error, args: &RunArgs) -> anyhow::Error {
    if !error.chain().any(|cause| cause.to_string().contains("AlreadyDisputed")) {
        return error;
    }
    let RunArgs { job, run, .. } = args;
    error.context(format!(
        "the result is disputed already, under the number that the contract names: `keeper dispute join NUMBER --job {job} --run \
         {run}` holds this certificate against its signers too, if they are others"
    ))
}

pub(super) async fn join(global: &Global, id: u64, args: &RunArgs) -> Result<Exit> {
    let desk = Desk::open(global).await?;
    let chain = &desk.chain;
    let dispute = existing(chain, id).await?;
    let Found { certified: Certified { epoch, statement, .. }, .. } = find(chain, args).await?;
    let others = statement.signers.first().copied().unwrap_or_default() & !dispute.signers;
    let checked: Result<()> = (|| {
        ensure!(
            epoch == dispute.epoch,
            "the certificate is of epoch {epoch}, the dispute's of epoch {}",
            dispute.epoch
        );
        ensure!(!others.is_zero(), "all who signed this certificate are in dispute {id} already");
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let call = Challenger::joinDisputeCall { disputeId: id, statement };
    let to = chain.network.contracts.challenger;
    let receipt = desk.sender.send("join the dispute", to, &call, U256::ZERO).await?;
    let count = others.count_ones();
    let document = json!({"id": id, "added": count, "transaction": receipt.tx});
    answer(global, document, &format!("{count} more signers are held to account in dispute {id}\n"));
    Ok(Exit::Success)
}

/// The event that a transaction must have left behind.
fn event<E: SolEvent>(receipt: &Receipt, of: Address) -> Result<E> {
    let logs = receipt.logs.iter().filter(|log| log.address() == of);
    let found = logs.filter_map(|log| log.log_decode::<E>().ok()).next();
    Ok(found.with_context(|| format!("the transaction left no {} behind", E::SIGNATURE)).exit(Exit::Chain)?.inner.data)
}

async fn check_bond(desk: &Desk, bond: U256) -> Result<()> {
    let account = desk.sender.account;
    let balance = desk.chain.provider.get_balance(account).await.map_err(ChainError::from)?;
    let checked: Result<()> = (|| {
        let (has, takes) = (coin(balance), coin(bond));
        ensure!(balance > bond, "a dispute takes a bond of {takes}, and account {account} holds {has}");
        Ok(())
    })();
    checked.exit(Exit::Chain)
}

/// The dispute with this number.
async fn existing(chain: &Chain, id: u64) -> Result<IChallenger::Dispute> {
    let count = challenger(chain).disputeCount().call().await.map_err(ChainError::from)?;
    if id == 0 || id > count {
        return Err(anyhow!("there is no dispute {id}: there have been {count}, numbered from 1")).exit(Exit::NotFound);
    }
    Ok(challenger(chain).dispute(id).call().await.map_err(ChainError::from)?)
}

pub(super) async fn show(global: &Global, id: u64) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let dispute = existing(&chain, id).await?;
    let status = DisputeStatus::of(dispute.status);
    let (signers, punished) = (dispute.signers.count_ones(), dispute.punished.count_ones());
    let document = json!({
        "id": id,
        "status": status.name(),
        "disputer": dispute.disputer,
        "task_id": dispute.taskId,
        "epoch": dispute.epoch,
        "report_status": dispute.reportStatus,
        "outcome_hash": dispute.outcomeHash,
        "deadline": dispute.deadline,
        "bond_wei": dispute.bond.to_string(),
        "signers": signers,
        "punished": punished,
    });
    let newest = latest(&chain.provider).await?.head.number;
    let next = match status {
        DisputeStatus::Open if newest > dispute.deadline => {
            format!("nobody ruled until block {}: `keeper dispute expire {id}` gives it up", dispute.deadline)
        }
        DisputeStatus::Open => format!("keepers run it again and rule, until block {}", dispute.deadline),
        DisputeStatus::Upheld => format!(
            "the result was wrong, {punished} of its {signers} signers have been dealt with so far, and the bond is to be had by \
             `keeper dispute claim`"
        ),
        DisputeStatus::Rejected => "the result was right: the bond has gone to those who prove misbehaviour".to_owned(),
        DisputeStatus::Expired => "nobody ruled in time: the bond is to be had by `keeper dispute claim`".to_owned(),
        DisputeStatus::None => "of a kind that this program does not know: update it".to_owned(),
    };
    let text = rows(&[
        ("dispute", id.to_string()),
        ("status", format!("{}: {next}", status.name())),
        ("opened by", dispute.disputer.to_string()),
        ("task", dispute.taskId.to_string()),
        (
            "certified",
            format!("status {}, outcome {}, in epoch {}", dispute.reportStatus, dispute.outcomeHash, dispute.epoch),
        ),
        ("bond", coin(dispute.bond)),
    ]);
    answer(global, document, &text);
    Ok(Exit::Success)
}

pub(super) async fn enforce(global: &Global, id: u64) -> Result<Exit> {
    let desk = Desk::open(global).await?;
    let dispute = existing(&desk.chain, id).await?;
    let (status, left) = (DisputeStatus::of(dispute.status), dispute.signers & !dispute.punished);
    let checked: Result<()> = (|| {
        ensure!(status == DisputeStatus::Upheld, "dispute {id} is {}: nobody is to be punished", status.name());
        ensure!(!left.is_zero(), "all signers in dispute {id} have been dealt with");
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let to = desk.chain.network.contracts.challenger;
    let receipt = desk.sender.send("punish", to, &Challenger::enforceCall { disputeId: id }, U256::ZERO).await?;
    let logs = receipt.logs.iter().filter(|log| log.address() == to);
    let punished = logs.filter(|log| log.log_decode::<Challenger::WrongResultPunished>().is_ok()).count();
    let document = json!({"id": id, "punished": punished, "transaction": receipt.tx});
    answer(global, document, &format!("{punished} signers of dispute {id}'s result lost a tenth of their stake\n"));
    Ok(Exit::Success)
}

pub(super) async fn expire(global: &Global, id: u64) -> Result<Exit> {
    let desk = Desk::open(global).await?;
    let dispute = existing(&desk.chain, id).await?;
    let status = DisputeStatus::of(dispute.status);
    let newest = latest(&desk.chain.provider).await?.head.number;
    let checked: Result<()> = (|| {
        ensure!(status == DisputeStatus::Open, "dispute {id} is {}: there is nothing to give up", status.name());
        let deadline = dispute.deadline;
        ensure!(
            newest >= deadline,
            "keepers may rule on dispute {id} until block {deadline}; the chain is at {newest}"
        );
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let call = Challenger::expireCall { disputeId: id };
    let to = desk.chain.network.contracts.challenger;
    let receipt = desk.sender.send("give up the dispute", to, &call, U256::ZERO).await?;
    let document = json!({"id": id, "bond_wei": dispute.bond.to_string(), "transaction": receipt.tx});
    let text = format!("dispute {id} is over; take its bond of {} with `keeper dispute claim`\n", coin(dispute.bond));
    answer(global, document, &text);
    Ok(Exit::Success)
}

pub(super) async fn claim(global: &Global, to: Option<Address>) -> Result<Exit> {
    let desk = Desk::open(global).await?;
    let account = desk.sender.account;
    let to = to.unwrap_or(account);
    let owed = challenger(&desk.chain).owed(account).call().await.map_err(ChainError::from)?;
    if owed.is_zero() {
        let document = json!({"account": account, "to": to, "amount_wei": "0", "transaction": null});
        answer(global, document, "nothing to claim\n");
        return Ok(Exit::Success);
    }
    let call = Challenger::claimCall { to };
    let challenger = desk.chain.network.contracts.challenger;
    let receipt = desk.sender.send("claim", challenger, &call, U256::ZERO).await?;
    let amount = event::<Challenger::Claimed>(&receipt, challenger)?.amount;
    let document = json!({"account": account, "to": to, "amount_wei": amount.to_string(), "transaction": receipt.tx});
    answer(global, document, &format!("claimed {} for {to}\n", coin(amount)));
    Ok(Exit::Success)
}
