//! Files that people and programs hand to a keeper.

use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolValue;
use consensus::anchor::BlockRef;
use consensus::committee::KeeperIndex;
use consensus::inputs::{InputSet, Seen};
use consensus::task::{InstanceKey, JobId};
use consensus::time::{Pace, Time};
use contracts::network::{Contracts, Network};
use executor::{ChainAnswer, ChainRequest, LogEntry, RpcFailure};
use keeper::config::{Config, Settings, TEMPLATE};
use keeper::jobs::tape::{Ending, Read, Tape};
use keeper::jobs::trial::Trial;
use keeper::jobs::trigger::{Run, SeenLog, Sighting};
use keeper::receipt::{
    AnchorPart, BatchPart, CertificatePart, CommitteePart, MemberPart, OutcomePart, Receipt, SettlementPart, TaskPart,
};

use crate::mesh::{COMMITTEE, secret};
use crate::terms;

/// Bytes of a table before its first chunk: a STOP, so that it is never run, aggregate key, bitmap, total stake, number of rows.
const TABLE_HEAD: usize = 1 + 256 + 32 + 12 + 2;

/// `config.toml`.
pub fn config_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Settings::parse(text, Path::new("/keeper/config.toml")) {
        Ok(settings) => {
            let is_named = settings.network.is_some();
            let merged = Config::merge(settings.or(Settings::default()), Path::new("config.toml"), Path::new("cache"));
            assert_eq!(merged.is_ok(), is_named, "nothing but the network file has no default");
            assert!(merged.is_ok_and(|config| config.region.is_ascii() && config.region.len() <= 32) || !is_named);
        }
        Err(error) => assert!(error.to_string().contains("config.toml"), "an error names its file"),
    }
}

/// The template, with its lines as they are and put in force.
#[must_use]
pub fn config_file_seeds() -> Vec<Vec<u8>> {
    let peer = "12D3KooWQnwEGNqcM2nAcPtRR9rAX8Hrg4k9kJLCHoTR5chJfz6d";
    let in_force: String = TEMPLATE
        .lines()
        .filter_map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")))
        .map(|line| format!("{}\n", line.replace("12D3KooW...", peer)))
        .collect();
    vec![TEMPLATE.as_bytes().to_vec(), in_force.into_bytes()]
}

/// `network.toml`, and what follows from its numbers.
pub fn network_file(bytes: &[u8]) {
    let Ok(network) = Network::read(bytes, "network.toml") else { return };
    let _ = (network.domain8(), network.holds_a_key(), network.window_seconds(), network.blocks_in(3_600));
    let pace = Pace::of(network.block_time(), network.confirmations);
    let due = 1_700_000_000;
    let _ = (pace.stage_seconds(), pace.lag_seconds(), pace.retention(), pace.reach_seconds(), pace.late_from(due));
    let _ = (pace.window_at(Time::from_seconds(due)), pace.window_start(7), pace.seed_limit(7));
    for attempt in [0, 1, 3, 63, 64, 128, 255] {
        assert!(pace.attempt_due(due, attempt) >= due, "no attempt is before the task is due");
        let _ = pace.anchor_limit(due, attempt);
    }
    let text = toml::to_string(&network).expect("what was read can be written");
    assert_eq!(Network::read(text.as_bytes(), "network.toml").expect("it reads what it writes"), network);
}

/// Networks with long blocks and short ones.
#[must_use]
pub fn network_file_seeds() -> Vec<Vec<u8>> {
    let address = |byte| Address::repeat_byte(byte);
    let slow = Network {
        chain_id: 1,
        rpc_urls: vec!["https://node.example/v3/0123456789abcdef".to_owned()],
        deploy_block: 20_000_000,
        bootnodes: vec![String::from_utf8(bootnode_seeds().swap_remove(0)).expect("an address")],
        confirmations: 2,
        block_seconds: 12,
        block_milliseconds: None,
        epoch_seconds: 86_400,
        contracts: Contracts {
            keeper_registry: address(1),
            job_manager: address(2),
            task_manager: address(3),
            service_manager: address(4),
            challenger: address(5),
            allocation_manager: address(6),
            strategy: address(7),
        },
    };
    let quick = Network { block_seconds: 1, block_milliseconds: Some(250), confirmations: 40, ..slow.clone() };
    let never = Network { block_seconds: u64::MAX / 2, ..slow.clone() };
    [slow, quick, never].iter().map(|it| toml::to_string(it).expect("it can be written").into_bytes()).collect()
}

