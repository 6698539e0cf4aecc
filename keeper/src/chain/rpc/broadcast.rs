//! Transactions go to every node: one that drops them, lags or lies cannot keep them from the chain.

use super::Rpc;
use alloy::primitives::{B256, hex};
use alloy_json_rpc::{Id, Request, RequestPacket, ResponsePacket, ResponsePayload};
use tokio::task::JoinSet;

impl Rpc {
    /// Sends a signed transaction to every node. One entry per URL: the hash a node took it under, or the node's words. A
    /// node that gave no answer is told apart by its words' beginning, `no answer: `.
    pub async fn broadcast(&self, raw: &[u8]) -> Vec<Result<B256, String>> {
        let question = Request::new("eth_sendRawTransaction", Id::Number(0), (hex::encode_prefixed(raw),)).serialize();
        let Ok(question) = question else { return Vec::new() };
        let mut asked = JoinSet::new();
        for place in 0..self.endpoints.list.len() {
            let (endpoints, packet) = (self.endpoints.clone(), RequestPacket::Single(question.clone()));
            asked.spawn(async move { endpoints.ask(place, &packet).await });
        }
        let mut all = Vec::new();
        while let Some(answer) = asked.join_next().await {
            all.push(match answer {
                Ok(Ok(ResponsePacket::Single(answer))) => match answer.payload {
                    ResponsePayload::Success(hash) => {
                        serde_json::from_str(hash.get()).map_err(|error| format!("no answer: no hash: {error}"))
                    }
                    ResponsePayload::Failure(error) => Err(error.message.into_owned()),
                },
                Ok(Ok(ResponsePacket::Batch(_))) => Err("no answer: a batch".to_owned()),
                Ok(Err(super::EndpointError::Limited { why, .. })) => Err(why),
                Ok(Err(error)) => Err(format!("no answer: {error}")),
                Err(error) => Err(format!("no answer: {error}")),
            });
        }
        all
    }
}
