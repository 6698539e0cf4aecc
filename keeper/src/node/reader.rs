//! Lets jobs ask one node where an answer takes several questions.

use std::pin::Pin;

use alloy::providers::{DynProvider, Provider};

use crate::chain::Rpc;
use crate::executor::OneNode;

impl OneNode for Rpc {
    fn one_node(&self) -> Pin<Box<dyn Future<Output = Result<DynProvider, String>> + Send + '_>> {
        Box::pin(async {
            let node = self.node().await.map_err(|error| error.to_string())?;
            Ok(node.provider().erased())
        })
    }
}