/// Where a bootnode is.
pub fn bootnode(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(address) = p2p::parse_bootnode(text) {
        assert_eq!(p2p::parse_bootnode(&address.to_string()).ok(), Some(address), "it reads what it writes");
    }
}

/// Addresses with numbers, with names, and behind the DNS.
#[must_use]
pub fn bootnode_seeds() -> Vec<Vec<u8>> {
    let peer = p2p::peer_id_from_public_key(&crate::mesh::peer_key(0).0);
    [
        "/ip4/203.0.113.7/tcp/7419",
        "/ip6/2001:db8::1/udp/1/quic-v1",
        "/dns4/boot.example/tcp/7419",
        "/dnsaddr/boot.example",
    ]
    .map(|address| format!("{address}/p2p/{peer}").into_bytes())
    .to_vec()
}

/// A text file in whatever encoding an editor left it.
pub fn text_file(bytes: &[u8]) {
    if let Ok(text) = contracts::text::decode(bytes) {
        assert!(text.len() <= 2 * bytes.len(), "a text is no longer than its file makes it");
        let marked = format!("\u{feff}{text}");
        assert_eq!(contracts::text::decode(marked.as_bytes()), Ok(text), "a mark at its front says nothing");
    }
}

/// The same words in every encoding.
#[must_use]
pub fn text_file_seeds() -> Vec<Vec<u8>> {
    let words = "\u{feff}pass w\u{f6}rd \u{1f511}\n";
    let units = |turn: fn(u16) -> [u8; 2]| words.encode_utf16().flat_map(turn).collect::<Vec<u8>>();
    vec![words.as_bytes().to_vec(), words.as_bytes()[3..].to_vec(), units(u16::to_le_bytes), units(u16::to_be_bytes)]
}

/// A recorded run.
pub fn tape(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(tape) = Tape::read(text) {
        assert_eq!(Tape::read(&tape.text()).expect("it reads what it writes"), tape);
        let _ = (tape.trial.task(), tape.ended.words());
    }
}

fn recorded() -> Tape {
    let anchor = BlockRef { number: 10, hash: B256::repeat_byte(4), timestamp: 11 };
    let entry = LogEntry {
        address: Address::repeat_byte(5),
        topics: vec![B256::repeat_byte(6)],
        data: Bytes::from_static(b"data"),
        block_number: 10,
        block_hash: anchor.hash,
        transaction_hash: B256::repeat_byte(7),
        log_index: 8,
    };
    let account = Address::repeat_byte(1);
    let seen = Seen { keeper: KeeperIndex(3), share: 200_000_000, bytes: Bytes::from_static(b"seen") };
    let reads = vec![
        Read { request: ChainRequest::Balance(account), answer: Ok(ChainAnswer::word(U256::from(7))) },
        Read { request: ChainRequest::CodeHash(account), answer: Err(RpcFailure::NoAnswer("gone".to_owned())) },
        Read {
            request: ChainRequest::Call { to: account, data: Bytes::from_static(&[1, 2]) },
            answer: Err(RpcFailure::Untold("no data".to_owned())),
        },
    ];
    Tape {
        trial: Trial {
            job: (JobId(6), 2),
            terms: Arc::new(terms::sample()),
            chain_id: 1,
            run: Run::at_block(InstanceKey::from_run(5), 12, 10, 8),
            anchor,
            sighting: Some(Sighting::Log(Arc::new(SeenLog { entry, timestamp: 11 }))),
            inputs: Some(Arc::new(InputSet { hash: B256::repeat_byte(9), seen: vec![seen] })),
        },
        reads,
        ended: Ending {
            outcome: "call".to_owned(),
            data: vec![1, 2],
            transcript: [3; 32],
            fuel: 4,
            memory_bytes: 5,
            logs: vec!["info: one".to_owned()],
        },
    }
}

