//! Files that are compiled for tests only because their parent says so: `#[cfg(test)] mod fixture;`.

use std::collections::BTreeSet;

use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta};

use super::source::is_test_attribute;

/// The files that `#[cfg(test)]` modules of `files` (path, text) live in, and those of their own modules.
pub(super) fn find(files: &[(String, String)]) -> BTreeSet<String> {
    let declared: Vec<_> = files
        .iter()
        .flat_map(|(path, text)| modules(path, text))
        .collect();
    let mut found: BTreeSet<String> = BTreeSet::new();
    loop {
        let before = found.len();
        for module in &declared {
            if module.only_in_tests || found.contains(&module.parent) {
                found.extend(module.candidates.iter().cloned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// A module that has a file of its own.
struct Module {
    parent: String,
    /// Where its file may be; one of them is.
    candidates: Vec<String>,
    only_in_tests: bool,
}

fn modules(path: &str, text: &str) -> Vec<Module> {
    let Ok(file) = syn::parse_file(text) else {
        return Vec::new();
    };
    let declarations = file.items.iter().filter_map(|item| {
        let Item::Mod(module) = item else { return None };
        module.content.is_none().then_some(module)
    });
    let module = |module: &syn::ItemMod| Module {
        parent: path.to_owned(),
        candidates: candidates(
            path,
            &module.ident.to_string(),
            path_attribute(&module.attrs),
        ),
        only_in_tests: module.attrs.iter().any(is_test_attribute),
    };
    declarations.map(module).collect()
}

/// `#[path = "…"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(value) = &attribute.meta else {
            return None;
        };
        let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &value.value
        else {
            return None;
        };
        value.path.is_ident("path").then(|| text.value())
    })
}

fn candidates(parent: &str, name: &str, path: Option<String>) -> Vec<String> {
    let (folder, file) = parent.rsplit_once('/').unwrap_or(("", parent));
    if let Some(path) = path {
        return vec![format!("{folder}/{path}")];
    }
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let own = match stem {
        "mod" | "lib" | "main" => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    vec![format!("{own}/{name}.rs"), format!("{own}/{name}/mod.rs")]
}

#[cfg(test)]
#[path = "test_modules_tests.rs"]
mod tests;
