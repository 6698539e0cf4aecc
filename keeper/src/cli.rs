//! The command line: what can be said, and which file answers it.
//!
//! stdout carries the answer and nothing else (with `--json` one JSON document), stderr logs and errors. Exit codes:
//! see [`Exit`].

mod asking;
mod audit;
mod cert;
mod chain;
mod currency;
mod dispute;
mod doctor;
mod exit;
mod filed;
mod init;
mod job;
mod join;
mod journal;
mod keys;
mod logs;
mod node_file;
mod operator;
mod output;
mod peers;
mod receipt;
mod replay;
mod start;
mod status;
mod top;
mod worker;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{ArgAction, Args, Parser, Subcommand};
use url::Url;

use crate::config::{LogFormat, Settings};
use crate::paths::Paths;
pub use dispute::DisputeCommand;
pub use doctor::DoctorArgs;
pub use exit::{Exit, WithExit};
pub use join::JoinArgs;
pub use logs::start_logs;
pub use node_file::NodeFile;
pub use operator::{ClaimArgs, StakeArgs};
pub use output::report_failure;
pub use peers::PeersArgs;
pub use start::main;
pub use status::StatusArgs;
pub use top::TopArgs;
pub use worker::WorkerArgs;

/// An open keeper network for EVM chains: run an operator node, register it, create jobs.
#[derive(Debug, Parser)]
#[command(name = "keeper", version, max_term_width = 110, propagate_version = true)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Directory for everything this keeper keeps [default: the user's XDG directories]
    #[arg(long, global = true, env = "KEEPER_DATADIR", hide_env_values = true, value_name = "DIR")]
    pub datadir: Option<PathBuf>,
    /// Config file [default: config.toml in the data directory]
    #[arg(long, global = true, env = "KEEPER_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Network file, written by the deployer
    #[arg(long, global = true, env = "KEEPER_NETWORK", hide_env_values = true, value_name = "FILE")]
    pub network: Option<PathBuf>,
    /// RPC node, in place of the network file's; repeat for fallbacks
    #[arg(
        long = "rpc-url",
        visible_alias = "rpc",
        global = true,
        env = "KEEPER_RPC_URL",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    pub rpc_urls: Vec<Url>,
    /// File whose first line is the password of the keystores
    #[arg(long, global = true, env = "KEEPER_PASSWORD_FILE", hide_env_values = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    pub json: bool,
    /// Log filter, such as `info` or `warn,keeper=debug` [default: info for join, else warn]
    #[arg(long, global = true, env = "KEEPER_LOG_LEVEL", hide_env_values = true, value_name = "FILTER")]
    pub log_level: Option<String>,
    /// How logs look
    #[arg(long, global = true, env = "KEEPER_LOG_FORMAT", hide_env_values = true, value_enum)]
    pub log_format: Option<LogFormat>,
}

impl Global {
    /// The files of this keeper.
    ///
    /// # Errors
    /// Without `--datadir` and home directory.
    pub fn paths(&self) -> Result<Paths> {
        Ok(Paths::resolve(self.datadir.as_deref())?)
    }

    /// The config file that is read.
    #[must_use]
    pub fn config_file(&self, paths: &Paths) -> PathBuf {
        self.config.clone().unwrap_or_else(|| paths.config().to_owned())
    }

    /// Flags and environment, then the config file.
    ///
    /// # Errors
    /// When the config file cannot be read or holds unknown keys.
    pub fn settings(&self) -> Result<Settings> {
        let file = self.config_file(&self.paths()?);
        Ok(self.flags().or(Settings::load(&file, self.config.is_some())?))
    }

