use super::{Plan, Watcher};
use crate::chain::{ChainConfig, ChainEvent, Head, JobEvent, Rpc};
use alloy::primitives::{Address, B256, LogData, U256};
use alloy::sol_types::SolEvent;
use contracts::{JobManager, TaskManager};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

mod ahead;
mod changing;
mod doubtful;
mod hostile;
mod made_up;
mod memory;
mod real;
mod set_back;
mod times;

/// A running watcher and what it has told so far.
struct Watched {
    rpc: Rpc,
    events: mpsc::Receiver<ChainEvent>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    /// Blocks as the driver would hold them, by number.
    heads: BTreeMap<u64, Head>,
    /// What was told of newest blocks: number, timestamp, and whether it came while being watched.
    newest: Vec<(u64, u64, bool)>,
}

impl Watched {
    fn start(config: ChainConfig) -> Self {
        Self::run(config, |watcher| watcher)
    }

    /// One that remembers in a folder.
    fn remembering(config: ChainConfig, folder: &Path) -> Self {
        Self::run(config, |watcher| watcher.remembering(folder))
    }

    fn run(config: ChainConfig, change: impl FnOnce(Watcher) -> Watcher) -> Self {
        let rpc = Rpc::new(&config).expect("valid URLs");
        let (sender, events) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let task = tokio::spawn(change(Watcher::new(rpc.clone(), config)).run(sender, stop.clone()));
        Self { rpc, events, stop, task, heads: BTreeMap::new(), newest: Vec::new() }
    }

    /// The next event that is not about the newest block; heads must follow each other without gaps.
    async fn next(&mut self) -> ChainEvent {
        let event = loop {
            let event = timeout(Duration::from_secs(60), self.events.recv()).await;
            match event.expect("the watcher tells something").expect("the watcher runs") {
                ChainEvent::Newest { number, timestamp, live, .. } => self.newest.push((number, timestamp, live)),
                event => break event,
            }
        };
        match &event {
            ChainEvent::Head(head) => {
                if let Some((number, last)) = self.heads.last_key_value() {
                    assert_eq!(head.number, number + 1, "heads follow each other");
                    assert_eq!(head.parent, last.hash, "each is the parent of the next");
                }
                self.heads.insert(head.number, *head);
            }
            ChainEvent::Rewound { number } => {
                self.heads.retain(|held, _| held <= number);
            }
            _ => {}
        }
        event
    }

    /// Everything up to the head with this number.
    async fn until_head(&mut self, number: u64) -> Vec<ChainEvent> {
        let mut told = Vec::new();
        loop {
            let event = self.next().await;
            let reached = matches!(&event, ChainEvent::Head(head) if head.number == number);
            told.push(event);
            if reached {
                return told;
            }
        }
    }

    /// Everything up to the next news about the connection, and that.
    async fn until_connection(&mut self) -> (bool, String) {
        loop {
            if let ChainEvent::Connection { ok, why } = self.next().await {
                return (ok, why);
            }
        }
    }

    /// What is wrong with the connection, once something is.
    async fn until_trouble(&mut self) -> String {
        loop {
            if let (false, why) = self.until_connection().await {
                return why;
            }
        }
    }

    /// The block that still stands, of the next reorganisation.
    async fn until_rewound(&mut self) -> u64 {
        loop {
            if let ChainEvent::Rewound { number } = self.next().await {
                return number;
            }
        }
    }

    fn count(&self, reason: &str) -> u64 {
        self.rpc.counts().get(reason).copied().unwrap_or_default()
    }

    async fn finish(mut self) {
        self.stop.cancel();
        self.events.close();
        self.task.await.expect("the watcher does not panic");
    }
}

fn job_events(told: &[ChainEvent]) -> Vec<(u64, JobEvent)> {
    let jobs = told.iter().filter_map(|event| match event {
        ChainEvent::Job { block, event } => Some((*block, event.clone())),
        _ => None,
    });
    jobs.collect()
}

/// A log of the JobManager.
fn funded(job: u64) -> LogData {
    JobManager::JobCovered { jobId: job, covered: true }.encode_log_data()
}

/// A log of the TaskManager.
fn settled(job: u64) -> LogData {
    let event = TaskManager::TaskSettled {
        jobId: job,
        submitter: Address::repeat_byte(8),
        fact: U256::from(job) << 192 | U256::from(2) << 160 | U256::from(4) << 96 | U256::from(257),
        instanceKey: B256::with_last_byte(3),
        outcomeHash: B256::repeat_byte(5),
    };
    event.encode_log_data()
}

#[tokio::test]
async fn old_blocks_come_in_large_steps_and_new_ones_singly() {
    let node = crate::chain::fake_node::FakeNode::start(0).await;
    let config = crate::chain::fake_node::config(&[&node.url], 0);
    let mut watcher = Watcher::new(Rpc::new(&config).expect("valid URLs"), config);
    assert_eq!(watcher.plan(0), None);
    assert_eq!(watcher.plan(1), Some(Plan::Single(1)));
    assert_eq!(watcher.plan(17), Some(Plan::Single(1)));
    assert_eq!(watcher.plan(18), Some(Plan::Range(1, 2)));
    assert_eq!(watcher.plan(300), Some(Plan::Range(1, 64)));
    assert_eq!(watcher.plan(301), Some(Plan::History(1, 1)));
    assert_eq!(watcher.plan(9_000), Some(Plan::History(1, 2_000)));
    watcher.next = 9_000 - 300 + 1;
    assert_eq!(watcher.plan(9_000), Some(Plan::Range(8_701, 8_764)));
    watcher.held.push(Head {
        number: 10,
        hash: alloy::primitives::B256::repeat_byte(1),
        parent: alloy::primitives::B256::ZERO,
        timestamp: 0,
    });
    watcher.next = 11;
    assert_eq!(watcher.plan(9_000), Some(Plan::Range(11, 74)), "no gap once heads were passed on");
}
