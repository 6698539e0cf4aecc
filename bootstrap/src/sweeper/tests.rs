use std::fs;

use super::Sweeper;

#[test]
fn removes_the_directory_when_its_owner_is_gone() {
    let directory = tempfile::tempdir().unwrap().keep();
    fs::write(directory.join("file"), "x").unwrap();
    drop(Sweeper::watch(&directory).unwrap());
    assert!(!directory.exists());
}

#[test]
fn leaves_it_when_told_to() {
    let directory = tempfile::tempdir().unwrap();
    let mut sweeper = Sweeper::watch(directory.path()).unwrap();
    sweeper.keep();
    drop(sweeper);
    assert!(directory.path().exists());
}
