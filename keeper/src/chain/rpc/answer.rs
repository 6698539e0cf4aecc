//! Reading a body as the answer to a question: the right ids, nothing missing, no `null` where there is always a value.

use super::secrets::Secrets;
use alloy_json_rpc::{Id, RequestPacket, Response, ResponsePacket, ResponsePayload, SerializedRequest};

/// Questions to which "nothing" is an answer.
const MAY_BE_NULL: [&str; 5] = [
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getTransactionReceipt",
    "eth_getTransactionByHash",
    "eth_getTransactionByBlockHashAndIndex",
];

/// The answers in `body`, in the order of the questions in `packet`.
///
/// # Errors
/// Words for why it is none, without the node's secrets.
pub(super) fn read(packet: &RequestPacket, body: &[u8], secrets: &Secrets) -> Result<ResponsePacket, String> {
    let answers: ResponsePacket = serde_json::from_slice(body).map_err(|error| match first_words(body, secrets) {
        words if words.is_empty() => "the answer is empty".to_owned(),
        words => format!("{error} in {words:?}"),
    })?;
    let mut answers: Vec<Response> = match answers {
        ResponsePacket::Single(answer) => vec![answer],
        ResponsePacket::Batch(answers) => answers,
    };
    let mut ordered = Vec::with_capacity(packet.len());
    for question in packet.requests() {
        // Batches may come in any order, and with answers nobody asked for.
        let place = answers.iter().position(|answer| same(&answer.id, question.id()));
        let Some(place) = place else { return Err(missing(question, &answers)) };
        let answer = answers.swap_remove(place);
        if let ResponsePayload::Success(value) = &answer.payload
            && value.get() == "null"
            && !MAY_BE_NULL.contains(&question.method())
        {
            return Err(format!("null as the answer to {}", question.method()));
        }
        ordered.push(Response { id: question.id().clone(), ..answer });
    }
    Ok(match packet {
        RequestPacket::Single(_) => ordered.pop().map(ResponsePacket::Single).ok_or("no answer")?,
        RequestPacket::Batch(_) => ResponsePacket::Batch(ordered),
    })
}

/// Some servers give numbers back as texts.
fn same(answered: &Id, asked: &Id) -> bool {
    answered == asked
        || matches!((answered, asked), (Id::String(text), Id::Number(number)) if *text == number.to_string())
}

fn missing(question: &SerializedRequest, answers: &[Response]) -> String {
    // An error without an id is about the request as a whole.
    let error = answers.iter().filter(|answer| answer.id == Id::None).find_map(|answer| answer.payload.as_error());
    match error {
        Some(error) => format!("error without an id: {error}"),
        None => format!("no answer with the id of the question {}", question.method()),
    }
}

/// The start of a body that is no JSON-RPC, on one line: often a page that says what is wrong. What is cut off at its end
/// may be half a secret, so they are masked here.
pub(super) fn first_words(body: &[u8], secrets: &Secrets) -> String {
    let text = String::from_utf8_lossy(body.get(..200).unwrap_or(body));
    let words: Vec<&str> = text.split_whitespace().collect();
    let words: String = words.join(" ").chars().filter(|sign| !sign.is_control()).take(80).collect();
    secrets.mask(&words)
}

#[cfg(test)]
mod tests;
