//! What nodes answer.

use std::collections::BTreeMap;

use alloy::primitives::{B256, Bytes, U256};
use keeper::chain::Receipt;
use keeper::chain::fees::Market;
use keeper::chain::lane::{Answer, Event, Look, Verdict};

use super::{Happening, World};
use crate::sender::chain::Tx;
use crate::sender::node::BLOCK_GAS;
use crate::sender::pen::read;
use crate::sender::plan::NODES;

impl World {
    /// One of the nodes that are up; reads go on to the next one.
    fn reachable(&mut self) -> Option<usize> {
        let any = self.random.below(NODES as u64) as usize;
        let first = self.first.unwrap_or(any);
        (0..NODES).map(|step| (first + step) % NODES).find(|&node| !self.nodes[node].down)
    }

    pub(super) fn look(&mut self, hashes: &[B256], second: bool) -> Option<Look> {
        let node = self.reachable()?;
        let hidden = self.nodes[node].no_receipts;
        let mut receipts = BTreeMap::new();
        for &tx in hashes {
            let hides = self.random.chance(hidden);
            let (seen, head) = self.nodes[node].view(&self.chain);
            let place = seen.place(tx).filter(|(block, _)| *block <= head && !hides);
            let lies = place.is_none() && self.random.chance(self.nodes[node].false_receipts);
            if lies {
                self.note("false_receipt");
            }
            if let Some((block, success)) = place.or(lies.then_some((head, true))) {
                receipts.insert(tx, Receipt { tx, block, success, gas_used: 100_000, price: 1, logs: Vec::new() });
            }
        }
        let ahead = self.nodes[node].ahead;
        let (seen, head) = self.nodes[node].view(&self.chain);
        let mined = seen.mined(head) + ahead;
        let second = second.then(|| self.second_count(node)).flatten();
        if ahead > 0 {
            self.note_lie(node, mined, second);
        }
        let tip = self.random.chance(800).then_some(self.block_tip);
        let (seen, head) = self.nodes[node].view(&self.chain);
        let market = Market { base_fee: seen.base_fee, tip };
        Some(Look {
            head,
            market,
            gas_limit: BLOCK_GAS,
            // Now and then full of what others bring.
            gas_used: if head.is_multiple_of(3) { BLOCK_GAS } else { 0 },
            mined,
            second,
            balance: U256::from(self.balance),
            receipts,
            ..Look::default()
        })
    }

    /// How many nonces are used, by the other nodes.
    fn second_count(&self, first: usize) -> Option<u64> {
        let others = self.nodes.iter().enumerate().filter(|(node, other)| *node != first && !other.down);
        let counts = others.map(|(_, other)| {
            let (seen, head) = other.view(&self.chain);
            seen.mined(head) + other.ahead
        });
        counts.max()
    }

    /// A node shows more nonces as used than are. Nobody can know better where it shows receipts for them, or another one agrees.
    fn note_lie(&mut self, node: usize, mined: u64, second: Option<u64>) {
        self.note("false_count");
        if self.first == Some(node) {
            self.note("lone_liar");
        }
        let believable = match second {
            _ if self.nodes[node].false_receipts > 0 => mined,
            Some(theirs) => mined.min(theirs),
            None => return,
        };
        self.fooled |= believable > self.chain.mined(self.chain.head());
        self.used.push((self.now, believable));
    }

    /// Brings the lane an answer, soon unless nodes are slow.
    pub(super) fn answer(&mut self, most: u64, event: Event) {
        let (life, block) = (self.life, self.plan.block_ms);
        let slow = self.random.chance(self.slow);
        if slow {
            self.note("slow_answer");
        }
        let (least, most) = if slow { (block, 6 * block) } else { (1, most) };
        self.after(least, most, Happening::Answer(life, Box::new(event)));
    }

    pub(super) fn check(&mut self, id: u64, pending: bool) -> Verdict {
        let Some(node) = self.reachable() else { return Verdict::NoAnswer };
        if self.random.chance(self.nodes[node].false_verdicts) {
            self.note("false_verdict");
            return if self.random.chance(500) { Verdict::Useless } else { Verdict::Reverts(Bytes::new()) };
        }
        if !self.calm && self.random.chance(10) {
            return Verdict::Refused("header not found".to_owned());
        }
        let (seen, head) = self.nodes[node].view(&self.chain);
        let Some(content) = self.contents.get(&id) else { return Verdict::Useless };
        let settled = seen.settled_at(id).is_some_and(|block| block <= head);
        let from = seen.mined(head);
        let mut nonces = from..;
        let in_pool = pending
            && nonces
                .by_ref()
                .map_while(|nonce| self.nodes[node].pool.get(&nonce))
                .any(|tx| tx.content == id && !tx.foreign);
        if settled || (in_pool && !content.fails) {
            Verdict::Reverts(Bytes::from_static(b"done"))
        } else if content.last_block.is_some_and(|last| head >= last) {
            Verdict::Useless
        } else {
            Verdict::Worth { gas: content.gas }
        }
    }

    /// A transaction reaches every node, and what one takes reaches most others a little later.
    pub(super) fn arrive(&mut self, life: u64, raw: &[u8]) {
        let tx = read(raw);
        let mut answers: Vec<Answer> = (0..NODES).map(|node| self.offer(node, &tx)).collect();
        if answers.iter().any(|answer| matches!(answer, Answer::Refused(_))) {
            self.note("refused");
        }
        if answers.contains(&Answer::Taken) {
            self.checks.on_taken(&tx);
        }
        for (node, answer) in answers.iter_mut().enumerate() {
            if self.random.chance(self.nodes[node].deaf) {
                *answer = Answer::NoAnswer;
                *self.faults.entry("answer_lost").or_default() += 1;
            }
        }
        self.checks.on_answers(&tx, &answers);
        self.tell(|| format!("nonce {} content {}: {answers:?}", tx.nonce, tx.content));
        let event = Event::Answered { tx: tx.hash, answers };
        if life == self.life {
            self.answer(60, event);
        }
    }

    pub(super) fn offer(&mut self, node: usize, tx: &Tx) -> Answer {
        let content = if tx.foreign { None } else { self.contents.get(&tx.content) };
        let answer = self.nodes[node].take(tx, content, &self.chain, self.balance, &mut self.random);
        if answer == Answer::Taken && self.nodes[node].pool.get(&tx.nonce) != Some(tx) {
            self.note("dropped_silently");
        }
        answer
    }
}
