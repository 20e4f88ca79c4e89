//! Outside text is harmless where it is shown.

use rollcall::report::{inert, inert_lines};

use super::display::assert_inert;

/// **Property.** No control, bidirectional or zero-width character is left of any text (of several lines, tab and
/// newline stay), and to make it harmless twice is to do it once. Printable ASCII is untouched.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let line = inert(&text);
    assert_inert(&line, &[]);
    assert_eq!(inert(&line), line);
    let lines = inert_lines(&text);
    assert_inert(&lines, &['\n', '\t']);
    assert_eq!(inert_lines(&lines), lines);
    assert_eq!(lines.matches('\n').count(), text.matches('\n').count());
    // The one is the other with its line breaks and tabs escaped.
    assert_eq!(inert(&lines), line);
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        assert_eq!(line, text);
    }
}