/// A run with reads of every kind.
#[must_use]
pub fn tape_seeds() -> Vec<Vec<u8>> {
    let plain = Tape { reads: Vec::new(), ..recorded() };
    let trial = Trial { sighting: None, inputs: None, ..plain.trial };
    vec![recorded().text().into_bytes(), Tape { trial, ..plain }.text().into_bytes()]
}

/// The code of the contract that holds an epoch's table, behind the number of its rows.
pub fn epoch_table(bytes: &[u8]) {
    let Some((rows, code)) = bytes.split_first() else { return };
    if let Some(chunks) = keeper::receipt::chunks_of(code, (*rows).into()) {
        assert_eq!(chunks.len(), usize::from(*rows).div_ceil(64), "a chunk for 64 rows each");
        assert!(20 * chunks.len() + 12 * usize::from(*rows) < code.len(), "nothing is made up");
    }
}

/// Tables of few rows and of several chunks, as the contract lays them out: a head, and for each chunk its address and stakes.
#[must_use]
pub fn epoch_table_seeds() -> Vec<Vec<u8>> {
    let table = |rows: u8| {
        let chunk = |first: usize| 20 + 12 * (usize::from(rows) - first).min(64);
        let length: usize = (0..rows.into()).step_by(64).map(chunk).sum();
        [vec![rows], vec![7; TABLE_HEAD + length]].concat()
    };
    vec![table(4), table(64), table(65)]
}

/// A receipt that anybody may have sent.
pub fn receipt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(receipt) = Receipt::read(text) {
        assert_eq!(Receipt::read(&receipt.text()).expect("it reads what it writes"), receipt);
        let _ = (keeper::receipt::check(&receipt), receipt.report(), receipt.outcome());
    }
}

/// A receipt that says much and proves nothing: reading it is what is tried here.
#[must_use]
pub fn receipt_seeds() -> Vec<Vec<u8>> {
    let word = B256::repeat_byte;
    let members = COMMITTEE.members().iter().map(|member| MemberPart {
        operator: member.operator,
        stake: member.stake,
        bls_key: member.key.to_chain_bytes().to_vec().into(),
    });
    let receipt = Receipt {
        schema: keeper::receipt::SCHEMA,
        chain_id: 1,
        task_manager: Address::repeat_byte(0x11),
        task: TaskPart { id: word(1), job: 6, version: 2, instance: word(2), run: Some(5) },
        anchor: AnchorPart { number: 50, hash: word(4) },
        input_hash: B256::ZERO,
        outcome: OutcomePart {
            status: "call".to_owned(),
            hash: word(5),
            data: Some(Bytes::from_static(b"outcome")),
            code_hash: word(0xcc),
            state_after_root: Some(B256::ZERO),
            transcript_root: Some(word(3)),
        },
        terms: terms::sample().params().abi_encode().into(),
        report: word(6),
        batch: BatchPart { epoch: 9, root: word(7), proof: vec![word(8); 3], digest: word(9) },
        certificate: CertificatePart {
            signers: vec![0b1101].into(),
            signature: secret(0).sign(b"it").to_bytes().to_vec().into(),
            signed_stake: 300,
        },
        committee: CommitteePart {
            active_from: 40,
            table_root: word(5),
            total_stake: 400,
            key_chunks: vec![Address::repeat_byte(0x77)],
            members: members.collect(),
        },
        settlement: SettlementPart {
            transaction: word(8),
            block: 53,
            submitter: Address::repeat_byte(1),
            delivered: true,
            late_seconds: 2,
        },
        run: Some(recorded()),
    };
    vec![receipt.text().into_bytes()]
}
