//! Asks at a block which conditions hold: 200 of them in one question, which is code that no contract has. It makes one call
//! after the other, each with little gas and no room for its answer but one word, and returns a byte for each.
//!
//! What fails there may need more gas, and is asked about by itself, a few at a block in turn: whoever lists a condition that
//! burns all the gas there is delays its own kind and nobody else.

use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes, TxKind};
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionInput, TransactionRequest};
use consensus::anchor::BlockRef;
use executor::{CALL_GAS, MAX_CHAIN_BYTES, is_failed_call};

use super::trigger::holds;
use crate::chain::{ChainError, ChainProvider};

/// A call that tells whether a job is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The job.
    pub job: u64,
    /// The contract.
    pub target: Address,
    /// What it is asked.
    pub call: Bytes,
}

/// Conditions in one question, and the gas of each: together less than half a block of Ethereum, which any node spends on a call.
const TOGETHER: usize = 200;
const GAS_TOGETHER: u32 = 120_000;
/// Longest code that creates a contract (EIP-3860), in bytes.
const CODE_MAX: usize = 49_152;
/// About what a condition takes of it besides its call.
const QUESTION_CODE: usize = 80;
/// Conditions that are asked about by themselves at a block.
const ALONE_MAX: usize = 16;
/// At most so much of what a question and its answer may have together is neither.
const CALL_HEAD: usize = 64;
/// Where in memory a call lies while it is made, and where the answers are: above the longest call.
const CALL_AT: u16 = 0x40;
const ANSWERS_AT: u16 = 0x2000;

/// The jobs whose conditions hold at a block. Of those that need more gas others have their turn at the next.
///
/// # Errors
/// The nodes do not answer.
pub async fn probe(provider: &ChainProvider, block: &BlockRef, questions: &[Question]) -> Result<Vec<u64>, ChainError> {
    let mut holding = Vec::new();
    let mut alone = Vec::new();
    for together in cut(questions) {
        let answers = ask_together(provider, block, together).await?;
        for (question, answer) in together.iter().zip(answers) {
            match answer {
                Some(true) => holding.push(question.job),
                Some(false) => {}
                None => alone.push(question),
            }
        }
    }
    let turn = usize::try_from(block.number % 1_000_003).unwrap_or_default();
    let shift = turn.wrapping_mul(ALONE_MAX) % alone.len().max(1);
    alone.rotate_left(shift);
    for question in alone.into_iter().take(ALONE_MAX) {
        if ask_alone(provider, block, question).await? {
            holding.push(question.job);
        }
    }
    Ok(holding)
}

/// As many as fit one question each.
fn cut(questions: &[Question]) -> Vec<&[Question]> {
    let size = |question: &Question| question.call.len() + QUESTION_CODE;
    let mut parts = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (place, question) in questions.iter().enumerate() {
        if place - from == TOGETHER || bytes + size(question) > CODE_MAX {
            parts.push(&questions[from..place]);
            (from, bytes) = (place, 0);
        }
        bytes += size(question);
    }
    parts.push(&questions[from..]);
    parts
}

/// Whether each holds; `None` where the call failed with the gas it had.
async fn ask_together(
    provider: &ChainProvider,
    block: &BlockRef,
    questions: &[Question],
) -> Result<Vec<Option<bool>>, ChainError> {
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let call = TransactionRequest {
        from: Some(Address::ZERO),
        to: Some(TxKind::Create),
        input: TransactionInput::both(code(questions)),
        ..TransactionRequest::default()
    };
    match provider.call(call).block(BlockId::hash_canonical(block.hash)).await {
        Ok(answers) if answers.len() == questions.len() => {
            let answer = |byte: &u8| match byte {
                0b11 => Some(true),
                0b01 => Some(false),
                _ => None,
            };
            Ok(answers.iter().map(answer).collect())
        }
        Ok(_) => Err(ChainError::unbelievable("undecodable_answer", "another number of conditions was answered")),
        Err(error) => Err(error.into()),
    }
}

