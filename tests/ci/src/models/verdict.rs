//! What Verifpal found, against what is written in the model.

use serde::Deserialize;

use super::source::{Expected, Query};

/// Verifpal's report on one model (`--format json`), the fields that count.
#[derive(Deserialize)]
pub(crate) struct Report {
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    /// Why the model could not be analysed.
    error: Option<String>,
    analysis: Option<Analysis>,
}

#[derive(Deserialize)]
struct Analysis {
    queries: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    query: String,
    /// Whether an attack was found.
    resolved: bool,
    /// The kind of attack, where Verifpal names one.
    subtype: Option<String>,
    /// The trace of the attack.
    #[serde(default)]
    summary: String,
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    /// Whether the whole search space was looked at.
    exhausted: bool,
}

/// How Verifpal calls the acceptance of a genuine message for the second time.
const REPLAY: &str = "duplicate acceptance";

impl Answer {
    /// What was found, in the words of the model files; a search that was cut short found nothing out.
    fn found(&self) -> Option<Expected> {
        let replay = self
            .subtype
            .as_ref()
            .is_some_and(|subtype| subtype.starts_with(REPLAY));
        match (self.resolved, self.envelope.exhausted) {
            (true, _) if replay => Some(Expected::Replay),
            (true, _) => Some(Expected::Attack),
            (false, true) => Some(Expected::Holds),
            (false, false) => None,
        }
    }
}

/// What differs, one finding a query.
pub(crate) fn compare(expected: &[Query], report: &Report) -> Vec<String> {
    let [model] = report.models.as_slice() else {
        return vec![format!("{} reports instead of one", report.models.len())];
    };
    let Some(analysis) = &model.analysis else {
        let error = model.error.as_deref().unwrap_or("no analysis");
        return vec![error.to_owned()];
    };
    if analysis.queries.len() != expected.len() {
        return vec![format!(
            "{} queries answered, {} are expected",
            analysis.queries.len(),
            expected.len()
        )];
    }
    let pairs = expected.iter().zip(&analysis.queries);
    pairs
        .filter_map(|(query, answer)| finding(query, answer))
        .collect()
}

fn finding(query: &Query, answer: &Answer) -> Option<String> {
    if query.text != answer.query {
        return Some(format!(
            "`{}` is expected where Verifpal answers `{}`",
            query.text, answer.query
        ));
    }
    let found = answer.found();
    (found != Some(query.expected)).then(|| {
        let found = found.map_or("a search that was cut short".to_owned(), |found| {
            format!("{found:?}")
        });
        format!(
            "{}: expected {:?}, found {found} {}",
            query.text,
            query.expected,
            answer.summary.trim_end()
        )
    })
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
