//! No module of a crate needs one that needs it: what a reader opens first never sends him back.
//!
//! A module is a file. It needs another where a `use` line or a path in its code leads there, through as many
//! re-exports as there may be; a re-export by itself needs nothing, and neither do tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pollrtc_conformance::repository;

/// Crates that still have circles, and how many modules are in them. No number may grow, and none may be added.
const CIRCULAR: &[(&str, usize)] = &[("cli", 2)];

#[test]
fn no_crate_has_modules_that_need_each_other() {
    let mut crates = crates();
    crates.sort();
    assert!(crates.iter().any(|name| name == "core"), "{crates:?}");
    let mut complaints = String::new();
    for name in &crates {
        let needs = needs(&sources(name));
        let circles = circles(&needs);
        let found = circles.iter().map(BTreeSet::len).sum::<usize>();
        let known = CIRCULAR.iter().find(|(circular, _)| circular == name);
        let allowed = known.map_or(0, |(_, count)| *count);
        if found > allowed {
            complaints += &format!("{name}: {found} modules need each other, {allowed} may:\n");
            complaints.extend(circles.iter().map(|circle| shown(circle, &needs)));
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    for (name, _) in CIRCULAR {
        assert!(crates.iter().any(|known| known == name), "there is no crate {name}");
    }
}

#[test]
fn a_circle_is_found_however_it_is_spelled() {
    let circular: [&[(&str, &str)]; 7] = [
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A;"),
        ],
        // A path in the code is as good as a line that begins with `use`.
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "fn f() -> crate::b::B { todo }"),
            ("b.rs", "use super::{a::{A, C}};"),
        ],
        // Through what another module re-exports.
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod inner; pub use inner::Inner;"),
            ("a/inner.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::Inner;"),
        ],
        // Through a module as a whole.
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod inner; pub(crate) use inner::*;"),
            ("a/inner.rs", "use crate::b;"),
            ("b.rs", "use crate::a; fn f() { a::inner() }"),
        ],
        // Between parent and child.
        &[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod inner; use inner::Inner; struct A(Inner);"),
            ("a/inner.rs", "use super::A;"),
        ],
        // Without any line of `use` at all.
        &[
            ("lib.rs", "mod a; fn f() { a::g() }"),
            ("a.rs", "fn g() { super::f() }"),
        ],
        // Through three.
        &[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B as Other;"),
            ("b.rs", "use crate::c::*;"),
            ("c.rs", "use crate::a::A;"),
        ],
    ];
    for sources in circular {
        assert_eq!(circles(&needs(&owned(sources))).len(), 1, "{sources:#?}");
    }
}

#[test]
fn what_only_looks_like_a_circle_is_none() {
    let straight: [&[(&str, &str)]; 6] = [
        // A re-export is a name, not a need.
        &[
            ("lib.rs", "mod a; pub use a::A; pub struct Shared;"),
            ("a.rs", "use crate::Shared;"),
        ],
        // Tests look where they like.
        &[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "use crate::b::B; #[cfg(test)] mod tests { use crate::b::B; use super::*; }",
            ),
            ("b.rs", "#[cfg(test)] mod tests { use crate::a::A; }"),
        ],
        // So do comments and texts.
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            (
                "b.rs",
                "//! [`A`](crate::a::A)\n/* crate::a */ const X: &str = \"crate::a::A\"; const Y: char = '\"';",
            ),
        ],
        // A sibling's name may be another crate's.
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use other::a::A; use std::a;"),
        ],
        // Who may see a thing is not what it needs.
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; mod c; pub use c::C;"),
            ("a/b.rs", "pub(in crate::a) struct B;"),
            ("a/c.rs", "use super::b::B; pub struct C;"),
        ],
        // Two children of one parent.
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; mod c; pub use c::C; struct Shared;"),
            ("a/b.rs", "use super::Shared;"),
            ("a/c.rs", "use super::{Shared, b::B};"),
        ],
    ];
    for sources in straight {
        let found = circles(&needs(&owned(sources)));
        assert!(found.is_empty(), "{sources:#?}: {found:#?}");
    }
}

/// A module by the names that lead to it from the root, which is empty.
type Module = Vec<String>;

/// The names of the folders with crates.
fn crates() -> Vec<String> {
    let folder = repository().join("crates");
    fs::read_dir(&folder)
        .expect("the folder of crates")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().join("src").is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name in UTF-8"))
        .collect()
}

