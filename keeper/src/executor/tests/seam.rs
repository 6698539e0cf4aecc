//! Results from behind the seam are not trusted.

use super::*;

#[test]
fn results_over_their_caps_are_not_taken() {
    let over = [
        Wire::Call(vec![0; MAX_OUTCOME_BYTES + 1].into()),
        Wire::Skip("x".repeat(MAX_REASON_BYTES + 1)),
        Wire::JobError("x".repeat(MAX_REASON_BYTES + 1)),
    ];
    for result in over {
        assert!(matches!(ended(result), Ended::Abstain(Abstain::HostFailure(_))));
    }
    assert_eq!(ended(Wire::Skip("x".repeat(MAX_REASON_BYTES))), Ended::Skip("x".repeat(MAX_REASON_BYTES)));
}

#[test]
fn input_and_output_survive_their_encoding_and_garbage_does_not_decode() {
    let output = Output { result: Wire::Call(vec![1, 2].into()), fuel: 3, logs: vec!["info: x".into()] };
    let bytes = serde_json::to_vec(&output).expect("serialises");
    assert_eq!(Output::decode(&bytes), Ok(output));
    for cut in 0..bytes.len() {
        assert!(Output::decode(&bytes[..cut]).is_err());
    }
}

#[test]
fn every_reason_to_abstain_has_a_name_and_says_what_and_why() {
    let all = [
        Abstain::CodeUnavailable("x".into()),
        Abstain::CodeTooLarge,
        Abstain::CodeHashMismatch,
        Abstain::CodeInvalid("x".into()),
        Abstain::RpcFailure("x".into()),
        Abstain::Timeout,
        Abstain::StackOverflow,
        Abstain::HostFailure("x".into()),
        Abstain::Busy,
    ];
    let names: std::collections::BTreeSet<_> = all.iter().map(Abstain::name).collect();
    assert_eq!(names.len(), all.len());
    for reason in &all {
        assert!(reason.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert!(reason.to_string().len() > 20, "{reason}");
    }
}
