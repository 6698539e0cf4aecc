//! `keeper join`: run an operator node.

use anyhow::{Result, bail};

use super::{Exit, Global, JoinArgs};

#[expect(clippy::unused_async, reason = "the node is awaited here")]
pub(crate) async fn run(args: JoinArgs, global: &Global) -> Result<Exit> {
    let config = args.config(global)?;
    bail!("joining {} is not built yet", config.network.display())
}