/// The files of a crate, by their path in `src`.
fn sources(name: &str) -> BTreeMap<String, String> {
    let root = repository().join("crates").join(name).join("src");
    let mut sources = BTreeMap::new();
    collect(&root, &root, &mut sources);
    assert!(!sources.is_empty(), "{name} has no source");
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path
                .strip_prefix(root)
                .expect("a path in src")
                .to_string_lossy()
                .into_owned();
            sources.insert(name, fs::read_to_string(&path).expect("a file can be read"));
        }
    }
}

/// The modules of a circle, each with those of the same circle that it needs.
fn shown(circle: &BTreeSet<Module>, needs: &BTreeMap<Module, BTreeSet<Module>>) -> String {
    let path = |module: &Module| match module.is_empty() {
        true => "the root".to_owned(),
        false => module.join("::"),
    };
    let lines = circle.iter().map(|module| {
        let needed = needs.get(module).into_iter().flatten();
        let needed: Vec<_> = needed.filter(|needed| circle.contains(*needed)).map(path).collect();
        format!("    {} needs {}\n", path(module), needed.join(", "))
    });
    lines.collect::<String>() + "\n"
}

fn owned(sources: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = sources
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    owned.collect()
}

/// Which module a file is.
fn module_of(file: &str) -> Module {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let mut names: Module = stem.split('/').map(str::to_owned).collect();
    let is_folder = names.last().is_some_and(|name| name == "mod");
    if is_folder || stem == "lib" || stem == "main" {
        names.pop();
    }
    names
}

/// What each module names: what it brings into scope, and what it needs.
#[derive(Default)]
struct Named {
    /// What a name stands for.
    aliases: BTreeMap<String, Vec<String>>,
    /// Modules all of whose names are in scope.
    globs: Vec<Vec<String>>,
    /// Paths that lead to what is needed.
    needs: Vec<Vec<String>>,
}

/// Which modules each module needs.
fn needs(sources: &BTreeMap<String, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let named: BTreeMap<Module, Named> = sources
        .iter()
        .map(|(file, text)| (module_of(file), read(&tokens(text))))
        .collect();
    let needs = named.iter().map(|(module, own)| {
        let mut needed = BTreeSet::new();
        for path in &own.needs {
            resolve(&named, module, path, 0, &mut needed);
        }
        needed.remove(module);
        (module.clone(), needed)
    });
    needs.collect()
}

/// More re-exports than this on the way to a thing, and it is not looked for any more.
const MAX_REEXPORTS: usize = 16;

/// Adds the modules that a path in a module leads to. A path that ends at a module leads to all that it gives.
fn resolve(
    named: &BTreeMap<Module, Named>,
    from: &Module,
    path: &[String],
    depth: usize,
    needed: &mut BTreeSet<Module>,
) {
    let Some((first, mut rest)) = path.split_first() else {
        return;
    };
    let mut at = from.clone();
    match first.as_str() {
        "crate" => at.clear(),
        "self" => {}
        "super" => {
            at.pop();
            while let Some((next, after)) = rest.split_first()
                && next == "super"
            {
                at.pop();
                rest = after;
            }
        }
        _ => rest = path,
    }
    let is_anchored = rest.len() < path.len();
    for (position, name) in rest.iter().enumerate() {
        let child = [&at[..], std::slice::from_ref(name)].concat();
        if named.contains_key(&child) {
            at = child;
            continue;
        }
        let Some(own) = named.get(&at) else { return };
        if depth < MAX_REEXPORTS
            && let Some(alias) = own.aliases.get(name)
            && alias != path
        {
            let whole = [&alias[..], &rest[position + 1..]].concat();
            return resolve(named, &at, &whole, depth + 1, needed);
        }
        // A name of another crate, or one that the language has.
        if !is_anchored && position == 0 {
            return;
        }
        for glob in own.globs.iter().filter(|_| depth < MAX_REEXPORTS) {
            resolve(named, &at, glob, depth + 1, needed);
        }
        needed.insert(at);
        return;
    }
    if !needed.insert(at.clone()) || depth >= MAX_REEXPORTS {
        return;
    }
    let Some(own) = named.get(&at).filter(|_| at != *from) else {
        return;
    };
    for path in own.aliases.values().chain(&own.globs) {
        resolve(named, &at, path, depth + 1, needed);
    }
}

