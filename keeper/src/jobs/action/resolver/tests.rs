use alloy::primitives::Bytes;

use super::*;

fn skipped(beside: &[u8]) -> String {
    let Ended::Skip(reason) = end(Verdict::No(Bytes::copy_from_slice(beside))) else { panic!("no skip") };
    reason
}

#[test]
fn what_the_resolver_says_is_what_the_target_is_called_with() {
    let payload = Bytes::from_static(&[1, 2, 3, 4, 5]);
    assert_eq!(end(Verdict::Yes(payload.clone())), Ended::Call(payload.to_vec()));
    assert_eq!(end(Verdict::Yes(payload.slice(..4))), Ended::Call(vec![1, 2, 3, 4]));
    for short in [0, 3] {
        assert_eq!(end(Verdict::Yes(payload.slice(..short))), Ended::JobError(NO_CALL.to_owned()));
    }
    let most = vec![1; MAX_OUTCOME_BYTES];
    assert_eq!(end(Verdict::Yes(most.clone().into())), Ended::Call(most));
    assert_eq!(end(Verdict::Yes(vec![1; MAX_OUTCOME_BYTES + 1].into())), Ended::JobError(TOO_MUCH.to_owned()));
}

/// Resolvers put a reason beside `false`, or the payload that would have been executed, or nothing.
#[test]
fn a_reason_is_told_where_it_is_text() {
    assert_eq!(skipped(b"3 minutes have not passed"), "3 minutes have not passed");
    assert_eq!(skipped("zu früh".as_bytes()), "zu früh");
    for beside in [&b""[..], &[0x45, 0x85, 0xe3, 0x3b], &[0; 36], b"two\nlines", b"\x1b[2J"] {
        assert_eq!(skipped(beside), NOTHING_TO_DO, "{beside:?}");
    }
    let long = "ü".repeat(MAX_REASON_BYTES);
    assert_eq!(skipped(long.as_bytes()), "ü".repeat(MAX_REASON_BYTES / 2));
    assert_eq!(skipped(format!("x{long}").as_bytes()).len(), MAX_REASON_BYTES - 1, "cut between characters");
}

#[test]
fn what_is_asked_is_checker_unless_something_else_is_given() {
    let of = |checker_data: Option<&str>| {
        let flags =
            ResolverFlags { resolver: Some(Address::repeat_byte(1)), checker_data: checker_data.map(str::to_owned) };
        let ActionTerms::Resolver(terms) = flags.terms().unwrap() else { panic!("no resolver") };
        terms.calldata
    };
    assert_eq!(of(None).as_ref(), [0xcf, 0x53, 0x03, 0xcf]);
    assert_eq!(of(Some("0x01")).as_ref(), [1]);
}
