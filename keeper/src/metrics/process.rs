//! Memory of this process, read from `/proc` when somebody scrapes.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::memory;

/// Collects `process_resident_memory_bytes`, named as the official Prometheus clients name it.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(bytes) = memory::resident() else { return Ok(()) };
        let gauge = ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX));
        let name = "process_resident_memory_bytes";
        gauge.encode(encoder.encode_descriptor(name, "Resident memory size", None, gauge.metric_type())?)
    }
}
