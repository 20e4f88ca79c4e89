//! One word for a POSIX shell, whatever is in it.
//!
//! `template` puts every value through here, and `exec` every argument; `template/shell` knows the same rules.

use std::borrow::Cow;

/// Quotes a word for a POSIX shell. What stays bare is chosen narrowly: a shell may take any blank of its locale
/// for a separator, and `a=b` for an assignment.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@,+-".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_bare) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_bare_only_where_no_shell_could_read_more_into_it() {
        for word in ["uptime", "/etc/os-release", "--all", "web-1.example:80", "root@10.0.0.1,+x"] {
            assert_eq!(quoted(word), word);
        }
        for (word, expected) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("a=b", "'a=b'"),
            ("~", "'~'"),
            ("*", "'*'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("a\u{a0}b", "'a\u{a0}b'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
