//! Takes secrets out of text before it is written anywhere. Called by the log, the crash report, and whoever shows errors.

/// Names that announce a secret in `name=value`, `name: value` and `--name value`.
const SECRET_NAMES: [&str; 7] = ["password", "passwd", "secret", "token", "api_key", "api-key", "bearer"];
/// What Peanut's own keys begin with.
const KEY_PREFIX: &str = "peanut_";
/// Hexadecimal digits after it from which on it is a key, or much of one.
const KEY_DIGITS: usize = 16;

/// The text with URL passwords, values after secret-sounding names and Peanut's own keys replaced by `***`.
#[must_use]
pub fn redact(text: &str) -> String {
    redact_names(&redact_urls(&redact_keys(text)))
}

fn redact_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(KEY_PREFIX) {
        let (head, tail) = rest.split_at(at + KEY_PREFIX.len());
        out.push_str(head);
        let end = tail.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(tail.len());
        out.push_str(if end >= KEY_DIGITS { "***" } else { &tail[..end] });
        rest = &tail[end..];
    }
    out.push_str(rest);
    out
}

fn redact_urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (head, tail) = rest.split_at(scheme + 3);
        out.push_str(head);
        let end = tail.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).unwrap_or(tail.len());
        let authority = &tail[..end];
        match (authority.rfind('@'), authority.find(':')) {
            (Some(at), Some(colon)) if colon < at => {
                out.push_str(&authority[..=colon]);
                out.push_str("***");
                out.push_str(&authority[at..]);
            }
            _ => out.push_str(authority),
        }
        rest = &tail[end..];
    }
    out.push_str(rest);
    out
}

fn redact_names(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut position = 0;
    while position < text.len() {
        let found =
            SECRET_NAMES.iter().filter_map(|n| lower[position..].find(n).map(|at| (position + at, n.len()))).min();
        let Some((at, length)) = found else { break };
        let mut end = at + length;
        out.push_str(&text[position..end]);
        let value = text[end..].trim_start_matches(['"', '\'']);
        let separator = value.chars().next().filter(|c| matches!(c, '=' | ':' | ' '));
        if separator.is_some() {
            let start = end + (text.len() - end - value.len()) + 1;
            let start = start + text[start..].len() - text[start..].trim_start_matches([' ', '"', '\'', '=']).len();
            let stop = text[start..].find([' ', '"', '\'', ',', '\n', '}']).map_or(text.len(), |stop| start + stop);
            if stop > start {
                out.push_str(&text[end..start]);
                out.push_str("***");
                end = stop;
            }
        }
        position = end;
    }
    out.push_str(&text[position..]);
    out
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn passwords_in_urls_go() {
        assert_eq!(redact("postgres://me:hunter2@db/x ok"), "postgres://me:***@db/x ok");
        assert_eq!(redact("see https://example.org/a:b@c"), "see https://example.org/a:b@c");
    }

    #[test]
    fn values_after_secret_names_go() {
        assert_eq!(redact("api_key=abc rest"), "api_key=*** rest");
        assert_eq!(redact(r#"{"password":"x y"}"#), r#"{"password":"*** y"}"#);
        assert_eq!(redact("--token abc"), "--token ***");
        assert_eq!(redact("tokenizer broke: é"), "tokenizer broke: é");
        assert_eq!(redact(r#"{"authorization": "Bearer abc"}"#), r#"{"authorization": "Bearer ***"}"#);
    }

    #[test]
    fn keys_go_wherever_they_stand() {
        let key = format!("peanut_{}", "0a".repeat(32));
        assert_eq!(redact(&format!("x{key}\"{key}é")), "xpeanut_***\"peanut_***é");
        assert_eq!(redact("peanut_case_12 peanut_"), "peanut_case_12 peanut_");
    }
}
