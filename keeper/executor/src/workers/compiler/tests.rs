use std::os::unix::process::ExitStatusExt;

use super::*;

#[test]
fn what_a_compiler_brings_on_itself_is_for_good_and_what_others_do_is_not() {
    for signal in [libc::SIGABRT, libc::SIGSEGV, libc::SIGXCPU, libc::SIGSYS] {
        assert!(matches!(died(Some(ExitStatus::from_raw(signal))), Compilation::Never(_)), "signal {signal}");
    }
    assert!(matches!(died(Some(ExitStatus::from_raw(101 << 8))), Compilation::Never(_)), "a panic");
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGHUP] {
        assert!(matches!(died(Some(ExitStatus::from_raw(signal))), Compilation::Killed(_)), "signal {signal}");
    }
    assert!(matches!(died(None), Compilation::Killed(_)));
}

#[test]
fn only_used_up_processor_time_speaks_against_the_code() {
    let Compilation::Never(why) = died(Some(ExitStatus::from_raw(libc::SIGXCPU))) else { panic!("not refused") };
    assert!(why.contains("20 s of processor time"), "{why}");
}
