//! Deploys the contracts and writes `network.toml`. Started by `contracts/deploy.sh`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy::network::EthereumWallet;
use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::LocalSigner;
use anyhow::{Context, Result, bail};
use clap::Parser;
use contracts::deploy::{ChainKind, DeployConfig, Staking, Timelock, check_upgrade, deploy_told, dry_run};
use contracts::network::Network;
use contracts::text;
use contracts::url::{masked, origin};
use serde_json::json;

/// The chain id that local chains (anvil, hardhat) have by default.
const LOCAL_CHAIN: u64 = 31337;

/// What is wrong with a URL is said without it: it may hold a key.
const NO_URL: &str = "--rpc-url is no URL; write it like http://127.0.0.1:8545";

/// Deploys the Keeper Mesh contracts and writes the network file that keepers join with.
#[derive(Debug, Parser)]
#[command(name = "deploy.sh")]
struct Options {
    /// JSON-RPC endpoint of the chain
    #[arg(long, value_name = "URL")]
    rpc_url: String,
    /// Network file to write
    #[arg(long, value_name = "FILE", default_value = "network.toml")]
    out: PathBuf,
    /// Blocks on top of a block before it counts as settled
    #[arg(long, default_value_t = 0)]
    confirmations: u64,
    /// Seconds between blocks
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    block_seconds: u64,
    /// Milliseconds between blocks, where that is less than a second
    #[arg(long, conflicts_with = "block_seconds", value_parser = clap::value_parser!(u64).range(1..1000))]
    block_milliseconds: Option<u64>,
    /// Shortest time between two operator sets
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    epoch_seconds: u32,
    /// Time until a creator's pause, cancel or withdrawal takes effect
    #[arg(long, default_value_t = 30)]
    notice_seconds: u32,
    /// Wei above the base fee that submitters get back for a gas, at most, and that keepers offer
    #[arg(long, default_value_t = 10_000_000)]
    tip: u128,
    /// What a run of a job must cost at least, in wei; tokens are listed later, by setLeastFee of the JobManager
    #[arg(long, default_value_t = 1_000_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    least_fee: u64,
    /// What listing a job takes, in wei; it comes back when the job has ended
    #[arg(long, default_value_t = 10_000_000_000_000_000)]
    listing_deposit: u64,
    /// Stake below this many wei counts as none
    #[arg(long, default_value_t = 1_000_000_000_000_000_000)]
    minimum_stake: u128,
    /// How many blocks after a snapshot stake must stay slashable to count, fewer than EigenLayer's deallocation delay; by
    /// block.number, which on Arbitrum is Ethereum's. Misbehaviour can be proven for as long less two epochs, on Arbitrum
    /// for half of that; disputes open in the first half of what is left
    #[arg(long, default_value_t = 300)]
    slashable_blocks: u32,
    /// What one proven misbehaviour pays from the bounty pot at most, in wei, where --minimum-stake or more was taken;
    /// worth far less than that stake
    #[arg(long, default_value_t = 10_000_000_000_000_000)]
    reward: u128,
    /// What opening a dispute takes, in wei
    #[arg(long, default_value_t = 100_000_000_000_000_000)]
    bond: u128,
    /// EigenLayer's AllocationManager; without it a local stand-in is deployed (local chains only)
    #[arg(long, value_name = "ADDRESS", requires = "strategy")]
    allocation_manager: Option<Address>,
    /// Strategy of the staked asset
    #[arg(long, value_name = "ADDRESS", requires = "allocation_manager")]
    strategy: Option<Address>,
    /// Put a timelock with this delay in seconds over upgrades and roles; left out, the deployer owns everything (local
    /// chains only)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timelock_seconds: Option<u64>,
    /// Who announces to the timelock; the deployer by default
    #[arg(long, value_name = "ADDRESS", requires = "timelock_seconds")]
    proposer: Option<Address>,
    /// Who may pause settling and new jobs, and nothing else; the deployer by default
    #[arg(long, value_name = "ADDRESS")]
    guardian: Option<Address>,
    /// Send nothing: check the chain, run the constructors, show addresses and cost
    #[arg(long)]
    dry_run: bool,
    /// Send nothing: check that these contracts may take the place of those of the network in this file
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    check_upgrade: Option<PathBuf>,
    /// Web3 keystore of the deployer; without it a local node's first unlocked account is used
    #[arg(long, value_name = "FILE", requires = "password_file")]
    keystore: Option<PathBuf>,
    /// File with the keystore's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Also deploy the example targets Counter and Feed
    #[arg(long)]
    examples: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let Err(error) = run(&options).await else { return ExitCode::SUCCESS };
    tell(&shown(&error, &options));
    ExitCode::FAILURE
}