    fn flags(&self) -> Settings {
        Settings {
            network: self.network.clone(),
            rpc_urls: self.rpc_urls.clone(),
            password_file: self.password_file.clone(),
            log_level: self.log_level.clone(),
            log_format: self.log_format,
            ..Settings::default()
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the data directory, a config file and the peer identity
    Init,
    /// Make and show the operator's keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Take part on chain
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Run an operator node
    Join(Box<JoinArgs>),
    /// Create and look at jobs; what changes one is sent with --broadcast, and else only tried
    #[command(subcommand)]
    Job(JobCommand),
    /// Say that a certified result is wrong, and see what becomes of it
    #[command(subcommand)]
    Dispute(DisputeCommand),
    /// Check receipts of settled runs
    #[command(subcommand)]
    Cert(cert::CertCommand),
    /// Make the runs of receipts again; exit code 1 if one gives another outcome
    Replay(replay::ReplayArgs),
    /// Run a sample of what settled of a job again, and dispute what is wrong; exit code 1 if anything is
    Audit(audit::AuditArgs),
    /// Look at the sign-once journal, and carry it to another machine; only while no keeper runs
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Ask a running keeper how it is; exit code 3 if it is not ready
    Status(StatusArgs),
    /// Look at everything a keeper needs, whether it runs or not, and say how to mend it; exit code 3 if something is wrong
    Doctor(DoctorArgs),
    /// Show every registered keeper, as its heartbeats show it
    Peers(PeersArgs),
    /// Show the keeper that runs, its mesh and its jobs on one screen, anew every second; q quits
    Top(TopArgs),
    /// Compile or run job code for a keeper, over pipes; keepers start it themselves
    #[command(hide = true)]
    Worker(WorkerArgs),
}

/// `keeper keys ...`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make the keys that are missing; those that are there are opened as a check
    New {
        /// Cheap password hashing, for local networks only
        #[arg(long)]
        light_scrypt: bool,
    },
    /// Show the public keys; needs no password
    Show,
    /// Replace the BLS key and the mesh identity of an operator that has deregistered; the old ones are kept aside
    Rotate {
        /// Cheap password hashing, for local networks only
        #[arg(long)]
        light_scrypt: bool,
    },
}

/// `keeper operator ...`
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Allocate stake and register keys; does nothing if that is done
    Register,
    /// Leave: the operator counts until the next epoch, and its keeper then stops signing
    Deregister,
    /// Raise or lower the stake that counts from the next epoch on
    Stake(StakeArgs),
    /// Show registration, stake and earnings
    Status,
    /// Collect what was earned
    Claim(ClaimArgs),
}

/// `keeper job ...`. What changes a job is sent with `--broadcast` alone.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// List a job on chain and fund it
    #[command(after_help = job::NEEDED)]
    Create(Box<job::CreateArgs>),
    /// Propose the job that does what an entry of another keeper network did
    #[command(subcommand)]
    Import(job::ImportCommand),
    /// Give a paused job other terms, and let it run again
    Update(Box<job::UpdateArgs>),
    /// Make a folder with a job that builds and runs as it is
    New(job::NewArgs),
    /// Build a job's component, or compile its contracts
    Build(job::BuildArgs),
    /// Build a job again on every change, and make a run at every block, until Ctrl-C
    Dev(Box<job::DevArgs>),
    /// Make one run of a job as keepers would, listed or not, and show what would come of it; nothing is sent
    Test(Box<job::TestArgs>),
    /// Show what a job costs, before it is listed or after
    Cost(Box<job::CostArgs>),
    /// List the jobs on chain
    List(job::ListArgs),
    /// Show one job
    Show {
        /// Job id
        id: u64,
    },
    /// Set more money aside for a job
    Fund(job::FundArgs),
    /// Stop a job for a while
    Pause(job::LifeArgs),
    /// Run a paused job again
    Resume(job::LifeArgs),
    /// Stop a job for good
    Cancel(job::LifeArgs),
    /// Ask for a job's money, and later take it
    Withdraw(job::WithdrawArgs),
    /// Show what the keeper of this data directory has recorded of a job's runs, whether it runs or not
    Runs(job::RunsArgs),
    /// Make a file that shows what settled of a run, for anybody to check (`keeper cert verify`) and to run again (`keeper replay`)
    Receipt(receipt::ReceiptArgs),
    /// Follow a job's runs: a line for whatever changes, until Ctrl-C
    Watch(job::WatchArgs),
    /// Say why a run did not come to what it should, who led, signed and refused, and what to do about it
    Why(job::WhyArgs),
}

/// `keeper journal ...`
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Show whose it is and how much it holds
    Show,
    /// Write this key's signing history to a new file
    Export {
        /// JSON file to write, in the manner of EIP-3076
        file: PathBuf,
    },
    /// Add the signing history of an exported file; never forgets or lowers anything
    Import {
        /// File that `keeper journal export` wrote
        file: PathBuf,
    },
}

