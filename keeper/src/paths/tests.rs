use super::*;

#[test]
fn a_datadir_collapses_everything() {
    let paths = Paths::resolve(Some(Path::new("/somewhere/a"))).unwrap();
    assert_eq!(paths.config(), Path::new("/somewhere/a/config.toml"));
    assert_eq!(paths.cache(), Path::new("/somewhere/a/cache"));
    for file in [paths.keystores(), paths.identity(), paths.journal(), paths.node_file()] {
        assert!(file.starts_with("/somewhere/a"), "{}", file.display());
    }
    let relative = Paths::resolve(Some(Path::new("a"))).unwrap();
    assert!(relative.data().is_absolute());
}

#[test]
fn one_process_at_a_time_and_the_other_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let paths = Paths::resolve(Some(&directory.path().join("deep/data"))).unwrap();
    let lock = paths.lock().unwrap();
    let mode = std::fs::metadata(paths.data()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    let error = paths.lock().unwrap_err();
    assert!(matches!(&error, Error::InUse { pid, .. } if *pid == Some(std::process::id())), "{error}");
    let message = error.to_string();
    assert!(message.contains("deep/data") && message.contains(&std::process::id().to_string()), "{message}");
    drop(lock);
    paths.lock().unwrap();
}

#[test]
fn a_lock_file_with_nonsense_in_it_still_locks() {
    let directory = tempfile::tempdir().unwrap();
    let paths = Paths::resolve(Some(directory.path())).unwrap();
    std::fs::write(directory.path().join("LOCK"), "not a number, and rather long at that").unwrap();
    let lock = paths.lock().unwrap();
    std::fs::write(directory.path().join("LOCK"), "gibberish").unwrap();
    assert!(matches!(paths.lock(), Err(Error::InUse { pid: None, .. })));
    drop(lock);
}

#[test]
fn nobody_else_writes_in_a_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    for (mode, wanted) in [(0o777, 0o755), (0o775, 0o755), (0o750, 0o750), (0o700, 0o700)] {
        let data = directory.path().join(format!("{mode:o}"));
        std::fs::create_dir(&data).unwrap();
        std::fs::set_permissions(&data, Permissions::from_mode(mode)).unwrap();
        Paths::resolve(Some(&data)).unwrap().create().unwrap();
        assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, wanted, "{mode:o}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let paths = Paths::resolve(Some(&directory.path().join("file/data"))).unwrap();
    let message = paths.lock().unwrap_err().to_string();
    assert!(message.contains("file/data"), "{message}");
}
