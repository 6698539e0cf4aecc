//! Machines on which no job can run: that is no fault of the jobs.

use executor::{Abstain, Code, ExecutorError, Limits};
use tempfile::TempDir;

use crate::support::{ECHO, OWNER, PreparedChain, code, component, executor_of, executor_on};

fn echo() -> Code {
    code(&component(ECHO))
}

/// Under systemd's MemoryDenyWriteExecute, or SELinux without `execmem`, a keeper once refused every code there is for good.
#[tokio::test]
async fn a_machine_that_lets_no_code_be_loaded_is_named_and_refuses_no_code() {
    let directory = TempDir::new().expect("a temporary directory");
    let (cell, cache) = (directory.path().join("cell-denies-code"), directory.path().join("cache"));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_executor-cell"), &cell).expect("linked");
    let denied = executor_of(&cell, &cache, Limits::default(), PreparedChain::new([]));
    let found = denied.check().await.expect_err("nothing can run");
    assert!(matches!(found, ExecutorError::Unloadable(_)), "{found}");
    let said = found.to_string();
    assert!(said.contains("Operation not permitted") && said.contains("MemoryDenyWriteExecute"), "{said}");

    let failed = denied.prepare(&echo(), OWNER).await.expect_err("it cannot be loaded");
    assert!(matches!(&failed, Abstain::HostFailure(why) if why.contains("on this machine")), "{failed}");
    assert_eq!(denied.counts().codes_refused, 0);
    assert_eq!(std::fs::read_dir(cache.join("refused")).expect("listed").count(), 0, "nothing is for good");

    // Mended, the same cache serves.
    let mended = executor_on(&cache, Limits::default(), PreparedChain::new([]));
    mended.check().await.expect("it can run code");
    mended.prepare(&echo(), OWNER).await.expect("prepared");
}
