//! Takes secrets out of text before it is written anywhere. Called by the log and the crash report.

/// Names that announce a secret in `name=value`, `name: value` and `--name value`.
const SECRET_NAMES: [&str; 6] = ["password", "passwd", "secret", "token", "api_key", "api-key"];

/// The text with URL passwords and values after secret-sounding names replaced by `***`.
#[must_use]
pub fn redact(text: &str) -> String {
    redact_names(&redact_urls(text))
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
    }
}
