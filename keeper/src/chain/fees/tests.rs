use super::{Fees, GWEI, Market, Policy, enough};

fn market(base_fee: u128, tip: u128) -> Market {
    Market { base_fee, tip: Some(tip) }
}

#[test]
fn the_first_fees_hold_for_twice_the_base_fee() {
    let policy = Policy::default();
    let first = policy.first(market(7, 0)).expect("cheap");
    assert_eq!(first, Fees { max_fee: 14 + policy.refunded_tip, tip: policy.refunded_tip });
    assert_eq!(policy.first(Market::default()).map(|fees| fees.tip), Some(policy.refunded_tip));
    assert_eq!(policy.first(market(600 * GWEI, 0)).map(|fees| fees.max_fee), Some(policy.max_fee));
    assert_eq!(policy.first(market(u128::MAX, 0)), None, "too dear for anybody");
}

#[test]
fn the_tip_is_the_markets_up_to_what_is_refunded_and_the_loss() {
    let policy = Policy::default();
    let tip = |asked| policy.first(market(GWEI, asked)).expect("cheap").tip;
    assert_eq!(tip(policy.refunded_tip * 2), policy.refunded_tip * 2);
    assert_eq!(tip(30 * GWEI), policy.refunded_tip + policy.loss / 3, "there is room for raises");
}

#[test]
fn a_raise_is_enough_for_every_pool_and_ends_at_the_caps() {
    let policy = Policy::default();
    for base_fee in [0, 7, GWEI, 300 * GWEI] {
        let mut fees = policy.first(market(base_fee, 0)).expect("cheap enough");
        let mut raises = 0;
        while let Some(raised) = policy.raised(fees, market(base_fee, 0)) {
            for (new, old) in [(raised.max_fee, fees.max_fee), (raised.tip, fees.tip)] {
                assert!(new * 1000 >= old * 1125, "at least an eighth more: {old} -> {new}");
            }
            assert!(raised.tip <= raised.max_fee && raised.max_fee <= policy.max_fee);
            fees = raised;
            raises += 1;
        }
        assert!((3..30).contains(&raises), "{raises} raises at a base fee of {base_fee}");
        assert!(fees.max_fee <= base_fee * 4 + policy.refunded_tip + policy.loss);
    }
    assert_eq!(policy.raised(Fees { max_fee: u128::MAX, tip: u128::MAX }, market(u128::MAX, u128::MAX)), None);
}

#[test]
fn a_dear_market_leaves_room_for_raises() {
    let policy = Policy::default();
    let mut fees = policy.first(market(GWEI, 30 * GWEI)).expect("cheap");
    for base_fee in [2, 4, 8, 16, 32] {
        fees = policy.raised(fees, market(base_fee * GWEI, 30 * GWEI)).expect("it follows the base fee");
        assert!(fees.max_fee >= 2 * base_fee * GWEI);
    }
}

#[test]
fn a_raise_follows_a_base_fee_that_has_grown() {
    let policy = Policy::default();
    let first = policy.first(market(GWEI, 0)).expect("cheap");
    assert!(policy.raised(first, market(50 * GWEI, 0)).expect("below the cap").max_fee >= 100 * GWEI);
}

#[test]
fn a_nonce_can_be_freed_whatever_was_offered_for_it() {
    let policy = Policy::default();
    let mut fees = policy.first(market(GWEI, 0)).expect("cheap");
    while let Some(raised) = policy.raised(fees, market(GWEI, 0)) {
        fees = raised;
    }
    let freeing = policy.freeing(Some(fees), market(GWEI, 0));
    assert!(freeing.max_fee > fees.max_fee && freeing.tip > fees.tip, "it replaces what is at its cap");
    let absurd = Fees { max_fee: policy.max_fee, tip: policy.max_fee };
    assert_eq!(policy.freeing(Some(absurd), market(GWEI, 0)), policy.freeing(None, market(GWEI, 0)));
}

#[test]
fn what_others_pay_in_blocks_with_room_is_not_asked_for() {
    let tips = |blocks: &[[u128; 2]]| blocks.iter().map(|block| block.to_vec()).collect::<Vec<_>>();
    let dear = tips(&[[1, GWEI], [2, GWEI], [3, GWEI]]);
    assert_eq!(enough(&dear, &[0.1, 0.5, 0.89]), Some(2), "the lowest was enough");
    assert_eq!(enough(&dear, &[0.95, 1.0, 0.1]), Some(GWEI), "where most are full it was not");
    assert_eq!(enough(&tips(&[[0, 0], [0, 0], [GWEI, GWEI]]), &[0.0, 0.0, 0.01]), Some(0), "empty blocks ask nothing");
    assert_eq!(enough(&[], &[0.5]), None);
    assert_eq!(enough(&[vec![]], &[0.5]), None, "a node that leaves the tips out");
}

#[test]
fn what_a_person_sends_is_capped_whatever_a_node_names() {
    let policy = Policy::default();
    for (base_fee, tip, wanted) in [
        (10 * GWEI, None, Some((GWEI / 100, 20 * GWEI + GWEI / 100))),
        (10 * GWEI, Some(GWEI), Some((GWEI, 21 * GWEI))),
        (10 * GWEI, Some(u128::MAX), Some((2 * GWEI, 22 * GWEI))),
        (900 * GWEI, Some(0), Some((GWEI / 100, 1_000 * GWEI))),
        (1_001 * GWEI, Some(0), None),
        (u128::MAX, Some(u128::MAX), None),
    ] {
        let fees = policy.by_hand(Market { base_fee, tip });
        assert_eq!(fees.map(|fees| (fees.tip, fees.max_fee)), wanted, "{base_fee} {tip:?}");
    }
}
