//! The tests of one source file, by their names.
//!
//! Only tokens are looked at, so that a test inside `proptest!`, or one that a macro of the file makes, is found like any other.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// What a file's tests are called.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tests {
    pub(super) run: BTreeSet<String>,
    /// Those with `#[ignore]`, whether or not it has a condition.
    pub(super) ignored: BTreeSet<String>,
}

/// The tests in `text`: functions with a test attribute, and what is named in a call of a macro that the file defines and that writes
/// test attributes.
pub(super) fn tests(text: &str) -> Result<Tests, String> {
    let tokens: TokenStream = text
        .parse()
        .map_err(|error| format!("does not parse: {error}"))?;
    let mut suites = BTreeSet::new();
    find_suites(&tokens, &mut suites);
    let mut tests = Tests::default();
    find_tests(&tokens, &suites, &mut tests);
    Ok(tests)
}

/// Names of the macros whose definition has a test attribute.
fn find_suites(tokens: &TokenStream, suites: &mut BTreeSet<String>) {
    let trees: Vec<_> = tokens.clone().into_iter().collect();
    for (index, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            find_suites(&group.stream(), suites);
        }
        if let [
            TokenTree::Ident(definition),
            TokenTree::Punct(_),
            TokenTree::Ident(name),
            TokenTree::Group(body),
        ] = trees.get(index..index + 4).unwrap_or_default()
            && definition == "macro_rules"
            && has_test_attribute(&body.stream())
        {
            suites.insert(name.to_string());
        }
    }
}

fn has_test_attribute(tokens: &TokenStream) -> bool {
    let mut after_hash = false;
    tokens.clone().into_iter().any(|tree| {
        let attribute = after_hash;
        after_hash = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '#');
        match tree {
            TokenTree::Group(group) if attribute => Attribute::of(&group) == Attribute::Test,
            TokenTree::Group(group) => has_test_attribute(&group.stream()),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    /// `#[test]`, `#[tokio::test(…)]`.
    Test,
    /// `#[ignore]`, `#[ignore = "…"]`, `#[cfg_attr(…, ignore)]`.
    Ignore,
    Other,
}

impl Attribute {
    /// Of the bracket that follows `#`.
    fn of(bracket: &Group) -> Self {
        if bracket.delimiter() != Delimiter::Bracket {
            return Self::Other;
        }
        let mut path = Vec::new();
        for tree in bracket.stream() {
            match tree {
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                TokenTree::Group(arguments) if path == ["cfg_attr"] => {
                    let ignores = arguments
                        .stream()
                        .into_iter()
                        .any(|tree| matches!(&tree, TokenTree::Ident(ident) if ident == "ignore"));
                    return if ignores { Self::Ignore } else { Self::Other };
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) | TokenTree::Group(_) => break,
            }
        }
        match path.last().map(String::as_str) {
            Some("test") => Self::Test,
            Some("ignore") => Self::Ignore,
            _ => Self::Other,
        }
    }
}

/// Goes through one level of tokens and the groups in it. The attributes that were read stand until something comes that is neither
/// another attribute nor a word in front of `fn`.
fn find_tests(tokens: &TokenStream, suites: &BTreeSet<String>, tests: &mut Tests) {
    let trees: Vec<_> = tokens.clone().into_iter().collect();
    let mut attributes = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {}
            TokenTree::Group(bracket) if follows(&trees, index, '#') => {
                attributes.push(Attribute::of(bracket));
            }
            TokenTree::Group(group) => {
                if follows(&trees, index, '!') && suites.contains(&word(&trees, index, 2)) {
                    add_words(&group.stream(), &mut tests.run);
                }
                find_tests(&group.stream(), suites, tests);
                attributes.clear();
            }
            TokenTree::Ident(ident) if ident == "fn" => {
                if let Some(TokenTree::Ident(name)) = trees.get(index + 1)
                    && attributes.contains(&Attribute::Test)
                {
                    let to = if attributes.contains(&Attribute::Ignore) {
                        &mut tests.ignored
                    } else {
                        &mut tests.run
                    };
                    to.insert(name.to_string());
                }
                attributes.clear();
            }
            TokenTree::Ident(ident) if ident == "async" || ident == "pub" => {}
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => attributes.clear(),
        }
    }
}

fn follows(trees: &[TokenTree], index: usize, character: char) -> bool {
    let before = index.checked_sub(1).and_then(|before| trees.get(before));
    matches!(before, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// The word `back` tokens before `index`, or none.
fn word(trees: &[TokenTree], index: usize, back: usize) -> String {
    match index.checked_sub(back).and_then(|before| trees.get(before)) {
        Some(TokenTree::Ident(ident)) => ident.to_string(),
        _ => String::new(),
    }
}

fn add_words(tokens: &TokenStream, words: &mut BTreeSet<String>) {
    for tree in tokens.clone() {
        match tree {
            TokenTree::Ident(ident) => {
                words.insert(ident.to_string());
            }
            TokenTree::Group(group) => add_words(&group.stream(), words),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
