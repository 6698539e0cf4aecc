use std::os::unix::process::ExitStatusExt;

use super::*;

#[test]
fn what_a_compiler_brings_on_itself_is_for_good_and_what_others_do_is_not() {
    for ended in [libc::SIGABRT, 101 << 8] {
        let aborted = died(Some(ExitStatus::from_raw(ended)));
        assert!(matches!(aborted, Compilation::Aborted(_)), "out of memory: whose fault that is shows the second time");
    }
    for signal in [libc::SIGSEGV, libc::SIGXCPU, libc::SIGSYS] {
        assert!(matches!(died(Some(ExitStatus::from_raw(signal))), Compilation::Never(_)), "signal {signal}");
    }
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGHUP] {
        assert!(matches!(died(Some(ExitStatus::from_raw(signal))), Compilation::Killed(_)), "signal {signal}");
    }
    assert!(matches!(died(None), Compilation::Killed(_)));
}

#[test]
fn the_processor_time_of_a_process_can_be_read() {
    let own = std::process::id();
    let before = processor_time(own).expect("this process has some");
    while processor_time(own).expect("it still has") < before + Duration::from_millis(30) {
        std::hint::spin_loop();
    }
    assert_eq!(processor_time(u32::MAX), None);
}
