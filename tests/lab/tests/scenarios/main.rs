//! Keepers as real processes on bad wires. `tests/lab.sh` makes the namespaces they live in, and runs these.

mod certificates;
mod delay;
mod partitions;
mod town;
