//! A QR code of half blocks, two modules to a character, for a terminal with light text on dark ground. On the other kind it
//! comes out inverted, which most readers take too.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code (ISO/IEC 18004 asks for four; readers are content with two).
const QUIET: usize = 2;

/// The lines of the code, as few as can be; none when the content is too long for one.
pub(crate) fn lines(content: &[u8]) -> Vec<String> {
    let Ok(code) = QrCode::with_error_correction_level(content, EcLevel::L) else {
        return Vec::new();
    };
    let (colors, width) = (code.to_colors(), code.width());
    let dark = |row: usize, column: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < width);
        inside(row)
            .zip(inside(column))
            .is_some_and(|(row, column)| colors.get(row * width + column) == Some(&Color::Dark))
    };
    let side = width + 2 * QUIET;
    (0..side)
        .step_by(2)
        .map(|row| {
            (0..side)
                .map(|column| match (dark(row, column), dark(row + 1, column)) {
                    (false, false) => '█',
                    (false, true) => '▀',
                    (true, false) => '▄',
                    (true, true) => ' ',
                })
                .collect()
        })
        .collect()
}
