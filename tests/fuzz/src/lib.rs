//! A fuzz target for every decoder and request handler: what peers, the chain, RPC nodes, jobs and files may contain.
//!
//! ```text
//!   a target = a function that takes any bytes, and panics where a promise is broken
//!              + the bytes that our own encoders write, which the corpus is made of
//!
//!   tests/corpus.rs   every target over the corpus and a few thousand mutations of it; part of the ordinary tests
//!   bin/search.rs     the same functions under libFuzzer, which looks for new inputs by coverage (../fuzz.sh)
//! ```
//!
//! What only a crate itself can reach is in its own `fuzz` modules, which no shipped program is built with. The promises
//! are: no panic, whatever comes; what decodes encodes to the same again; what is over a cap is refused.

pub mod config;
pub mod corpus;
pub mod engine;
pub mod mesh;
pub mod mutate;
pub mod terms;

/// A decoder or request handler.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Names its folder in the corpus.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// What our own encoders write for it.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Longest input that is worth a try, in bytes.
    pub longest: usize,
}

/// Lists the targets: name, function, seeds, longest input.
macro_rules! targets {
    ($($name:ident: $run:path, $seeds:path, $longest:expr;)*) => {
        /// All targets, by name.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $run, seeds: $seeds, longest: $longest },)*];
    };
}

