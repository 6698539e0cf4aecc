//! Watches a loan: when its health factor is below `least`, the target is called to protect it. Reads an Aave pool (version 2 or 3);
//! another market differs in `sol!` alone.

use keeper_job::{Address, Context, Decision, Job, U256, call, chain, info, params, skip, sol};

sol! {
    /// What the pool is asked.
    function getUserAccountData(address user) view returns (
        uint256 totalCollateral, uint256 totalDebt, uint256 availableBorrows,
        uint256 currentLiquidationThreshold, uint256 ltv, uint256 healthFactor
    );

    /// What the target does: repays, or adds collateral.
    function protect(address user, uint256 healthFactor);
}

struct HealthCheck;

impl Job for HealthCheck {
    fn run(context: &Context) -> Decision {
        let (pool, user, least): (Address, Address, U256) = params(context)?;
        let account = chain::view(pool, &getUserAccountDataCall { user })?;
        let health = account.healthFactor;
        info!("debt {}, health factor {health}", account.totalDebt);
        if is_in_danger(account.totalDebt, health, least) {
            return call(&protectCall { user, healthFactor: health });
        }
        skip(format!("health factor {health}"))
    }
}

keeper_job::export!(HealthCheck);

/// Without debt a position has no health to lose.
fn is_in_danger(debt: U256, health: U256, least: U256) -> bool {
    !debt.is_zero() && health < least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loan_is_in_danger_below_its_least_health() {
        let [none, one, two] = [0, 1, 2].map(U256::from);
        assert!(is_in_danger(one, one, two));
        assert!(!is_in_danger(one, two, two));
        assert!(!is_in_danger(none, none, two), "there is no debt");
    }
}
