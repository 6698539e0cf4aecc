use super::*;

fn effect(diff: Value) -> Effect {
    Effect::of(serde_json::from_value(diff).unwrap(), Address::repeat_byte(0xff))
}

#[test]
fn what_changed_is_told_before_and_after() {
    let (one, two) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let sender = Address::repeat_byte(0xff);
    let slot = |number: u8| B256::with_last_byte(number);
    let diff = json!({
        "pre": {
            one.to_string(): {"balance": "0xde0b6b3a7640000", "nonce": 1, "storage": {
                slot(1).to_string(): slot(5), slot(2).to_string(): slot(6)}},
            sender.to_string(): {"balance": "0x5", "nonce": 1},
        },
        "post": {
            one.to_string(): {"balance": "0x0", "storage": {slot(1).to_string(): slot(7)}},
            two.to_string(): {"balance": "0xde0b6b3a7640000", "nonce": 1, "code": "0x6001"},
            sender.to_string(): {"balance": "0x1", "nonce": 2},
        },
    });
    let rows = effect(diff).rows();
    assert_eq!(
        rows,
        [
            format!("{one} balance 1 ether -> 0 ether"),
            format!("{one} slot 0x1 0x5 -> 0x7"),
            format!("{one} slot 0x2 0x6 -> 0x0"),
            format!("{two} balance 0 ether -> 1 ether"),
            format!("{two} nonce 0 -> 1"),
            format!("{two} code of 0 -> 2 bytes"),
        ]
    );
    assert_eq!(effect(json!({"pre": {}, "post": {}})).rows(), ["nothing"]);
}

#[test]
fn a_flood_of_changes_is_cut() {
    let account = Address::repeat_byte(1).to_string();
    let storage: BTreeMap<String, B256> =
        (0..1_000_u64).map(|slot| (B256::from(U256::from(slot)).to_string(), B256::repeat_byte(9))).collect();
    let effect = effect(json!({"pre": {}, "post": {account: {"storage": storage}}}));
    assert_eq!((effect.changes.len(), effect.left_out), (MAX_CHANGES, 1_000 - MAX_CHANGES));
    assert_eq!(effect.rows().last().unwrap(), "and 744 more");
}
