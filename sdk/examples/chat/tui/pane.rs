//! Which part of a long text is in view.

use std::ops::Range;

/// A window on rows that are counted when they are drawn.
#[derive(Default)]
pub(super) struct Pane {
    /// The first row in view; `None` keeps the newest in view.
    first: Option<usize>,
    rows: usize,
    height: usize,
    /// Rows from the first one in view to the end, to be kept when rows come in front.
    kept: Option<usize>,
}

impl Pane {
    /// Shows the newest rows, and those that come.
    pub(super) fn show_end(&mut self) {
        self.first = None;
    }

    /// Shows the beginning.
    pub(super) fn show_start(&mut self) {
        self.first = Some(0);
    }

    /// Keeps what is in view while rows come in front of it.
    pub(super) fn hold(&mut self) {
        self.kept = Some(self.rows - self.top());
    }

    /// Whether the first row is in view.
    pub(super) fn is_at_start(&self) -> bool {
        self.top() == 0
    }

    /// Whether there is more than fits.
    pub(super) fn overflows(&self) -> bool {
        self.rows > self.height
    }

    pub(super) fn page_up(&mut self) {
        self.first = Some(self.top().saturating_sub(self.page()));
    }

    pub(super) fn page_down(&mut self) {
        let next = self.top() + self.page();
        self.first = (next < self.last_top()).then_some(next);
    }

    /// The rows to draw, of `rows` in a height of `height`.
    pub(super) fn view(&mut self, rows: usize, height: usize) -> Range<usize> {
        (self.rows, self.height) = (rows, height);
        if let Some(kept) = self.kept.take() {
            self.first = Some(rows.saturating_sub(kept));
        }
        let top = self.top();
        top..(top + height).min(rows)
    }

    fn top(&self) -> usize {
        let last = self.last_top();
        self.first.map_or(last, |first| first.min(last))
    }

    fn last_top(&self) -> usize {
        self.rows.saturating_sub(self.height)
    }

    /// One row stays in view, so that the eye finds its place.
    fn page(&self) -> usize {
        self.height.saturating_sub(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_in_view_until_somebody_looks_back() {
        let mut pane = Pane::default();
        assert_eq!(pane.view(3, 5), 0..3);
        assert_eq!(pane.view(20, 5), 15..20);
        pane.page_up();
        assert_eq!(pane.view(20, 5), 11..16);
        assert_eq!(pane.view(30, 5), 11..16, "what comes does not move it");
        for _ in 0..9 {
            pane.page_down();
        }
        assert_eq!(pane.view(31, 5), 26..31);
    }

    #[test]
    fn what_comes_in_front_does_not_move_what_is_in_view() {
        let mut pane = Pane::default();
        pane.view(20, 5);
        for _ in 0..9 {
            pane.page_up();
        }
        assert!(pane.is_at_start());
        pane.hold();
        assert_eq!(pane.view(50, 5), 30..35);
        pane.page_up();
        assert_eq!(pane.view(50, 5), 26..31);
    }

    #[test]
    fn an_answer_is_read_from_its_start() {
        let mut pane = Pane::default();
        pane.show_start();
        assert_eq!(pane.view(20, 5), 0..5);
        pane.page_up();
        assert_eq!(pane.view(20, 5), 0..5);
        assert_eq!(pane.view(20, 30), 0..20, "a larger terminal shows all");
        assert!(!pane.overflows());
    }
}
