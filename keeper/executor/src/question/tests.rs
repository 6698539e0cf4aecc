use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::task::JoinHandle;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// A chain that gives its answers in order, and none when there is none left.
#[derive(Debug)]
struct PreparedChain(Mutex<VecDeque<Result<ChainAnswer, RpcFailure>>>);

impl ChainReader for PreparedChain {
    fn read<'a>(&'a self, reference: &'a BlockReference, request: &'a ChainRequest) -> Reading<'a> {
        assert_eq!((reference.hash, request), ([1; 32], &ChainRequest::Call { to: TO, data: vec![1, 2].into() }));
        let answer = self.0.lock().expect("no panic while locked").pop_front();
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        })
    }
}

const TO: Address = Address::repeat_byte(7);

fn question(job_id: u64) -> Question {
    let reference = BlockReference { chain_id: 1, number: 5, hash: [1; 32], timestamp: 1 };
    Question { job_id, reference, to: TO, data: vec![1, 2].into() }
}

fn questions(answers: impl IntoIterator<Item = Result<ChainAnswer, RpcFailure>>) -> Questions {
    Questions::new(Arc::new(PreparedChain(Mutex::new(answers.into_iter().collect()))))
}

async fn ask(answer: Result<ChainAnswer, RpcFailure>) -> Asked {
    questions([answer]).ask(question(1), PATIENCE).await
}

fn data(length: usize) -> Bytes {
    vec![5; length].into()
}

#[tokio::test]
async fn what_a_contract_returns_is_told_and_bound() {
    let asked = ask(Ok(ChainAnswer::Data(data(3)))).await;
    assert_eq!(asked.answer, Ok(Answer::Returned(data(3))));
    let same = ask(Ok(ChainAnswer::Data(data(3)))).await;
    let other = ask(Ok(ChainAnswer::Data(data(4)))).await;
    assert_eq!(asked.transcript_root, same.transcript_root);
    assert_ne!(asked.transcript_root, other.transcript_root);
    assert_ne!(asked.transcript_root, [0; 32]);
}

/// Nodes tell failures with data, without, in words of their own, and at any length: keepers must agree all the same.
#[tokio::test]
async fn all_failures_are_one() {
    let mut roots = Vec::new();
    for failure in [
        Ok(ChainAnswer::Reverted(Bytes::new())),
        Ok(ChainAnswer::Reverted(data(100))),
        Ok(ChainAnswer::Reverted(data(1 << 20))),
        Err(RpcFailure::Untold("VM execution error".to_owned())),
        Err(RpcFailure::Untold("out of gas".to_owned())),
    ] {
        let asked = ask(failure).await;
        assert_eq!(asked.answer, Ok(Answer::Failed));
        roots.push(asked.transcript_root);
    }
    roots.dedup();
    assert_eq!(roots.len(), 1);
    assert_ne!(roots[0], [0; 32]);
}

#[tokio::test]
async fn what_is_too_long_is_no_nodes_fault() {
    let most = ask(Ok(ChainAnswer::Data(data(MAX_CHAIN_BYTES - 1024)))).await;
    assert!(matches!(most.answer, Ok(Answer::Returned(_))));
    let (long, longer) =
        (ask(Ok(ChainAnswer::Data(data(MAX_CHAIN_BYTES)))).await, ask(Ok(ChainAnswer::Data(data(1 << 21)))).await);
    assert_eq!((&long.answer, &longer.answer), (&Ok(Answer::TooLong), &Ok(Answer::TooLong)));
    assert_eq!(long.transcript_root, longer.transcript_root);
    let question = Question { data: data(MAX_CHAIN_BYTES), ..question(1) };
    assert_eq!(questions([]).ask(question, PATIENCE).await.answer, Ok(Answer::TooLong), "without asking anybody");
}

#[tokio::test]
async fn without_an_answer_there_is_nothing_to_sign() {
    let down = ask(Err(RpcFailure::NoAnswer("down".to_owned()))).await;
    assert_eq!(down.answer, Err(Abstain::RpcFailure("down".to_owned())));
    let late = questions([]).ask(question(1), Duration::from_millis(1)).await;
    assert_eq!(late.answer, Err(Abstain::Timeout));
    let nonsense = ask(Ok(ChainAnswer::Logs(Vec::new()))).await;
    assert!(matches!(nonsense.answer, Err(Abstain::HostFailure(_))), "{:?}", nonsense.answer);
}

/// Jobs whose questions are never answered hold some of the places: one that is known as quick has another at once.
#[tokio::test]
async fn slow_questions_hold_up_nobody_else() {
    let questions = Arc::new(questions([Ok(ChainAnswer::Data(data(1)))]));
    assert!(questions.ask(question(1), PATIENCE).await.answer.is_ok());
    let jobs = 10..40;
    let slow: Vec<_> = jobs.map(|job| spawn(&questions, job)).collect();
    until(|| questions.turns.waiting() == slow.len() - SLOW_PLACES).await;
    assert_eq!(questions.ask(question(1), Duration::ZERO).await.answer, Err(Abstain::Timeout), "its turn came");
    slow.iter().for_each(JoinHandle::abort);
    until(|| questions.turns.waiting() == 0).await;
    assert_eq!(questions.unserved(), 0);
}

#[tokio::test]
async fn who_says_too_much_counts_as_slow() {
    let much = data(MAX_CHAIN_BYTES + 1);
    for (answer, is_quick) in [
        (ChainAnswer::Data(data(1)), true),
        (ChainAnswer::Reverted(data(100)), true),
        (ChainAnswer::Data(much.clone()), false),
        (ChainAnswer::Reverted(much.clone()), false),
    ] {
        let questions = questions([Ok(answer)]);
        assert!(questions.ask(question(1), PATIENCE).await.answer.is_ok());
        assert_eq!(questions.turns.is_quick(customer(1)), is_quick);
    }
}

#[tokio::test]
async fn a_job_has_its_share_of_places_and_of_the_line() {
    let questions = Arc::new(questions([]));
    let line = MAX_WAITING[1];
    let own: Vec<_> = (0..PLACES_EACH + line).map(|_| spawn(&questions, 1)).collect();
    until(|| questions.turns.waiting() == line).await;
    assert_eq!(questions.ask(question(1), PATIENCE).await.answer, Err(Abstain::Busy));
    assert_eq!(
        questions.ask(question(2), Duration::ZERO).await.answer,
        Err(Abstain::Timeout),
        "another job's turn came"
    );
    own.iter().for_each(JoinHandle::abort);
}

fn spawn(questions: &Arc<Questions>, job: u64) -> JoinHandle<Asked> {
    let questions = Arc::clone(questions);
    tokio::spawn(async move { questions.ask(question(job), PATIENCE).await })
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}