/// Whatever a node or a client says may repeat the URL, and its key goes into no log.
fn shown(error: &anyhow::Error, options: &Options) -> String {
    masked(&format!("Error: {error:?}"), &options.rpc_url)
}

async fn run(options: &Options) -> Result<()> {
    if let Some(file) = &options.check_upgrade {
        check_upgrade(&reader(options)?, &Network::load(file)?).await?;
        print(&json!({"upgrade": "possible", "network": file}));
        return Ok(());
    }
    if !options.dry_run {
        // Known before anything is paid for.
        Network::check_writable(&options.out)?;
    }
    let (provider, deployer) = connect(options).await?;
    let config = configured(options, deployer);
    if options.dry_run {
        let run = dry_run(&provider, &config).await?;
        print(&json!({
            "dry_run": true,
            "chain_id": run.chain_id,
            "chain": described(run.chain),
            "deployer": deployer,
            "owner": run.owner,
            "gas_limit": run.gas_limit,
            "cost_wei": run.cost.to_string(),
            "balance_wei": run.balance.to_string(),
            "provable_blocks": config.provable_blocks(run.chain)?,
            "anchor_age_blocks": config.anchor_age(run.chain)?,
            "contracts": run.contracts,
        }));
        if run.balance < run.cost {
            bail!("{deployer} has {} wei, and {} may be needed; send it more", run.balance, run.cost);
        }
        return Ok(());
    }
    let deployment = deploy_told(&provider, &config, |owner, contracts| {
        // In case this program does not live to write the file.
        tell(&format!("sending; if all goes well, there will be: {}", json!({"owner": owner, "contracts": contracts})));
    })
    .await?;
    save(&deployment.network, &options.out)?;
    let summary = json!({
        "network": options.out,
        "chain_id": deployment.network.chain_id,
        "chain": described(deployment.chain),
        "deployer": deployer,
        "owner": deployment.owner,
        "deploy_block": deployment.network.deploy_block,
        "domain": deployment.network.domain8(),
        "provable_blocks": config.provable_blocks(deployment.chain)?,
        "anchor_age_blocks": config.anchor_age(deployment.chain)?,
        "gas_used": deployment.gas_used,
        "contracts": deployment.network.contracts,
        "examples": deployment.examples.map(|examples| json!({"counter": examples.counter, "feed": examples.feed})),
    });
    print(&summary);
    Ok(())
}

/// What is to be deployed, as the flags say.
fn configured(options: &Options, deployer: Address) -> DeployConfig {
    DeployConfig {
        deployer,
        timelock: options
            .timelock_seconds
            .map(|delay_seconds| Timelock { delay_seconds, proposer: options.proposer.unwrap_or(deployer) }),
        guardian: options.guardian.unwrap_or(deployer),
        rpc_urls: vec![options.rpc_url.clone()],
        confirmations: options.confirmations,
        block_seconds: options.block_seconds,
        block_milliseconds: options.block_milliseconds,
        epoch_seconds: options.epoch_seconds,
        notice_seconds: options.notice_seconds,
        tip: options.tip,
        least_fee: options.least_fee.into(),
        listing_deposit: options.listing_deposit.into(),
        minimum_stake: options.minimum_stake,
        slashable_blocks: options.slashable_blocks,
        reward: options.reward,
        bond: options.bond,
        staking: options
            .allocation_manager
            .zip(options.strategy)
            .map(|(allocation_manager, strategy)| Staking { allocation_manager, strategy }),
        examples: options.examples,
    }
}

/// What was picked for a chain of this kind.
fn described(chain: ChainKind) -> serde_json::Value {
    json!({"kind": chain, "blocks": chain.blocks(), "data_fee": chain.data_fee()})
}

#[expect(clippy::print_stdout, reason = "the summary is what the program is asked for")]
fn print(summary: &serde_json::Value) {
    println!("{summary:#}");
}

