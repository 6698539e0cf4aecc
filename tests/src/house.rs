//! The house itself: no circle of imports between the files of a crate, and no source file too long to be read in one go.
//!
//! An import is a path in code (`use crate::a::B`, `super::c::d()`) from one file's module to another's. A module and those
//! below it are one room with its cupboards, so paths between them count for nothing; tests may import what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file, in lines; DESIGN.md aims at 80 to 300.
const LINES_MAX: usize = 350;
/// The crates, by the folder of their `lib.rs`.
const CRATES: [&str; 7] = [
    "consensus/src",
    "p2p/src",
    "contracts/bindings",
    "keeper/executor/src",
    "keeper/src",
    "bootstrap/src",
    "tests/src",
];

/// The crates' whole-crate tests, which are sources too.
const TESTS: [&str; 6] =
    ["consensus/tests", "p2p/tests", "keeper/executor/tests", "keeper/tests", "tests/e2e", "tests/rough"];

type Module = Vec<String>;

fn root() -> PathBuf {
    PathBuf::from("..")
}

/// Every file below `folder` that ends in `extension`.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, extension));
        } else if entry.extension().is_some_and(|end| end == extension) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| ["tests", "tests.rs", "test", "benches"].iter().any(|name| part.as_os_str() == *name))
}

/// The code of a file without comments, and without what only tests compile at its end.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    let lines = lines.take_while(|line| line.trim() != "#[cfg(test)]");
    lines.collect::<Vec<_>>().join("\n")
}

/// All paths in `code` that begin with `crate` or `super`, groups in braces taken apart.
fn paths(code: &str) -> Vec<Module> {
    let mut tokens: Vec<String> = Vec::new();
    for character in code.chars() {
        match tokens.last_mut() {
            Some(word) if is_word(character) && word.chars().all(is_word) => word.push(character),
            _ if character.is_whitespace() => tokens.push(String::new()),
            _ => tokens.push(character.to_string()),
        }
    }
    tokens.retain(|token| !token.is_empty());
    let starts = (0..tokens.len()).filter(|&at| ["crate", "super"].contains(&tokens[at].as_str()));
    starts.filter(|&at| at == 0 || tokens[at - 1] != ":").flat_map(|at| path(&tokens, &mut { at }, &[])).collect()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The paths that the tree of tokens at `at` stands for, each behind `before`.
fn path(tokens: &[String], at: &mut usize, before: &[String]) -> Vec<Module> {
    let mut segments = before.to_vec();
    while let Some(token) = tokens.get(*at) {
        if token == "{" {
            *at += 1;
            let mut all = Vec::new();
            while tokens.get(*at).is_some_and(|token| token != "}") {
                if tokens[*at] == "," {
                    *at += 1;
                } else {
                    all.extend(path(tokens, at, &segments));
                }
            }
            *at += 1;
            return all;
        }
        if !token.chars().all(is_word) {
            *at += 1;
            break;
        }
        segments.push(token.clone());
        *at += 1;
        let joined = tokens.get(*at).is_some_and(|token| token == ":") && tokens.get(*at + 1).is_some_and(|t| t == ":");
        if !joined {
            while tokens
                .get(*at)
                .is_some_and(|token| token == "as" || (token.chars().all(is_word) && before != [""; 0]))
            {
                *at += 1;
            }
            break;
        }
        *at += 2;
    }
    vec![segments]
}

/// The module of a file, from the crate's root on.
fn module(source: &Path, file: &Path) -> Module {
    let inside = file.strip_prefix(source).unwrap().with_extension("");
    let parts: Module = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if parts == ["lib"] || parts == ["main"] { Vec::new() } else { parts }
}

/// What a path in `from` leads to: the deepest module that is a file.
fn target(from: &Module, path: &Module, all: &BTreeSet<Module>) -> Option<Module> {
    let mut at: Module = from.clone();
    let mut rest = path.as_slice();
    while let [first, tail @ ..] = rest {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => drop(at.pop()?),
            _ => break,
        }
        rest = tail;
    }
    for segment in rest {
        at.push(segment.clone());
        if !all.contains(&at) {
            at.pop();
            break;
        }
    }
    Some(at)
}