/// Does what the command line says.
///
/// # Errors
/// What went wrong, why, and how to mend it; [`Exit::of`] tells the exit code.
pub async fn run(cli: Cli) -> Result<Exit> {
    let global = &cli.global;
    match cli.command {
        Command::Init => init::run(global),
        Command::Keys(KeysCommand::New { light_scrypt }) => keys::new(global, light_scrypt),
        Command::Keys(KeysCommand::Show) => keys::show(global),
        Command::Keys(KeysCommand::Rotate { light_scrypt }) => keys::rotate(global, light_scrypt).await,
        Command::Operator(OperatorCommand::Register) => operator::register(global).await,
        Command::Operator(OperatorCommand::Deregister) => operator::deregister(global).await,
        Command::Operator(OperatorCommand::Stake(args)) => operator::stake(global, &args).await,
        Command::Operator(OperatorCommand::Status) => operator::status(global).await,
        Command::Operator(OperatorCommand::Claim(args)) => operator::claim(global, &args).await,
        Command::Join(args) => Box::pin(join::run(*args, global)).await,
        Command::Job(JobCommand::Create(args)) => job::create(global, *args).await,
        Command::Job(JobCommand::Import(command)) => job::import(global, command).await,
        Command::Job(JobCommand::Update(args)) => job::update(global, *args).await,
        Command::Job(JobCommand::Cost(args)) => job::cost(global, *args).await,
        Command::Job(JobCommand::New(args)) => job::new(global, &args),
        Command::Job(JobCommand::Build(args)) => job::build(global, &args),
        Command::Job(JobCommand::Dev(args)) => Box::pin(job::dev(global, *args)).await,
        Command::Job(JobCommand::Test(args)) => Box::pin(job::test(global, *args)).await,
        Command::Job(JobCommand::List(args)) => job::list(global, &args).await,
        Command::Job(JobCommand::Show { id }) => job::show(global, id).await,
        Command::Job(JobCommand::Fund(args)) => job::fund(global, &args).await,
        Command::Job(JobCommand::Pause(args)) => job::pause(global, args).await,
        Command::Job(JobCommand::Resume(args)) => job::resume(global, args).await,
        Command::Job(JobCommand::Cancel(args)) => job::cancel(global, args).await,
        Command::Job(JobCommand::Withdraw(args)) => job::withdraw(global, &args).await,
        Command::Job(JobCommand::Runs(args)) => job::runs(global, &args),
        Command::Job(JobCommand::Receipt(args)) => Box::pin(receipt::make(global, &args)).await,
        Command::Job(JobCommand::Watch(args)) => job::watch(global, &args).await,
        Command::Job(JobCommand::Why(args)) => Box::pin(job::why(global, &args)).await,
        Command::Cert(command) => Box::pin(cert::run(global, command)).await,
        Command::Replay(args) => Box::pin(replay::run(global, &args)).await,
        Command::Audit(args) => Box::pin(audit::run(global, &args)).await,
        Command::Dispute(DisputeCommand::Open(args)) => dispute::open(global, &args).await,
        Command::Dispute(DisputeCommand::Join { id, run }) => dispute::join(global, id, &run).await,
        Command::Dispute(DisputeCommand::Show { id }) => dispute::show(global, id).await,
        Command::Dispute(DisputeCommand::Enforce { id }) => dispute::enforce(global, id).await,
        Command::Dispute(DisputeCommand::Expire { id }) => dispute::expire(global, id).await,
        Command::Dispute(DisputeCommand::Claim { to }) => dispute::claim(global, to).await,
        Command::Journal(JournalCommand::Show) => journal::show(global),
        Command::Journal(JournalCommand::Export { file }) => journal::export(global, &file),
        Command::Journal(JournalCommand::Import { file }) => journal::import(global, &file),
        Command::Status(args) => status::run(global, &args).await,
        Command::Doctor(args) => Box::pin(doctor::run(global, &args)).await,
        Command::Peers(args) => peers::run(global, &args).await,
        Command::Top(args) => Box::pin(top::run(global, &args)).await,
        Command::Worker(_) => anyhow::bail!("a worker is started before anything else; see `cli::main`"),
    }
}

/// Whether a path names something that is not there, for exit code 4.
fn is_missing(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}

#[cfg(test)]
mod tests;
