//! Text from files and paths, made safe to print.

use std::borrow::Cow;

/// Text of a manifest or a path, made safe for a message: control characters become visible, so that the text can't
/// forge a line or reach a terminal as an escape sequence.
pub fn escape_control(text: &str) -> Cow<'_, str> {
    // Characters that change the direction of text can make it look like a different text.
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(|c| if odd(c) { show(c) } else { c }).collect())
}
