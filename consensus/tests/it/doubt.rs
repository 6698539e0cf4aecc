//! A keeper that doubts its operator set keeps silent, and speaks as soon as the doubt ends.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};
use consensus::task::{Outcome, Status};
use consensus::{Effect, Input};

use crate::bench::{Bench, EPOCH, committee, peer_key, task};

#[test]
fn a_doubt_that_ends_has_every_batch_looked_at() {
    let (mut bench, _) = Bench::assigned();
    let shows = |keeper: u16, table_root: B256| Input::PeerTable { peer: peer_key(keeper), epoch: EPOCH, table_root };
    let persists = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Persist { .. }));
    for keeper in [1, 2] {
        bench.engine.handle(shows(keeper, B256::repeat_byte(0xbb)), bench.now);
    }
    let outcome = Outcome { status: Status::Call, data: Bytes::new(), state_after: B256::ZERO, transcript: B256::ZERO };
    let (anchor, took) = (bench.anchor.hash, Duration::ZERO);
    let ran = Input::Executed { task: task(1), attempt: 0, anchor, result: Ok(outcome), took };
    assert!(!persists(bench.engine.handle(ran, bench.now)), "two of five contradict it");
    assert!(bench.engine.is_set_disputed());
    let root = committee(EPOCH, 1).table_root();
    assert!(persists(bench.engine.handle(shows(3, root), bench.now)), "now two agree");
}
