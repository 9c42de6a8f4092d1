//! Text that others wrote, made safe to show.

use std::borrow::Cow;

/// Text of a manifest or a path as it may stand in a message: control characters are made visible, so that nothing can
/// forge a line or reach a terminal as an escape sequence.
pub fn escape_control(text: &str) -> Cow<'_, str> {
    // What turns the direction of text round can make it read as another one.
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