/// The sets of modules each of which needs all others of its set, directly or not.
fn circles(needs: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached = |start: &Module| {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&Module> = needs.get(start).into_iter().flatten().collect();
        while let Some(module) = next.pop() {
            if reached.insert(module.clone()) {
                next.extend(needs.get(module).into_iter().flatten());
            }
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = needs.keys().map(|module| (module, reached(module))).collect();
    let mut circles: Vec<BTreeSet<Module>> = Vec::new();
    for (module, from_here) in reached
        .iter()
        .filter(|(module, from_here)| from_here.contains(**module))
    {
        if circles.iter().any(|circle| circle.contains(*module)) {
            continue;
        }
        let leads_back = |other: &&Module| reached.get(*other).is_some_and(|reached| reached.contains(*module));
        circles.push(from_here.iter().filter(leads_back).cloned().collect());
    }
    circles
}

/// What a file says, without comments, texts, and what is there for tests only.
fn read(tokens: &[String]) -> Named {
    let mut named = Named::default();
    let mut at = 0;
    while at < tokens.len() {
        let is = |offset: usize, token: &str| tokens.get(at + offset).is_some_and(|own| own == token);
        if is(0, "#") && is(1, "[") && is(2, "cfg") {
            let end = after_group(tokens, at + 1);
            let is_test = tokens[at..end].iter().any(|token| token == "test");
            at = if is_test { after_item(tokens, end) } else { end };
        } else if is(0, "pub") && is(1, "(") && is(2, "in") {
            at = after_group(tokens, at + 1);
        } else if is(0, "use") && !is(1, "<") {
            let end = at
                + tokens[at..]
                    .iter()
                    .position(|token| token == ";")
                    .unwrap_or(tokens.len() - at);
            let is_reexport = at > 0 && (tokens[at - 1] == "pub" || tokens[at - 1] == ")");
            read_use(&tokens[at + 1..end], &[], is_reexport, &mut named);
            at = end;
        } else if is_name(&tokens[at]) && is(1, "::") && (at == 0 || tokens[at - 1] != "::") {
            let mut path = vec![tokens[at].clone()];
            at += 1;
            while at + 1 < tokens.len() && tokens[at] == "::" && is_name(&tokens[at + 1]) {
                path.push(tokens[at + 1].clone());
                at += 2;
            }
            named.needs.push(path);
        } else {
            at += 1;
        }
    }
    named
}

/// The branches of what stands between `use` and the semicolon.
fn read_use(tree: &[String], before: &[String], is_reexport: bool, named: &mut Named) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < tree.len() {
        match tree[at].as_str() {
            "::" => at += 1,
            "{" => {
                let end = after_group(tree, at);
                for branch in branches(&tree[at + 1..end - 1]) {
                    read_use(branch, &path, is_reexport, named);
                }
                return;
            }
            "*" => {
                named.globs.push(path.clone());
                if !is_reexport {
                    named.needs.push(path);
                }
                return;
            }
            "as" => break,
            "self" if !path.is_empty() => at += 1,
            name => {
                path.push(name.to_owned());
                at += 1;
            }
        }
    }
    let alias = match tree.get(at).map(String::as_str) {
        Some("as") => tree.get(at + 1),
        _ => path.last(),
    };
    if let Some(alias) = alias {
        named.aliases.insert(alias.clone(), path.clone());
    }
    if !is_reexport {
        named.needs.push(path);
    }
}

/// What commas part, outside of braces.
fn branches(tokens: &[String]) -> Vec<&[String]> {
    let (mut depth, mut start) = (0, 0);
    let mut branches = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => {
                branches.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    branches.push(&tokens[start..]);
    branches.retain(|branch| !branch.is_empty());
    branches
}

/// Behind the bracket that closes the one at `at`.
fn after_group(tokens: &[String], at: usize) -> usize {
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate().skip(at) {
        match token.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" | "]" | ")" => {
                depth -= 1;
                if depth == 0 {
                    return position + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Behind the item that begins at `at`: its semicolon or its braces.
fn after_item(tokens: &[String], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].as_str() {
            ";" => return at + 1,
            "{" => return after_group(tokens, at),
            "[" | "(" => at = after_group(tokens, at),
            _ => at += 1,
        }
    }
    at
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and single other characters; comments and texts are left out.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ if raw_text(rest).is_some() => raw_text(rest).unwrap_or(rest.len()),
            '"' => quoted(rest, '"'),
            '\'' => character(rest),
            _ if is_name(rest) => {
                let length = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                tokens.push(rest[..length].to_owned());
                length
            }
            _ if rest.starts_with("::") => {
                tokens.push("::".to_owned());
                2
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(first.to_string());
                }
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a raw text that begins here.
fn raw_text(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let hashes = inner.len() - inner.trim_start_matches('#').len();
    let body = inner[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let body_len = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(text.len() - body.len() + body_len)
}

/// The length of what is between two of `quote`, with both.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character in quotes; of the quote alone where it begins a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) => quoted(text, '\''),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 1,
    }
}
