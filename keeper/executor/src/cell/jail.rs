//! What a worker does to itself before it reads a byte of anybody: it lets go of everything it does not need, for good.
//!
//! ```text
//! always     dies with its keeper; processors go to its keeper first; descriptors 0, 1 and 2 and no other; no core dump, no file larger than 0 bytes, few
//!            descriptors; bounded memory; a compiler also bounded processor time; no new privileges
//! landlock   no file, no TCP port, no signal to others
//! seccomp    memory, time, threads, the three pipes; anything else fails with EPERM
//! ```
//!
//! The last two depend on the kernel; the hello says which are in force.

use std::collections::BTreeMap;

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use crate::Role;
use crate::wire::Confinement;

/// Descriptors a worker may have open: its three pipes, their copies, and room for the runtime.
const FILES: u64 = 16;
/// Processor time of a compilation in seconds. The keeper's own watch is shorter; this is for the case that it is gone.
const COMPILE_CPU_SECONDS: u64 = 60;
const MIB: u64 = 1 << 20;

/// Locks this process in.
///
/// # Errors
/// A line that says what could not be done. The process must then end.
pub(super) fn enter(role: Role) -> Result<Confinement, String> {
    let failed = |what: &'static str| move |error: nix::Error| format!("a worker cannot {what}: {error}");
    // If this machine runs out of memory, a worker goes first and its keeper stays.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(failed("tie its life to its keeper's"))?;
    step_back(match role {
        Role::Run => 5,
        Role::Compile => 10,
    });
    let _ = prctl::set_name(match role {
        Role::Run => c"keeper-run",
        Role::Compile => c"keeper-compile",
    });
    close_inherited();
    for (resource, most) in limits(role) {
        let hard = getrlimit(resource).map_or(most, |(_, hard)| hard.min(most));
        setrlimit(resource, hard, hard).map_err(failed("limit itself"))?;
    }
    prctl::set_no_new_privs().map_err(failed("give up privileges"))?;
    Ok(Confinement { limits: true, landlock: landlock(), seccomp: seccomp() })
}

/// Lets other processes have the processors first, its keeper above all, however far that stands back itself: jobs that burn all
/// their time must not keep a keeper from its messages. Of this thread, and of all that it starts.
#[expect(unsafe_code, reason = "a system call that takes a number and no memory; nix has no wrapper for it")]
fn step_back(by: i32) {
    // SAFETY: it changes a number in the kernel. Failure leaves the process as it was, which is no harm.
    unsafe { libc::nice(by) };
}

/// Memory is bounded twice: what is written to (`DATA`: heap, guest memories, stacks of threads), and what is mapped at all
/// (`AS`: 64 memories of a guest reserve about a GiB, the program itself some hundred MiB).
fn limits(role: Role) -> Vec<(Resource, u64)> {
    let mut limits = vec![(Resource::RLIMIT_CORE, 0), (Resource::RLIMIT_FSIZE, 0), (Resource::RLIMIT_NOFILE, FILES)];
    match role {
        Role::Run => limits.extend([(Resource::RLIMIT_DATA, 384 * MIB), (Resource::RLIMIT_AS, 4096 * MIB)]),
        Role::Compile => limits.extend([
            (Resource::RLIMIT_DATA, 512 * MIB),
            (Resource::RLIMIT_AS, 2048 * MIB),
            (Resource::RLIMIT_CPU, COMPILE_CPU_SECONDS),
        ]),
    }
    limits
}

/// Closes every descriptor above the standard three: whoever started the keeper may have left some open in it.
fn close_inherited() {
    let open: Vec<i32> = match std::fs::read_dir("/proc/self/fd") {
        Ok(entries) => entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect(),
        Err(_) => (0..256).collect(),
    };
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        let _ = nix::unistd::close(descriptor);
    }
}

/// No files, no sockets, no signals to others, as far as the kernel knows how. Whether anything is in force.
fn landlock() -> bool {
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V4)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    restricted.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

/// Installs the two filters. Whether they are in force.
fn seccomp() -> bool {
    let install = || -> Option<()> {
        // Without clone3 the C library makes threads by clone, whose flags a filter can see.
        let hide = rules([(libc::SYS_clone3, vec![])]);
        let no_such_call = SeccompAction::Errno(u32::try_from(libc::ENOSYS).ok()?);
        let denied = SeccompAction::Errno(u32::try_from(libc::EPERM).ok()?);
        let programs =
            [filter(hide, SeccompAction::Allow, no_such_call)?, filter(allowed()?, denied, SeccompAction::Allow)?];
        programs.iter().try_for_each(|program| seccompiler::apply_filter(program).ok())
    };
    install().is_some()
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn rules(list: impl IntoIterator<Item = (i64, Vec<SeccompRule>)>) -> Rules {
    list.into_iter().collect()
}

fn filter(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> Option<BpfProgram> {
    let machine = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    SeccompFilter::new(rules, otherwise, matched, machine).ok()?.try_into().ok()
}

/// The system calls of a guest's process.
fn allowed() -> Option<Rules> {
    let argument = |index, mask: u64, value: u64| {
        let condition = SeccompCondition::new(index, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value);
        SeccompRule::new(vec![condition.ok()?]).ok()
    };
    let unconditional = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_restart_syscall,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_tgkill,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_membarrier,
        libc::SYS_clone3, // hidden by the other filter
    ];
    let mut allowed = rules(unconditional.map(|call| (call, vec![])));
    let thread = u64::try_from(libc::CLONE_THREAD).ok()?;
    allowed.insert(libc::SYS_clone, vec![argument(0, thread, thread)?]);
    // Memory of its own only: nothing shared, so that the limits on memory hold.
    let (kind, private) = (u64::try_from(libc::MAP_TYPE).ok()?, u64::try_from(libc::MAP_PRIVATE).ok()?);
    allowed.insert(libc::SYS_mmap, vec![argument(3, kind, private)?]);
    // Names of threads and of memory.
    let names = [libc::PR_SET_NAME, libc::PR_SET_VMA].map(|option| argument(0, u64::MAX, option.try_into().ok()?));
    allowed.insert(libc::SYS_prctl, names.into_iter().collect::<Option<_>>()?);
    // Copies of the standard descriptors.
    allowed.insert(libc::SYS_fcntl, vec![argument(1, u64::MAX, u64::try_from(libc::F_DUPFD_CLOEXEC).ok()?)?]);
    Some(allowed)
}
