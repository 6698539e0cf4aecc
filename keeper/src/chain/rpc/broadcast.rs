//! Transactions go to every node: one that drops them, lags or lies cannot keep them from the chain.

use super::Rpc;
use super::attempt::Attempt;
use super::endpoint::Phase;
use alloy::primitives::B256;
use alloy::primitives::hex;
use alloy::transports::{TransportError, TransportErrorKind};
use alloy_json_rpc::{Id, Request, RequestPacket, ResponsePacket, ResponsePayload};
use std::time::Duration;
use tokio::sync::mpsc;

const METHOD: &str = "eth_sendRawTransaction";
/// How long the others may still answer once a node has taken a transaction.
const GRACE: Duration = Duration::from_secs(2);

pub(super) fn is_transaction(packet: &RequestPacket) -> bool {
    packet.as_single().is_some_and(|question| question.method() == METHOD)
}

impl Rpc {
    /// Sends a signed transaction to every node. One entry per URL, in their order: the hash a node took it under, or
    /// the node's words with its origin behind them (`nonce too low [http://node:8545]`). A node that gave no answer is
    /// told apart by its words' beginning, `no answer: `.
    pub async fn broadcast(&self, raw: &[u8]) -> Vec<Result<B256, String>> {
        let question = Request::new(METHOD, Id::Number(0), (hex::encode_prefixed(raw),)).serialize();
        let Ok(question) = question else { return Vec::new() };
        let (count, mut answers) = self.spread(&RequestPacket::Single(question));
        let silent = |place: usize| Err(format!("no answer: {} took too long", self.origin(place)));
        let mut all: Vec<Result<B256, String>> = (0..count).map(silent).collect();
        let mut taken = false;
        loop {
            let next = if taken {
                tokio::time::timeout(GRACE, answers.recv()).await.ok().flatten()
            } else {
                answers.recv().await
            };
            let Some((place, attempt)) = next else { return all };
            all[place] = self.words(place, attempt);
            taken |= all[place].is_ok();
        }
    }

    fn words(&self, place: usize, attempt: Attempt) -> Result<B256, String> {
        match attempt {
            Attempt::Failed(why) => Err(format!("no answer: {why}")),
            // It did not take it, and says so.
            Attempt::Limited(why) => Err(why),
            Attempt::Answered(answer) | Attempt::Refused(answer) => match answer {
                ResponsePacket::Single(answer) => match answer.payload {
                    ResponsePayload::Success(hash) => serde_json::from_str(hash.get())
                        .map_err(|error| format!("no answer: {}: no hash: {error}", self.origin(place))),
                    ResponsePayload::Failure(error) => Err(error.message.into_owned()),
                },
                ResponsePacket::Batch(_) => Err(format!("no answer: {}: a batch", self.origin(place))),
            },
        }
    }

    /// The same for whoever sends through a provider: the first node that takes it answers, the others are still told.
    pub(super) async fn send(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let (_, mut answers) = self.spread(&packet);
        let (mut refusal, mut trouble, mut failures) = (None, None, Vec::new());
        while let Some((_, attempt)) = answers.recv().await {
            match attempt {
                Attempt::Answered(answer) if answer.as_error().is_none() => return Ok(answer),
                Attempt::Answered(answer) => drop(refusal.get_or_insert(answer)),
                Attempt::Refused(answer) => drop(trouble.get_or_insert(answer)),
                Attempt::Failed(why) | Attempt::Limited(why) => failures.push(why),
            }
        }
        refusal.or(trouble).ok_or_else(|| TransportErrorKind::custom_str(&failures.join("; ")))
    }

    /// Asks all nodes that are not another chain's, each in a task of its own.
    fn spread(&self, packet: &RequestPacket) -> (usize, mpsc::Receiver<(usize, Attempt)>) {
        let count = self.shared.wires.len();
        let (sender, answers) = mpsc::channel(count);
        for place in 0..count {
            let (rpc, packet, sender) = (self.clone(), packet.clone(), sender.clone());
            tokio::spawn(async move {
                let known = rpc.board().endpoint(place).phase();
                let others =
                    (0..count).any(|other| !matches!(rpc.board().endpoint(other).phase(), Phase::WrongChain(_)));
                let attempt = match known {
                    Phase::WrongChain(id) if others => {
                        Attempt::Failed(format!("{}: serves chain {id}", rpc.origin(place)))
                    }
                    _ => rpc.attempt(place, &packet, false).await,
                };
                let _ = sender.send((place, attempt)).await;
            });
        }
        (count, answers)
    }
}
