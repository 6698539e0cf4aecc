use std::collections::BTreeSet;

use super::*;

#[test]
fn every_code_has_its_heading_and_every_heading_its_code() {
    let headings: Vec<_> = DOCUMENT.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(set(&headings), set(&codes));
    assert_eq!(headings.len(), codes.len(), "none twice");
    assert_eq!(set(&codes).len(), codes.len(), "none twice");
}

#[test]
fn every_part_says_what_it_is_how_it_ends_and_how_it_is_mended() {
    for code in Code::ALL {
        let text = code.text();
        let exit = format!("Exit code {}", code.exit().code());
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("**") && first.contains(&exit), "{}: {first}", code.id());
        assert_eq!(text.lines().filter(|line| line.starts_with(MEND)).count(), 1, "{}", code.id());
        assert!(code.help().len() > 20, "{}: {}", code.id(), code.help());
        assert!(!text.contains("\n## ") && !text.contains("\n### "), "{}", code.id());
        assert_eq!(Code::named(&code.id().to_lowercase()), Some(*code));
    }
    assert_eq!(Code::named("K-KEY-99"), None);
}

#[test]
fn codes_are_found_through_contexts_and_marks() {
    use anyhow::Context;

    use crate::cli::WithExit;
    let wrong = || anyhow::Error::from(crate::keystore::Error::WrongPassword { path: "k".into() });
    assert_eq!(Code::of(&wrong().context("could not start")), Code::WrongPassword);
    let marked = Err::<(), _>(wrong()).exit(Exit::Usage).context("again").unwrap_err();
    assert_eq!(Code::of(&marked), Code::WrongPassword, "what is known of the error itself");
    let plain = Err::<(), _>(anyhow::anyhow!("gone")).exit(Exit::NotFound).unwrap_err();
    assert_eq!(Code::of(&plain), Code::NotFound);
    let named = Err::<(), _>(anyhow::anyhow!("older")).code(Code::BackupOlder).context("x").unwrap_err();
    assert_eq!((Code::of(&named), Exit::of(&named)), (Code::BackupOlder, Exit::Data));
    assert_eq!(Code::of(&anyhow::anyhow!("anything")), Code::Failed);
}

/// A full disk is told as that, whatever file it was noticed at.
#[test]
fn what_the_machine_is_short_of_has_a_code_of_its_own() {
    let full = || std::io::Error::from_raw_os_error(libc::ENOSPC);
    let data = crate::paths::Error::Io { action: "lock", path: "d".into(), source: full() };
    let keys = crate::keystore::Error::Io { action: "write", path: "k".into(), source: full() };
    for error in [anyhow::Error::from(data), keys.into()] {
        assert_eq!((Code::of(&error), Exit::of(&error)), (Code::Machine, Exit::Failure));
    }
}

/// Every exit code but those of success has a code for what has no better one.
#[test]
fn exit_codes_and_codes_agree() {
    use Exit::{Chain, Data, Failure, Key, Network, NotFound, NotReady, Protection, Timeout, Usage};
    for exit in [Failure, Usage, NotReady, NotFound, Key, Chain, Network, Data, Protection, Timeout] {
        assert_eq!(Code::of_exit(exit).exit(), exit);
    }
}
