//! TypeScript: checked by `tsc`, bundled by esbuild, and put into an interpreter (QuickJS) by jco, each of the version that the
//! folder's `package.json` names. The component has no imports but the world's.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::tools::{npm_install, run, say};

/// Where a job's `run` is, or its `observe` and `decide`.
const ENTRY: &str = "src/job.ts";
const INSTALL: &str = "does package.json name @bytecodealliance/jco, esbuild and typescript?";

/// Builds the folder's component.
pub(super) fn component(folder: &Path, world: &str) -> Result<Vec<u8>> {
    npm_install(folder)?;
    // Seen from wherever the command is given.
    let folder = std::path::absolute(folder).with_context(|| format!("where is {}?", folder.display()))?;
    let tool = |name: &str| {
        let mut command = Command::new(folder.join("node_modules/.bin").join(name));
        command.current_dir(&folder);
        command
    };
    let build = folder.join("build");
    std::fs::create_dir_all(&build).with_context(|| format!("could not make {}", build.display()))?;
    let (bundle, made) = (build.join("job.js"), build.join("job.wasm"));
    run(tool("tsc").args(["-p", "."]), false, INSTALL)?;
    let mut esbuild = tool("esbuild");
    esbuild.args([ENTRY, "--bundle", "--format=esm", "--target=es2022", "--external:keeper:*", "--log-level=warning"]);
    run(esbuild.arg(format!("--outfile={}", bundle.display())), false, INSTALL)?;
    say("putting it into its interpreter");
    let mut jco = tool("jco");
    jco.arg("componentize").arg(&bundle).args(["--wit", "node_modules/keeper-job/wit", "--world-name", world]);
    jco.args(["--backend", "qjs", "--backend-qjs-stub-wasi", "--backend-qjs-disable-async", "--out"]);
    run(jco.arg(&made), false, INSTALL)?;
    std::fs::read(&made).with_context(|| format!("could not read {}", made.display()))
}
