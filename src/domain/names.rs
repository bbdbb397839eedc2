//! How well a name somebody types fits the name of a person, a document or a concept. Pure; asked by every graph.

/// How well a name fits; smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// It is the name, or the address.
    Exact,
    /// The name, or the address, begins with it.
    Begins,
    /// A word of the name begins with it.
    BeginsWord,
    /// It stands somewhere in the name or the address.
    Within,
    /// Its words stand there, in another order or apart.
    Words,
}

/// A name somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameQuery {
    folded: String,
    words: Vec<String>,
}

impl NameQuery {
    /// A query for `text`; `None` when there is nothing in it.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let folded = text.to_lowercase();
        let words: Vec<String> = folded.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() { None } else { Some(Self { folded: words.join(" "), words }) }
    }

    /// The query in lower case, blanks folded.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// Its words in lower case; never empty.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The longest run of ASCII letters and digits in it: whatever fits holds it, whichever letters are capitals. A database
    /// that can fold ASCII alone looks for this first.
    #[must_use]
    pub fn ascii_run(&self) -> Option<&str> {
        let runs = self.folded.split(|character: char| !character.is_ascii_alphanumeric());
        runs.max_by_key(|run| run.len()).filter(|run| !run.is_empty())
    }

    /// How well it fits a name with an address; `None` when it does not.
    #[must_use]
    pub fn fit(&self, name: &str, email: Option<&str>) -> Option<Fit> {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let email = email.unwrap_or_default().to_lowercase();
        let query = self.folded.as_str();
        if name == query || email == query {
            return Some(Fit::Exact);
        }
        if name.starts_with(query) || email.starts_with(query) {
            return Some(Fit::Begins);
        }
        let begins_word = |(at, _): (usize, &str)| name[..at].chars().next_back().is_some_and(|c| !c.is_alphanumeric());
        if name.match_indices(query).any(begins_word) {
            return Some(Fit::BeginsWord);
        }
        if name.contains(query) || email.contains(query) {
            return Some(Fit::Within);
        }
        self.words.iter().all(|word| name.contains(word) || email.contains(word)).then_some(Fit::Words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(query: &str, name: &str, email: Option<&str>) -> Option<Fit> {
        NameQuery::new(query).unwrap().fit(name, email)
    }

    #[test]
    fn better_fits_are_smaller() {
        let ann = |query| fit(query, "Ann van  Müller", Some("ann.m@example.org"));
        assert_eq!(ann("ANN VAN MÜLLER"), Some(Fit::Exact));
        assert_eq!(ann("Ann.M@example.org"), Some(Fit::Exact));
        assert_eq!(ann(" ann  van "), Some(Fit::Begins));
        assert_eq!(ann("ann.m"), Some(Fit::Begins));
        assert_eq!(ann("MÜL"), Some(Fit::BeginsWord));
        assert_eq!(ann("üll"), Some(Fit::Within));
        assert_eq!(ann("example"), Some(Fit::Within));
        assert_eq!(ann("müller ann"), Some(Fit::Words));
        assert_eq!(ann("müller bob"), None);
        assert_eq!(fit("x", "", None), None);
        assert!(Fit::Exact < Fit::Begins && Fit::BeginsWord < Fit::Within && Fit::Within < Fit::Words);
    }

    #[test]
    fn the_ascii_run_is_in_whatever_fits() {
        let run = |text: &str| NameQuery::new(text).unwrap().ascii_run().map(str::to_owned);
        assert_eq!(run("Müller"), Some("ller".to_owned()));
        assert_eq!(run("ann.m@example.org"), Some("example".to_owned()));
        assert_eq!(run("Иван"), None);
        assert_eq!(run("100%_"), Some("100".to_owned()));
        assert_eq!(NameQuery::new(" \t"), None);
    }
}