targets! {
    address_book: p2p::fuzz::address_book, p2p::fuzz::address_book_seeds, 4096;
    amount: keeper::cli::fuzz::amount, keeper::cli::fuzz::amount_seeds, 64;
    archive_row: keeper::archive::fuzz::row, keeper::archive::fuzz::row_seeds, 512;
    assignment: mesh::assignment, mesh::assignment_seeds, 8192;
    backup: keeper::backup::fuzz::backup, keeper::backup::fuzz::backup_seeds, 8192;
    bls_chain_key: mesh::bls_chain_key, mesh::bls_chain_key_seeds, 256;
    bls_key: mesh::bls_key, mesh::bls_key_seeds, 128;
    bls_keystore: keeper::keystore::fuzz::bls_keystore, keeper::keystore::fuzz::bls_keystore_seeds, 4096;
    bls_signature: mesh::bls_signature, mesh::bls_signature_seeds, 128;
    bootnode: config::bootnode, config::bootnode_seeds, 256;
    certificate: mesh::certificate, mesh::certificate_seeds, 8192;
    check_answer: keeper::jobs::action::fuzz::answer, keeper::jobs::action::fuzz::answer_seeds, 1024;
    chain_answer: executor::fuzz::chain_answer, executor::fuzz::chain_answer_seeds, 4096;
    chain_log: keeper::chain::fuzz::log, keeper::chain::fuzz::log_seeds, 4096;
    chain_request: executor::fuzz::chain_request, executor::fuzz::chain_request_seeds, 2048;
    code_answer: keeper::peer_code::fuzz::answer, keeper::peer_code::fuzz::answer_seeds, 1024;
    code_question: keeper::peer_code::fuzz::question, keeper::peer_code::fuzz::question_seeds, 64;
    code_url: executor::fuzz::code_url, executor::fuzz::code_url_seeds, 2100;
    config_file: config::config_file, config::config_file_seeds, 4096;
    cron: terms::cron, terms::cron_seeds, 128;
    data_url: executor::fuzz::data_url, executor::fuzz::data_url_seeds, 1024;
    digest: keeper::chain::fuzz::digest, keeper::chain::fuzz::digest_seeds, 8192;
    engine: engine::engine, engine::engine_seeds, 16_384;
    epoch_table: config::epoch_table, config::epoch_table_seeds, 2048;
    evidence: mesh::evidence, mesh::evidence_seeds, 8192;
    failed_call: executor::fuzz::failed_call, executor::fuzz::failed_call_seeds, 512;
    foreign_key: keeper::keystore::fuzz::foreign_key, keeper::keystore::fuzz::foreign_key_seeds, 4096;
    gelato_trigger: keeper::cli::fuzz::gelato_trigger, keeper::cli::fuzz::gelato_trigger_seeds, 1024;
    have: mesh::have, mesh::have_seeds, 8192;
    heartbeat: mesh::heartbeat, mesh::heartbeat_seeds, 4096;
    host_header: keeper::api::fuzz::host_header, keeper::api::fuzz::host_header_seeds, 128;
    interchange: keeper::journal::fuzz::interchange, keeper::journal::fuzz::interchange_seeds, 4096;
    job_file: keeper::cli::fuzz::job_file, keeper::cli::fuzz::job_file_seeds, 4096;
    job_terms: terms::job_terms, terms::job_terms_seeds, 4096;
    journal: keeper::journal::fuzz::journal, keeper::journal::fuzz::journal_seeds, 4096;
    journal_entries: keeper::journal::fuzz::entries, keeper::journal::fuzz::entries_seeds, 4096;
    ledger: keeper::chain::nonce::fuzz::ledger, keeper::chain::nonce::fuzz::ledger_seeds, 4096;
    listing: keeper::chain::fuzz::listing, keeper::chain::fuzz::listing_seeds, 8192;
    moment: keeper::jobs::fuzz::moment, keeper::jobs::fuzz::moment_seeds, 128;
    network_file: config::network_file, config::network_file_seeds, 4096;
    network_name: p2p::fuzz::network_name, p2p::fuzz::network_name_seeds, 128;
    observation: mesh::observation, mesh::observation_seeds, 4096;
    offchain_config: keeper::cli::fuzz::offchain_config, keeper::cli::fuzz::offchain_config_seeds, 512;
    partial: mesh::partial, mesh::partial_seeds, 8192;
    peer_status: mesh::peer_status, mesh::peer_status_seeds, 1024;
    receipt: config::receipt, config::receipt_seeds, 16_384;
    record: p2p::fuzz::record, p2p::fuzz::record_seeds, 1100;
    records_answer: p2p::fuzz::records_answer, p2p::fuzz::records_answer_seeds, 4096;
    records_question: p2p::fuzz::records_question, p2p::fuzz::records_question_seeds, 2048;
    request_frame: p2p::fuzz::request_frame, p2p::fuzz::request_frame_seeds, 2048;
    revert: keeper::chain::fuzz::revert, keeper::chain::fuzz::revert_seeds, 1024;
    rpc_answer: keeper::chain::rpc_fuzz::answer, keeper::chain::rpc_fuzz::answer_seeds, 4096;
    rpc_secrets: keeper::chain::rpc_fuzz::secrets, keeper::chain::rpc_fuzz::secrets_seeds, 512;
    rpc_words: keeper::chain::rpc_fuzz::words, keeper::chain::rpc_fuzz::words_seeds, 512;
    ruling: mesh::ruling, mesh::ruling_seeds, 512;
    secret_marks: executor::fuzz::secret_marks, executor::fuzz::secret_marks_seeds, 1024;
    secrets_file: keeper::keystore::fuzz::secrets_file, keeper::keystore::fuzz::secrets_file_seeds, 4096;
    seen: executor::fuzz::seen, executor::fuzz::seen_seeds, 4096;
    settle_calldata: keeper::chain::fuzz::settle_calldata, keeper::chain::fuzz::settle_calldata_seeds, 8192;
    signers: mesh::signers, mesh::signers_seeds, 64;
    tape: config::tape, config::tape_seeds, 16_384;
    text_file: config::text_file, config::text_file_seeds, 256;
    token_symbol: keeper::cli::fuzz::token_symbol, keeper::cli::fuzz::token_symbol_seeds, 256;
    trigger_data: terms::trigger_data, terms::trigger_data_seeds, 2048;
    wallet_keystore: keeper::keystore::fuzz::wallet_keystore, keeper::keystore::fuzz::wallet_keystore_seeds, 4096;
    want: mesh::want, mesh::want_seeds, 1100;
    web_answer: executor::fuzz::web_answer, executor::fuzz::web_answer_seeds, 4096;
    web_host: executor::fuzz::web_host, executor::fuzz::web_host_seeds, 256;
    web_request: executor::fuzz::web_request, executor::fuzz::web_request_seeds, 4096;
    worker_order: executor::fuzz::order, executor::fuzz::order_seeds, 4096;
    worker_said: executor::fuzz::said, executor::fuzz::said_seeds, 4096;
}

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
