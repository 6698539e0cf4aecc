use alloy::primitives::{Address, aliases::U96};
use serde_json::Value;

use super::*;
use crate::cli::currency::Token;

fn price(currency: Currency) -> Price {
    let number = |number: u64| U256::from(number);
    Price { currency, fee: number(10), gas_price: number(1), most_gas: number(90), usual_gas: number(40) }
}

fn token() -> Currency {
    Currency::Token(Token { address: Address::repeat_byte(1), symbol: Some("USDC".to_owned()), decimals: Some(0) })
}

#[test]
fn runs_left_are_those_that_can_be_paid_in_full() {
    let left = |currency: Currency, job: &Job| price(currency).left(job).to::<u64>();
    let coin = Job { escrow: 999, covered: true, ..Job::default() };
    assert_eq!(left(Currency::Coin, &coin), 9);
    assert_eq!(left(Currency::Coin, &Job { covered: false, ..coin.clone() }), 0, "a job that nobody runs");
    let paid = Job { gas: U96::from(270), ..coin };
    assert_eq!(left(token(), &paid), 3, "gas ends first");
    assert_eq!(left(token(), &Job { escrow: 25, ..paid }), 2, "fees do");
}

#[test]
fn prices_are_in_what_is_paid() {
    assert_eq!(price(Currency::Coin).words(2), "up to 0.0000000000000002 ether, usually 0.0000000000000001 ether");
    assert_eq!(
        price(token()).words(2),
        "20 USDC and up to 0.00000000000000018 ether for gas, usually 0.00000000000000008 ether"
    );
}

#[test]
fn estimates_are_rounded_up() {
    for (wei, shown) in
        [(0, "0 ether"), (9, "0.000000000000000009 ether"), (1_126_763_350_229_530_u64, "0.00112677 ether")]
    {
        assert_eq!(about(U256::from(wei)), shown);
    }
    assert!(about(U256::MAX).ends_with(" ether"));
}

#[test]
fn runs_are_counted_as_they_come_due() {
    let every = TriggerTerms::Interval { start: 1_000, interval: 3_600 };
    let runs = Runs::new(&every, Limits::default());
    assert_eq!(runs.in_day_and_month(0), Some([24, 720]));
    assert_eq!(runs.last(1_001, U256::from(2)), Some((1_000 + 7_200, false)));
    assert_eq!(runs.last(0, U256::MAX), None, "longer than anybody counts");
    let few = Runs::new(&every, Limits { most_runs: 30, ..Limits::default() });
    assert_eq!((few.in_day_and_month(0), few.last(0, U256::MAX)), (Some([24, 30]), Some((1_000 + 29 * 3_600, true))));
    let ends = Runs::new(&every, Limits { until: 1_000 + 3_600, ..Limits::default() });
    assert_eq!((ends.in_day_and_month(0), ends.last(0, U256::from(9))), (Some([2, 2]), Some((4_600, true))));
    let once = Runs::new(&TriggerTerms::Once { moment: 50 }, Limits::default());
    assert_eq!((once.in_day_and_month(0), once.last(0, U256::MAX)), (Some([1, 1]), Some((50, true))));
    assert_eq!((once.in_day_and_month(51), once.last(51, U256::MAX)), (None, None));
    let nonsense = Runs::new(&TriggerTerms::Interval { start: 0, interval: 0 }, Limits::default());
    assert_eq!(nonsense.in_day_and_month(0), None);
}

#[test]
fn a_year_of_runs_is_worked_out_where_there_are_too_many_to_count() {
    let year = |trigger: &TriggerTerms, limits: Limits| Runs::new(trigger, limits).in_year(0);
    let every = |interval: u32| TriggerTerms::Interval { start: 1_000, interval };
    assert_eq!(year(&every(1), Limits::default()), Some(YEAR));
    assert_eq!(year(&every(3_600), Limits::default()), Some(8_760));
    assert_eq!(year(&every(3_600), Limits { most_runs: 30, ..Limits::default() }), Some(30));
    assert_eq!(year(&every(3_600), Limits { until: 1_000 + 3_600, ..Limits::default() }), Some(2));
    assert_eq!(year(&TriggerTerms::Cron { pattern: "0 9 1 * *".into() }, Limits::default()), Some(12));
    assert_eq!(year(&TriggerTerms::Once { moment: 50 }, Limits::default()), Some(1));
    assert_eq!(year(&TriggerTerms::Blocks { first: 1, every: 1 }, Limits::default()), None, "nobody knows ahead");
}

#[test]
fn what_a_run_usually_takes_is_what_was_measured() {
    let measured: Value = serde_json::from_str(include_str!("../../../../../contracts/snapshots/gas.json")).unwrap();
    let gas: u64 = measured["settle_1_n64_absent0_refunded"].as_str().unwrap().parse().unwrap();
    assert!((gas..gas + gas / 10).contains(&USUAL_GAS), "{gas}");
}

#[test]
fn moments_are_dates() {
    assert_eq!(date(1_795_883_400), "Sat, 28 Nov 2026 16:30:00 GMT");
    assert_eq!(date(u64::MAX), u64::MAX.to_string());
}
