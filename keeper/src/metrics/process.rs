//! This process as the system sees it, read from `/proc` when somebody scrapes; named as the official Prometheus clients name it.

use std::fs;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::memory;

/// Collects memory, processor time and open files; what cannot be read is left out.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: Option<u64>| {
            let Some(value) = value else { return Ok(()) };
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("process_resident_memory_bytes", "Resident memory size", memory::resident())?;
        gauge("process_open_fds", "Open file descriptors", open_files())?;
        gauge("process_max_fds", "File descriptors that may be open", most_files())?;
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Ok(()) };
        let (user, system) = (usage.user_time(), usage.system_time());
        let micros = (user.tv_usec() + system.tv_usec()) as f64;
        let counter = ConstCounter::new((user.tv_sec() + system.tv_sec()) as f64 + micros / 1e6);
        let help = "Processor time spent, in user and system";
        counter.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, counter.metric_type())?)
    }
}

fn open_files() -> Option<u64> {
    // One of them is the folder that is being read.
    fs::read_dir("/proc/self/fd").ok().map(|files| (files.count() as u64).saturating_sub(1))
}

fn most_files() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}
