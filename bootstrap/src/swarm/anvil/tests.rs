use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;

use super::{Anvil, BLOCK_TIME, mined_or_sent_again};
use crate::process::Spawner;

/// Another one takes its place, as when the node gives two one nonce and the fees have risen between them.
#[tokio::test]
async fn a_transaction_that_was_lost_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let spawner = Spawner::new().unwrap();
    let anvil = Anvil::start(&spawner, folder.path(), BLOCK_TIME, None).await.unwrap();
    let provider = anvil.provider();
    let to = Address::repeat_byte(0x71);
    let payment = |to, price: u128| {
        let payment = TransactionRequest::default().from(anvil.faucet()).to(to).value(U256::ONE).gas_limit(21_000);
        payment.max_fee_per_gas(price).max_priority_fee_per_gas(price)
    };
    let (low, high) = (2_000_000_000, 20_000_000_000);
    let first = *provider.send_transaction(payment(to, low).nonce(0)).await.unwrap().tx_hash();
    let other = Address::repeat_byte(0x72);
    let _replacing = provider.send_transaction(payment(other, high).nonce(0)).await.unwrap();
    let mut times = 0;
    let again = || {
        times += 1;
        let payment = payment(to, low);
        async move { Ok(*provider.send_transaction(payment).await?.tx_hash()) }
    };
    let receipt = mined_or_sent_again(provider, first, "a payment", again).await.unwrap();
    assert!(receipt.status());
    assert!(receipt.transaction_hash != first || times == 0, "it may have been in a block already");
    assert_eq!(provider.get_balance(to).await.unwrap(), U256::ONE);
}
