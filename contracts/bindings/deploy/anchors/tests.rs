use std::error::Error;
use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;

use crate::TaskManager;
use crate::anvil::Anvil;
use crate::deploy::{ChainKind, DeployConfig, DeployError, deploy};

type Outcome = Result<(), Box<dyn Error>>;

fn of(block_time: Duration, confirmations: u64) -> DeployConfig {
    let short = block_time < Duration::from_secs(1);
    DeployConfig {
        block_seconds: block_time.as_secs().max(1),
        block_milliseconds: short.then(|| u64::try_from(block_time.as_millis()).unwrap_or(u64::MAX)),
        confirmations,
        slashable_blocks: 100_000,
        ..DeployConfig::local(Address::ZERO, "")
    }
}

/// 100 s, wherever that is 100 blocks at least and no more than the chain knows hashes of.
#[test]
fn the_shorter_blocks_are_the_more_of_them_an_anchor_stands() -> Outcome {
    for (milliseconds, blocks) in
        [(12_000, 100), (2_000, 100), (1_000, 100), (999, 100), (500, 200), (391, 255), (250, 256), (100, 256)]
    {
        for chain in [ChainKind::Plain, ChainKind::Arbitrum, ChainKind::OpStack] {
            assert_eq!(of(Duration::from_millis(milliseconds), 0).anchor_age(chain)?, blocks, "{milliseconds} ms");
        }
    }
    Ok(())
}

/// A deployment on which every anchor is too old before its task is tried again is none.
#[test]
fn more_confirmations_than_an_anchor_stands_are_refused() -> Outcome {
    for (milliseconds, most) in [(12_000, 94), (1_000, 90), (250, 216), (100, 150)] {
        let config = |confirmations| of(Duration::from_millis(milliseconds), confirmations);
        config(most).anchor_age(ChainKind::Plain)?;
        let error = config(most + 1).anchor_age(ChainKind::Plain).err().ok_or("never in time")?;
        assert!(
            matches!(error, DeployError::AnchorsTooOld { confirmations, .. } if confirmations == most + 1),
            "{error}"
        );
        assert!(error.to_string().contains("--confirmations"), "{error}");
    }
    let error = of(Duration::from_millis(1), u64::MAX).anchor_age(ChainKind::Plain).err().ok_or("never in time")?;
    assert!(matches!(error, DeployError::AnchorsTooOld { .. }), "{error}");
    Ok(())
}

/// A wrong result that settles at the oldest anchor must find somebody who has time to dispute it: `openDispute` closes at half of
/// what is provable.
#[test]
fn what_settles_can_be_disputed() -> Outcome {
    let quick = DeployConfig { slashable_blocks: 655, ..of(Duration::from_millis(250), 0) };
    let error = quick.anchor_age(ChainKind::Plain).err().ok_or("two epochs are 80 blocks")?;
    assert!(matches!(error, DeployError::TooLittleProvable { provable: 575, blocks: 256, needed: 576 }), "{error}");
    assert!(error.to_string().contains("--slashable-blocks"), "{error}");
    assert_eq!(DeployConfig { slashable_blocks: 656, ..quick }.anchor_age(ChainKind::Plain)?, 256);
    let local = DeployConfig::local(Address::ZERO, "");
    assert_eq!(local.anchor_age(ChainKind::Plain)?, 100);
    let before = DeployConfig { slashable_blocks: 200, ..local };
    assert!(before.anchor_age(ChainKind::Plain).is_err(), "closed at 90 blocks, settled at up to 100");
    Ok(())
}

#[tokio::test]
async fn the_contract_keeps_what_was_picked() -> Outcome {
    let anvil = Anvil::start(&["--block-time", "0.25"]).await?;
    let accounts = anvil.provider.get_accounts().await?;
    let config = DeployConfig {
        deployer: *accounts.first().ok_or("anvil has no accounts")?,
        ..of(Duration::from_millis(250), 0)
    };
    let network = deploy(&anvil.provider, &config).await?.network;
    let tasks = TaskManager::new(network.contracts.task_manager, &anvil.provider);
    assert_eq!(tasks.maxAnchorAge().call().await?, U256::from(256));
    Ok(())
}
