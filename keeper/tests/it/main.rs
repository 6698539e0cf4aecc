//! The `keeper` binary from the outside: answers on stdout, errors on stderr, exit codes.

mod asked;
mod authoring;
#[cfg(not(feature = "equivocate"))]
mod doctor;
mod job_kinds;
mod job_terms;
mod jobs_on_chain;
mod join;
mod journal;
mod keeper_process;
mod keys;
mod local_verbs;
mod newcomer;
mod on_chain;
#[cfg(not(feature = "equivocate"))]
mod outside;
mod peer_code;
mod remote_key;
mod runs;
mod settings;
mod status;
mod why;
