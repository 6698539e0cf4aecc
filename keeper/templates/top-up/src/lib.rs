//! Keeps an account's balance up: when it has less than `least`, the target is asked to send it what is missing to `full`.

use keeper_job::{Address, Context, Decision, Job, U256, call, chain, info, params, skip, sol};

sol! {
    /// What the target does: a vault that sends coin, to whom its owner allows it.
    function topUp(address account, uint256 amount);
}

struct TopUp;

impl Job for TopUp {
    fn run(context: &Context) -> Decision {
        let (account, least, full): (Address, U256, U256) = params(context)?;
        let balance = chain::balance(account)?;
        info!("{account} has {balance} wei at block {}", context.reference.number);
        match missing(balance, least, full) {
            Some(amount) => call(&topUpCall { account, amount }),
            None => skip(format!("{balance} wei is enough")),
        }
    }
}

keeper_job::export!(TopUp);

/// What to send, if anything.
fn missing(balance: U256, least: U256, full: U256) -> Option<U256> {
    (balance < least).then(|| full.saturating_sub(balance)).filter(|amount| !amount.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_filled_when_it_has_less_than_it_should() {
        let [one, two, five] = [1, 2, 5].map(U256::from);
        assert_eq!(missing(one, two, five), Some(U256::from(4)));
        assert_eq!(missing(two, two, five), None);
        assert_eq!(missing(one, two, one), None, "there is nothing to send");
    }
}
