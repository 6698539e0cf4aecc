//! What a keeper takes of its disk, read when somebody scrapes.

use std::path::PathBuf;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::health::free_space;
use crate::paths::Paths;

/// The files that grow, and the disk they are on.
#[derive(Debug)]
struct Files {
    data: PathBuf,
    files: [(&'static str, PathBuf); 2],
}

/// Registers the series about a keeper's files.
pub fn register_files(registry: &mut Registry, paths: &Paths) {
    let files = [("journal", paths.journal()), ("archive", paths.archive())];
    registry.register_collector(Box::new(Files { data: paths.data().to_owned(), files }));
}

fn gauge(bytes: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(bytes).unwrap_or(i64::MAX))
}

impl Collector for Files {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "Size of the files that grow; one that is not there yet has none";
        let mut family = encoder.encode_descriptor("keeper_file_bytes", help, None, MetricType::Gauge)?;
        for (name, path) in &self.files {
            let size = std::fs::metadata(path).map_or(0, |about| about.len());
            gauge(size).encode(family.encode_family(&[("file", *name)])?)?;
        }
        let Some(free) = free_space(&self.data) else { return Ok(()) };
        let free = gauge(free);
        let help = "Free on the disk of the data directory";
        free.encode(encoder.encode_descriptor("keeper_disk_free_bytes", help, None, free.metric_type())?)
    }
}
