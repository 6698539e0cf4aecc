use super::{CAP, Fees, TIP};

#[test]
fn the_first_fees_hold_for_twice_the_base_fee() {
    assert_eq!(Fees::first(7), Fees { max_fee: 14 + TIP, tip: TIP });
    assert_eq!(Fees::first(u128::MAX).max_fee, CAP);
}

#[test]
fn a_raise_is_enough_for_every_pool_and_ends_at_the_cap() {
    let mut fees = Fees::first(1_000_000_000);
    let mut raises = 0;
    while let Some(raised) = fees.raised(1_000_000_000) {
        for (new, old) in [(raised.max_fee, fees.max_fee), (raised.tip, fees.tip)] {
            assert!(new * 100 >= old * 110, "nodes want a tenth more: {old} -> {new}");
        }
        assert!(raised.tip <= raised.max_fee && raised.max_fee <= CAP);
        fees = raised;
        raises += 1;
    }
    assert!(raises > 10, "only {raises} raises below the cap");
    assert_eq!(Fees::first(u128::MAX).raised(u128::MAX), None);
}

#[test]
fn a_raise_follows_a_base_fee_that_has_grown() {
    let raised = Fees::first(1_000_000_000).raised(50_000_000_000).expect("below the cap");
    assert!(raised.max_fee >= 100_000_000_000);
}
