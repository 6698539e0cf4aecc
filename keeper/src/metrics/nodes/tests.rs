use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// What comes before a name wherever one is counted.
const BEFORE: [&str; 5] = [".count(\"", "failed(place, \"", "failed(\"", "distrust(\"", "unbelievable(\""];

/// The names that the code of a folder counts.
fn counted(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the source is there").flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && name != "tests" {
            counted(&path, names);
        } else if name.ends_with(".rs") && name != "tests.rs" && !name.contains("_node") {
            let text = std::fs::read_to_string(&path).expect("readable");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code = code.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
            for before in BEFORE {
                let found = code.split(before).skip(1).filter_map(|rest| rest.split('"').next());
                names.extend(found.filter(|name| is_name(name)).map(str::to_owned));
            }
        }
    }
}

/// The words of a match in a function of a file: what it gives for each arm.
fn words_of(file: &str, function: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chain").join(file);
    let text = std::fs::read_to_string(path).expect("readable");
    let body =
        text.split(function).nth(1).and_then(|rest| rest.split("\n    }").next()).expect("the function is there");
    body.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[test]
fn every_name_that_is_counted_stands_in_one_table_and_no_other() {
    let mut names = BTreeSet::new();
    counted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chain"), &mut names);
    names.extend(words_of("refusal.rs", "pub fn name("));
    names.extend(words_of("error.rs", "pub fn reason("));
    // What is never a node's answer: the transport counts outages by their kind, and two are found before any node is asked.
    for never in ["unreachable", "invalid_url", "ledger"] {
        assert!(names.remove(never), "{never}");
    }
    assert!(names.len() > 50, "the names are found: {names:?}");
    let tables: Vec<&str> = ERRORS.iter().chain(EVENTS).copied().collect();
    let distinct: BTreeSet<String> = tables.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(distinct.len(), tables.len(), "a name stands twice");
    let missing: Vec<_> = names.difference(&distinct).collect();
    let idle: Vec<_> = distinct.difference(&names).collect();
    assert!(missing.is_empty() && idle.is_empty(), "in no table: {missing:?}; never counted: {idle:?}");
}

#[test]
fn failures_of_nodes_are_counted_once_and_what_is_none_apart() {
    let series = NodeSeries::register(&mut Registry::default());
    let mut counts = BTreeMap::from([("no_answer", 2), ("reorg", 1), ("fees_raised", 4)]);
    series.follow(&counts);
    series.follow(&counts);
    let errors = |name| series.errors.get([name]);
    let events = |name| series.events.get([name]);
    assert_eq!((errors("no_answer"), errors("reorg"), errors("fees_raised")), (2, 0, 0));
    assert_eq!((events("reorg"), events("fees_raised"), events("no_answer")), (1, 4, 0));
    counts.extend([("no_answer", 3), ("limited", 1)]);
    series.follow(&counts);
    assert_eq!((errors("no_answer"), errors("limited")), (3, 1));
}