/// Imports between files that are not above or below each other.
fn imports(texts: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let all: BTreeSet<Module> = texts.keys().cloned().collect();
    let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (from, text) in texts {
        for path in paths(&code(text)) {
            let Some(to) = target(from, &path, &all) else {
                continue;
            };
            if !to.starts_with(from) && !from.starts_with(&to) {
                arrows.entry(from.clone()).or_default().insert(to);
            }
        }
    }
    arrows
}

/// The shortest circle of imports, if there is one.
fn circle(arrows: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let shortest = |start: &Module| {
        let mut queue = std::collections::VecDeque::from([vec![start.clone()]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = queue.pop_front() {
            for next in arrows.get(way.last()?).into_iter().flatten() {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    queue.push_back([way.as_slice(), std::slice::from_ref(next)].concat());
                }
            }
        }
        None
    };
    arrows.keys().filter_map(shortest).min_by_key(Vec::len)
}

fn name(module: &Module) -> String {
    if module.is_empty() { "the crate's root".to_owned() } else { module.join("::") }
}

#[test]
fn no_circle_of_imports() {
    let mut circles = Vec::new();
    for source in CRATES {
        let folder = root().join(source);
        let mut texts = BTreeMap::new();
        for file in files(&folder, "rs").into_iter().filter(|file| !is_test(file.strip_prefix(&folder).unwrap())) {
            texts.insert(module(&folder, &file), fs::read_to_string(&file).unwrap());
        }
        assert!(texts.len() > 2, "{source} has moved: this test looks at nothing there");
        let names = |circle: Vec<Module>| circle.iter().map(name).collect::<Vec<_>>().join(" -> ");
        circles.extend(circle(&imports(&texts)).map(|circle| format!("{source}: {}", names(circle))));
    }
    assert!(circles.is_empty(), "files import each other in a circle (the shortest of each crate): {circles:#?}");
}

#[test]
fn no_source_file_is_too_long() {
    let rust = CRATES.iter().chain(&TESTS).flat_map(|source| files(&root().join(source), "rs"));
    let others =
        files(&root().join("contracts/src"), "sol").into_iter().chain(files(&root().join("contracts/test"), "sol"));
    let long = rust.chain(others).map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file));
    let long: Vec<_> = long.filter(|(lines, _)| *lines > LINES_MAX).collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines, split them by noun: {long:?}");
}

#[test]
fn paths_are_found_in_every_spelling() {
    let found = paths("use crate::a::{self, B, c::{D as E, f}};\nfn x() { super::super::g::h(crate::i::J) }");
    let found: BTreeSet<String> = found.iter().map(|path| path.join("::")).collect();
    let expected =
        ["crate::a::self", "crate::a::B", "crate::a::c::D", "crate::a::c::f", "super::super::g::h", "crate::i::J"];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn a_circle_is_found_and_a_room_with_its_cupboards_is_none() {
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<Module, String> {
        let module = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        pairs.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect()
    };
    let ring = texts(&[
        ("a", "use crate::b::X;"),
        ("b", "fn f() { super::c::g() }"),
        ("c", "use crate::{a::Y, d};"),
        ("d", ""),
    ]);
    assert_eq!(circle(&imports(&ring)).map(|circle| circle.len()), Some(3));
    let room = texts(&[("a", "mod b; use b::X;"), ("a::b", "use super::Y;"), ("c", "use crate::a::b::X;")]);
    assert_eq!(circle(&imports(&room)), None);
    let tests = texts(&[("a", "use crate::b::X;"), ("b", "fn f() {}\n#[cfg(test)]\nmod tests { use crate::a::Z; }")]);
    assert_eq!(circle(&imports(&tests)), None);
}
