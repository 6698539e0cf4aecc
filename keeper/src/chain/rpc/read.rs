//! Reads: the best node is asked, then the others, until one answers.

use super::attempt::Attempt;
use super::endpoint::Seen;
use super::logs::is_too_much;
use super::{Node, Rpc};
use alloy::transports::{TransportError, TransportErrorKind};
use alloy_json_rpc::{RequestPacket, ResponsePacket};
use std::time::{Duration, Instant};

/// A node that takes longer than this for an answer gets company: the next one is asked too, the first answer counts.
const COMPANY: Duration = Duration::from_millis(1_500);
/// For how long a question is asked again because nodes want to be left alone. A time and not a count: of the many
/// questions of a step one would run out of three tries at a busy node, and the step begins anew.
pub(super) const PERSISTENCE: Duration = Duration::from_secs(20);

impl Rpc {
    /// Asks the nodes until one answers; again when one that might only wants to be left alone for a moment.
    pub(super) async fn read(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let begun = Instant::now();
        loop {
            let (outcome, again) = self.round(&packet).await;
            if !again || begun.elapsed() >= PERSISTENCE {
                return outcome;
            }
            tokio::time::sleep(self.shortest_pause().unwrap_or_default()).await;
        }
    }

    /// Asks the nodes one after the other until one answers, and the next one too when one takes long. Says whether it
    /// is worth another round: none has answered, and one wants to be left alone.
    async fn round(&self, packet: &RequestPacket) -> (Result<ResponsePacket, TransportError>, bool) {
        let order = match self.candidates().await {
            Ok(order) => order,
            Err(why) => return (Err(TransportErrorKind::custom_str(&why)), false),
        };
        // Those that want to be left alone already are not in the order.
        let mut limited = self.shortest_pause().is_some();
        let mut asked = tokio::task::JoinSet::new();
        let ask = |asked: &mut tokio::task::JoinSet<_>, place: usize| {
            let (node, packet) = (Node { rpc: self.clone(), place, waits: false }, packet.clone());
            asked.spawn(async move { (place, node.rpc.ask(&node, &packet).await) });
        };
        let mut left = order.iter().copied();
        let mut last = order[0];
        left.next();
        ask(&mut asked, last);
        let (mut refusal, mut failures) = (None, Vec::new());
        loop {
            let more = tokio::select! {
                done = asked.join_next() => match done {
                    None => break,
                    Some(Ok((_, Attempt::Answered(answer)))) if is_too_much(&answer) => { refusal = Some(answer); true }
                    Some(Ok((place, Attempt::Answered(answer)))) => {
                        self.board().keep_to(place);
                        return (Ok(answer), false);
                    }
                    Some(Ok((_, Attempt::Refused(error)))) => { refusal.get_or_insert(error); true }
                    Some(Ok((_, Attempt::Limited(why)))) => { limited = true; failures.push(why); true }
                    Some(Ok((_, Attempt::Failed(why)))) => { failures.push(why); true }
                    Some(Err(error)) => { failures.push(error.to_string()); true }
                },
                () = tokio::time::sleep(COMPANY) => {
                    self.see(last, Seen::Slow);
                    left.len() > 0
                }
            };
            if more && let Some(place) = left.next() {
                last = place;
                ask(&mut asked, place);
            }
        }
        (refusal.ok_or_else(|| TransportErrorKind::custom_str(&failures.join("; "))), limited)
    }
}
