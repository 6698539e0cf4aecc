//! The command line: what can be said, and which file answers it.
//!
//! stdout carries the answer and nothing else (with `--json` one JSON document), stderr logs and errors. Exit codes:
//! see [`Exit`].

mod argv;
mod asking;
mod audit;
mod backup;
mod cert;
mod chain;
mod codes;
mod completions;
mod config;
mod currency;
mod dispute;
mod doctor;
mod environment;
mod exit;
mod explain;
mod filed;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod global;
mod init;
mod job;
mod join;
mod journal;
mod keys;
mod logs;
mod node_file;
mod operator;
mod origin;
mod output;
mod peers;
mod receipt;
mod replay;
mod secrets;
mod start;
mod status;
mod terminal;
mod top;
mod version;
mod walk;
mod worker;

use std::path::Path;

use anyhow::Result;
use clap::{Parser, Subcommand};

pub use codes::Code;
pub use config::ConfigCommand;
pub use dispute::DisputeCommand;
pub use doctor::DoctorArgs;
pub use exit::{Exit, WithExit};
pub use global::Global;
pub use join::{JoinArgs, NodeFlags};
pub use journal::JournalCommand;
pub use keys::KeysCommand;
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

/// The verbs.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as the program runs")]
pub enum Command {
    /// Make the data directory, a config file and the peer identity
    Init,
    /// Make, show, bring and take the operator's keys
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
    /// What jobs that look outside may have sent in headers, each to its own host; read from stdin, and never shown
    #[command(subcommand)]
    Secrets(secrets::SecretsCommand),
    /// Look at the sign-once journal, and carry it to another machine; only while no keeper runs
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Keys, configuration and journal in one encrypted file, and back; only while no keeper runs
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Ask a running keeper how it is; exit code 3 if it is not ready
    Status(StatusArgs),
    /// Read the log that `keeper join --log-dir` keeps
    Logs(logs::LogsArgs),
    /// Show the settings and where each comes from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say what an error's code means, and how to mend it
    Explain(explain::ExplainArgs),
    /// Print a script that completes this program's words in a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual, or write a page for each verb
    Man(completions::ManArgs),
    /// Show the version
    Version,
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

/// Does what the command line says.
///
/// # Errors
/// What went wrong, why, and how to mend it; [`Exit::of`] tells the exit code.
pub async fn run(cli: Cli) -> Result<Exit> {
    let global = &cli.global;
    match cli.command {
        Command::Init => init::run(global),
        Command::Keys(command) => keys::run(global, command).await,
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
        Command::Dispute(DisputeCommand::Open { run, yes }) => dispute::open(global, &run, yes).await,
        Command::Dispute(DisputeCommand::Join { id, run }) => dispute::join(global, id, &run).await,
        Command::Dispute(DisputeCommand::Show { id }) => dispute::show(global, id).await,
        Command::Dispute(DisputeCommand::Enforce { id }) => dispute::enforce(global, id).await,
        Command::Dispute(DisputeCommand::Expire { id }) => dispute::expire(global, id).await,
        Command::Dispute(DisputeCommand::Claim { to }) => dispute::claim(global, to).await,
        Command::Secrets(command) => secrets::run(global, command),
        Command::Journal(JournalCommand::Show) => journal::show(global),
        Command::Journal(JournalCommand::Export { file }) => journal::export(global, &file),
        Command::Journal(JournalCommand::Import { file }) => journal::import(global, &file),
        Command::Backup(command) => backup::run(global, command),
        Command::Status(args) => status::run(global, &args).await,
        Command::Logs(args) => logs::read(global, &args).await,
        Command::Config(command) => config::run(global, command),
        Command::Explain(args) => explain::run(global, &args),
        Command::Completions(args) => completions::completions(global, &args),
        Command::Man(args) => completions::man(global, &args),
        Command::Version => version::run(global),
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
