use ed25519_dalek::SigningKey;

use super::*;
use crate::view::{Check, HeadView, Operator, WalletView};

fn who(number: u8, boot: u64) -> Pulser {
    let (separator, key) = (B256::ZERO, SigningKey::from_bytes(&[number; 32]));
    Pulser { separator, key, boot, region: "eu".to_owned(), is_named: false }
}

#[test]
fn each_beats_once_in_ten_seconds_and_keepers_do_not_beat_at_once() {
    let now = Time(1_763_900_000_000);
    let beats = |who: &Pulser| {
        let periods = (0..600).map(|second| period_of(who, Time(now.0 + second * 1_000)));
        let mut periods: Vec<u64> = periods.collect();
        periods.dedup();
        periods.len()
    };
    let mut firsts: Vec<u64> = (1..=64)
        .map(|number| {
            let who = who(number, 7);
            assert!((60..=61).contains(&beats(&who)));
            (0..10_000).find(|ms| period_of(&who, Time(now.0 + ms)) != period_of(&who, now)).unwrap_or(0) / 1_000
        })
        .collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 10, "some in each second");
}

#[test]
fn a_keeper_says_what_it_shows() {
    let who = who(1, 7);
    let mut view = View { queue: 3, ..View::default() };
    view.head = HeadView { number: 9, timestamp: 8, hash: B256::repeat_byte(5).to_string() };
    view.wallet = Some(WalletView { runway_seconds: Some(60), ..WalletView::default() });
    view.checks.insert("mesh".to_owned(), Check { ok: false, ..Check::default() });
    view.checks.insert("nodes".to_owned(), Check { ok: true, ..Check::default() });
    let other = SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
    view.operators.push(Operator { operator: alloy::primitives::Address::ZERO, peer_key: other, index: None });
    let said = draft(&who, &view, &[], Time(5));
    assert_eq!((said.head, said.head_time, said.queue, said.runway_seconds), (9, 8, 3, Some(60)));
    assert_eq!((said.failing, said.region.as_str()), (vec!["mesh".to_owned()], "eu"));
    assert_eq!(*said.head_hash, [5; 32]);
}