/// For whoever looks on; one who does not is no reason to stop.
fn tell(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// What cost money is not lost with a disk that is full by now: it is shown instead.
fn save(network: &Network, out: &Path) -> Result<()> {
    if network.holds_a_key() {
        tell(&format!(
            "warning: {} holds the URL given as --rpc-url with its key, and only you can read it; before you hand it to \
             other keepers, put a URL of your own to each of them into rpc_urls",
            out.display()
        ));
    }
    network.save(out).with_context(|| {
        let document = serde_json::to_value(network).unwrap_or_default();
        format!(
            "the contracts are deployed; write this network file by hand, as TOML, and do not deploy again: {document}"
        )
    })
}

/// A client that signs nothing.
fn reader(options: &Options) -> Result<DynProvider> {
    Ok(ProviderBuilder::new().connect_http(options.rpc_url.parse().context(NO_URL)?).erased())
}

/// The keystore's account, or on a local chain the first one the node can sign for itself.
async fn connect(options: &Options) -> Result<(DynProvider, Address)> {
    let reader = reader(options)?;
    let chain_id = reader.get_chain_id().await;
    let chain_id = chain_id.with_context(|| format!("no answer from --rpc-url {}", origin(&options.rpc_url)))?;
    if chain_id != LOCAL_CHAIN && options.allocation_manager.is_none() {
        bail!(
            "chain {chain_id} is not a local chain ({LOCAL_CHAIN}), and the local stand-in for stake lets anybody set \
             deposits; give --allocation-manager and --strategy"
        );
    }
    if chain_id != LOCAL_CHAIN && options.timelock_seconds.is_none() {
        bail!(
            "chain {chain_id} is not a local chain ({LOCAL_CHAIN}), and nobody should upgrade there at once; give \
             --timelock-seconds"
        );
    }
    let (Some(keystore), Some(password_file)) = (&options.keystore, &options.password_file) else {
        if chain_id != LOCAL_CHAIN {
            bail!("chain {chain_id} is not a local chain ({LOCAL_CHAIN}); give --keystore and --password-file");
        }
        let accounts = reader.get_accounts().await.context("asking the node for its accounts")?;
        let first =
            accounts.first().context("the node has no unlocked account; give --keystore and --password-file")?;
        return Ok((reader, *first));
    };
    let password = password(password_file)?;
    let signer = LocalSigner::decrypt_keystore(keystore, password).with_context(|| {
        format!("cannot open --keystore {} with the password in {}", keystore.display(), password_file.display())
    })?;
    let account = signer.address();
    let url = options.rpc_url.parse().context(NO_URL)?;
    let provider = ProviderBuilder::new().wallet(EthereumWallet::from(signer)).connect_http(url);
    Ok((provider.erased(), account))
}

/// A file's only line.
fn password(file: &Path) -> Result<String> {
    let named = || format!("cannot read --password-file {}", file.display());
    let text =
        text::decode(&std::fs::read(file).with_context(named)?).map_err(anyhow::Error::msg).with_context(named)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Options::try_parse_from([&["deploy.sh"], arguments].concat()).expect("they parse")
    }

    #[tokio::test]
    async fn no_error_shows_the_key_of_the_url() {
        for url in ["http://127.0.0.1:1/v3/0123456789abcdef", "http://name:secretword@127.0.0.1:1", "0123456789abcdef"]
        {
            for flags in [&[][..], &["--dry-run"]] {
                let options = options(&[&["--rpc-url", url], flags].concat());
                let error = run(&options).await.expect_err("nobody answers there");
                let shown = shown(&error.context(format!("a node says {url}")), &options);
                assert!(shown.contains("--rpc-url"), "{shown}");
                assert!(!shown.contains("0123456789abcdef") && !shown.contains("secretword"), "{shown}");
            }
        }
    }

    /// Found out before anything is sent, and so before the node is asked for anything.
    #[tokio::test]
    async fn a_network_file_that_cannot_be_written_is_named_first() {
        let out = ["--rpc-url", "http://127.0.0.1:1", "--out", "/proc/none/network.toml"];
        let error = format!("{:#}", run(&options(&out)).await.expect_err("there is no such directory"));
        assert!(error.contains("/proc/none/network.toml"), "{error}");
        let error = format!("{:#}", run(&options(&[&out[..], &["--dry-run"]].concat())).await.expect_err("no node"));
        assert!(error.contains("--rpc-url"), "a dry run writes nothing: {error}");
    }

    #[test]
    fn passwords_are_read_as_editors_save_them() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("password");
        let units = "\u{feff}pass wörd\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for bytes in ["pass wörd\n".as_bytes().to_vec(), "\u{feff}pass wörd".as_bytes().to_vec(), units] {
            std::fs::write(&file, bytes).expect("it can be written");
            assert_eq!(password(&file).expect("it is text"), "pass wörd");
        }
    }
}
