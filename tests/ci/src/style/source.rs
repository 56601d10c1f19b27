//! What one source file is checked for. The file is parsed, so that strings, comments and nested items are told apart.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Signature};

use super::{MAX_FILE_LINES, MAX_FUNCTION_LINES};

/// Methods and macros that end the process on a mistake.
const PANICKING_METHODS: &[&str] = &["unwrap", "expect", "unwrap_err", "expect_err"];
const PANICKING_MACROS: &[&str] = &["panic", "unreachable", "todo", "unimplemented"];
/// Words that mark unfinished work; spelled in halves, because this file is checked too.
const MARKERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// What is wrong with the file at `path` (relative to the workspace, with `/`); `is_test` when it is compiled for tests only.
pub(super) fn findings(path: &str, text: &str, is_test: bool) -> Vec<String> {
    let mut findings = markers(path, text);
    match syn::parse_file(text) {
        Err(error) => findings.push(format!("{path}: does not parse: {error}")),
        Ok(file) => {
            let mut visitor = Visitor {
                path,
                in_test: is_test,
                test_lines: 0,
                findings: Vec::new(),
            };
            visitor.visit_file(&file);
            let lines = text.lines().count().saturating_sub(visitor.test_lines);
            if lines > MAX_FILE_LINES && !is_test {
                findings.push(format!("{path}: {lines} lines, {MAX_FILE_LINES} allowed"));
            }
            findings.append(&mut visitor.findings);
        }
    }
    findings
}

/// Tests, examples and benchmarks, by where they are. This tool is no test although it lives below `tests/`.
pub(super) fn is_test_file(path: &str) -> bool {
    let in_test_folder = path
        .split('/')
        .rev()
        .skip(1)
        .any(|folder| ["tests", "examples", "benches", "fuzz"].contains(&folder));
    path.ends_with("_tests.rs")
        || path.ends_with("/tests.rs")
        || (in_test_folder && !path.starts_with("tests/ci/"))
}

fn markers(path: &str, text: &str) -> Vec<String> {
    let numbered = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line));
    let marked = numbered.filter_map(|(number, line)| {
        let mut words =
            line.split(|character: char| !character.is_alphanumeric() && character != '_');
        words
            .find(|word| MARKERS.contains(word))
            .map(|word| format!("{path}:{number}: {word}"))
    });
    marked.collect()
}

struct Visitor<'a> {
    path: &'a str,
    /// Inside a test file, a `#[cfg(test)]` item or a `#[test]` function.
    in_test: bool,
    /// Lines of the outermost `#[cfg(test)]` items.
    test_lines: usize,
    findings: Vec<String>,
}

impl Visitor<'_> {
    fn find(&mut self, span: proc_macro2::Span, what: &str) {
        self.findings
            .push(format!("{}:{}: {what}", self.path, span.start().line));
    }

    fn function(&mut self, signature: &Signature, block: &Block) {
        let lines = block
            .span()
            .end()
            .line
            .saturating_sub(signature.span().start().line)
            + 1;
        if lines > MAX_FUNCTION_LINES && !self.in_test {
            self.find(
                signature.ident.span(),
                &format!(
                    "{} has {lines} lines, {MAX_FUNCTION_LINES} allowed",
                    signature.ident
                ),
            );
        }
    }

    /// Visits what `attributes` belong to as a test where they say so.
    fn scoped(
        &mut self,
        attributes: &[Attribute],
        span: proc_macro2::Span,
        visit: impl FnOnce(&mut Self),
    ) {
        if attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("ignore"))
        {
            self.find(span, "ignored test");
        }
        let outer = self.in_test;
        self.in_test |= attributes.iter().any(is_test_attribute);
        if self.in_test && !outer {
            self.test_lines += span.end().line.saturating_sub(span.start().line) + 1;
        }
        visit(self);
        self.in_test = outer;
    }

    fn sleeping(&mut self, path: &syn::Path) {
        if self.in_test
            && path
                .segments
                .last()
                .is_some_and(|last| last.ident == "sleep")
        {
            self.find(path.span(), "sleep in a test");
        }
    }

    /// Macro arguments are not parsed, so their tokens are looked through: `.unwrap(`, `panic!`.
    fn tokens(&mut self, tokens: &TokenStream) {
        let trees: Vec<_> = tokens.clone().into_iter().collect();
        for (index, tree) in trees.iter().enumerate() {
            match tree {
                TokenTree::Group(group) => self.tokens(&group.stream()),
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    let before = index.checked_sub(1).and_then(|index| trees.get(index));
                    let method =
                        is_punct(before, '.') && PANICKING_METHODS.contains(&name.as_str());
                    if method
                        || (is_punct(trees.get(index + 1), '!')
                            && PANICKING_MACROS.contains(&name.as_str()))
                    {
                        self.find(ident.span(), &format!("{name} outside tests"));
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.scoped(&item.attrs, item.span(), |this| {
            visit::visit_item_mod(this, item)
        });
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.scoped(&item.attrs, item.span(), |this| {
            visit::visit_item_impl(this, item)
        });
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.scoped(&item.attrs, item.span(), |this| {
            this.function(&item.sig, &item.block);
            visit::visit_item_fn(this, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.scoped(&item.attrs, item.span(), |this| {
            this.function(&item.sig, &item.block);
            visit::visit_impl_item_fn(this, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if !self.in_test && PANICKING_METHODS.iter().any(|name| call.method == name) {
            self.find(
                call.method.span(),
                &format!("{} outside tests", call.method),
            );
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.sleeping(&path.path);
        visit::visit_expr_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if !self.in_test {
            let name = mac
                .path
                .segments
                .last()
                .map(|last| last.ident.to_string())
                .unwrap_or_default();
            if PANICKING_MACROS.contains(&name.as_str()) {
                self.find(mac.span(), &format!("{name} outside tests"));
            }
            self.tokens(&mac.tokens);
        }
        visit::visit_macro(self, mac);
    }
}

fn is_punct(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(any(test, …))]`; not `#[cfg(not(test))]`.
pub(super) fn is_test_attribute(attribute: &Attribute) -> bool {
    if attribute
        .path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "test")
    {
        return true;
    }
    let syn::Meta::List(list) = &attribute.meta else {
        return false;
    };
    list.path.is_ident("cfg") && names_test(&list.tokens)
}

fn names_test(condition: &TokenStream) -> bool {
    let mut negated = false;
    condition.clone().into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => {
            negated = ident == "not";
            ident == "test"
        }
        TokenTree::Group(group) => !negated && names_test(&group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
