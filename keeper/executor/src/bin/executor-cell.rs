//! The cell by itself, as `keeper worker` starts it: `executor-cell worker run|compile`. Under a name that ends in
//! [`DENIES_CODE`] it is on a machine that lets no process execute what it has written.

use std::process::ExitCode;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// What systemd calls `MemoryDenyWriteExecute` and SELinux denies as `execmem`.
const DENIES_CODE: &str = "-denies-code";

fn main() -> ExitCode {
    if std::env::args().next().is_some_and(|name| name.ends_with(DENIES_CODE)) && deny_code().is_none() {
        return ExitCode::from(3);
    }
    match std::env::args().nth(2).and_then(|word| word.parse().ok()) {
        Some(role) => executor::cell::main(role),
        None => ExitCode::from(2),
    }
}

fn deny_code() -> Option<()> {
    let executable = u64::try_from(libc::PROT_EXEC).ok()?;
    let asked = SeccompCmpOp::MaskedEq(executable);
    let condition = SeccompCondition::new(2, SeccompCmpArgLen::Qword, asked, executable).ok()?;
    let rules = [(libc::SYS_mprotect, vec![SeccompRule::new(vec![condition]).ok()?])].into_iter().collect();
    let denied = SeccompAction::Errno(u32::try_from(libc::EPERM).ok()?);
    let machine = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, machine).ok()?;
    let program: BpfProgram = filter.try_into().ok()?;
    seccompiler::apply_filter(&program).ok()
}