/// A call that fails is one that does not hold, and so is one that answers more than those take who look again; a node that cannot
/// say why is asked no further.
async fn ask_alone(provider: &ChainProvider, block: &BlockRef, question: &Question) -> Result<bool, ChainError> {
    let call = TransactionRequest {
        from: Some(Address::ZERO),
        to: Some(TxKind::Call(question.target)),
        input: TransactionInput::both(question.call.clone()),
        gas: Some(CALL_GAS),
        ..TransactionRequest::default()
    };
    match provider.call(call).block(BlockId::hash_canonical(block.hash)).await {
        Ok(answer) => Ok(holds(&answer) && question.call.len() + answer.len() + CALL_HEAD <= MAX_CHAIN_BYTES),
        Err(error) if error.as_error_resp().is_some_and(is_failed_call) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The code: for each call, copy what is asked from behind the code, call, and note whether the call succeeded (1) and whether
/// it held (2).
fn code(questions: &[Question]) -> Bytes {
    let mut code = Vec::new();
    let mut fixes = Vec::new();
    for (place, question) in questions.iter().enumerate() {
        let length = u16::try_from(question.call.len()).unwrap_or(u16::MAX);
        // Nothing in the word for the answer: mstore(0, 0)
        code.extend([PUSH1, 0, PUSH1, 0, MSTORE]);
        // codecopy(CALL_AT, where the call lies, its length)
        push2(&mut code, length);
        fixes.push(code.len() + 1);
        push2(&mut code, 0);
        push2(&mut code, CALL_AT);
        code.push(CODECOPY);
        // staticcall(gas, target, CALL_AT, length, 0, 32)
        code.extend([PUSH1, 32, PUSH1, 0]);
        push2(&mut code, length);
        push2(&mut code, CALL_AT);
        code.push(PUSH20);
        code.extend(question.target.as_slice());
        code.push(PUSH4);
        code.extend(GAS_TOGETHER.to_be_bytes());
        code.push(STATICCALL);
        // success | (success & whole word & not zero) << 1
        code.extend([
            DUP1,
            PUSH1,
            31,
            RETURNDATASIZE,
            GT,
            AND,
            PUSH1,
            0,
            MLOAD,
            ISZERO,
            ISZERO,
            AND,
            PUSH1,
            1,
            SHL,
            OR,
        ]);
        push2(&mut code, ANSWERS_AT.saturating_add(u16::try_from(place).unwrap_or(u16::MAX)));
        code.push(MSTORE8);
    }
    push2(&mut code, u16::try_from(questions.len()).unwrap_or(u16::MAX));
    push2(&mut code, ANSWERS_AT);
    code.push(RETURN);
    for (fix, question) in fixes.into_iter().zip(questions) {
        let at = u16::try_from(code.len()).unwrap_or(u16::MAX).to_be_bytes();
        code[fix..fix + 2].copy_from_slice(&at);
        code.extend(&question.call);
    }
    code.into()
}

fn push2(code: &mut Vec<u8>, number: u16) {
    code.push(PUSH2);
    code.extend(number.to_be_bytes());
}

const GT: u8 = 0x11;
const ISZERO: u8 = 0x15;
const AND: u8 = 0x16;
const OR: u8 = 0x17;
const SHL: u8 = 0x1b;
const CODECOPY: u8 = 0x39;
const RETURNDATASIZE: u8 = 0x3d;
const MLOAD: u8 = 0x51;
const MSTORE: u8 = 0x52;
const MSTORE8: u8 = 0x53;
const PUSH1: u8 = 0x60;
const PUSH2: u8 = 0x61;
const PUSH4: u8 = 0x63;
const PUSH20: u8 = 0x73;
const DUP1: u8 = 0x80;
const RETURN: u8 = 0xf3;
const STATICCALL: u8 = 0xfa;

#[cfg(test)]
mod tests;
