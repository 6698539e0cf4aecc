//! The two text formats Prometheus reads.
//!
//! `prometheus-client` writes OpenMetrics only. Tools that lint (`promtool check metrics`) and older scrapers want the
//! text format 0.0.4, in which a counter's HELP and TYPE carry its full name (`x_total`), and neither UNIT, EOF nor
//! the type `info` exist.

use std::fmt;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// Content type of [`openmetrics`].
pub(super) const OPENMETRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Content type of [`plain`].
pub(super) const PLAIN_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All series as OpenMetrics 1.0 text.
///
/// # Errors
/// When a collector fails to write itself.
pub fn openmetrics(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    Ok(text)
}

/// All series in the Prometheus text format 0.0.4.
///
/// # Errors
/// When a collector fails to write itself.
pub fn plain(registry: &Registry) -> Result<String, fmt::Error> {
    Ok(downgrade(&openmetrics(registry)?))
}

/// Rewrites OpenMetrics text as text 0.0.4.
pub(super) fn downgrade(openmetrics: &str) -> String {
    let mut plain = String::with_capacity(openmetrics.len());
    // HELP comes before TYPE, but what it is called depends on the type.
    let mut help = None;
    for line in openmetrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                other => ("", other),
            };
            if let Some((_, text)) = help.take().filter(|(helped, _)| *helped == name) {
                plain.push_str(&format!("# HELP {name}{suffix} {text}\n"));
            }
            plain.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            // An exemplar ("# {..}" behind the value) has no place in the older format.
            plain.push_str(line.split_once(" # {").map_or(line, |(sample, _)| sample));
            plain.push('\n');
        }
    }
    plain
}
