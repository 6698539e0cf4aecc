use super::{MOST_BLOCKS, Span};

/// Asks a node that answers for `cap` blocks until `answers` came; gives back how many were refused.
fn ask(span: &mut Span, cap: u64, answers: u32) -> u32 {
    let (mut answered, mut refused) = (0, 0);
    while answered < answers {
        let blocks = span.blocks();
        if blocks > cap {
            span.refused(blocks, None, true);
            refused += 1;
        } else {
            span.answered(blocks);
            answered += 1;
        }
        assert!(refused <= 60, "it settles");
    }
    refused
}

#[test]
fn it_goes_down_to_one_block_and_comes_back() {
    for cap in [1, 2, 10, 97, 1_000] {
        let mut span = Span::default();
        ask(&mut span, cap, 1);
        assert!(span.blocks() <= cap && span.blocks() * 2 >= cap, "cap {cap}: {span:?}");
        let refused = ask(&mut span, cap, 5_000);
        assert!(refused < 20, "cap {cap}: {refused} of 5,000 questions were refused");
        ask(&mut span, MOST_BLOCKS, 20_000);
        assert_eq!(span.blocks(), MOST_BLOCKS, "cap {cap} was lifted");
    }
}

#[test]
fn it_takes_the_nodes_word_and_never_none() {
    let mut span = Span::default();
    span.refused(2_000, Some(10), true);
    assert_eq!(span.blocks(), 10);
    span.refused(2_000, Some(500), true);
    assert_eq!(span.blocks(), 10, "an answer to an older question says nothing new");
    span.refused(10, Some(10), true);
    assert_eq!(span.blocks(), 9, "the same again is no offer");
    span.refused(9, None, false);
    assert_eq!(span.blocks(), 1);
    span.refused(1, Some(0), false);
    assert_eq!(span.blocks(), 1);
}
