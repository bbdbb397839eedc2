//! Nothing that was taken in is beyond finding: mails without a text, names of files, attachments and people, quotes and
//! signatures; and none of them stands before a text with the same words.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use peanut::config::{Config, Environment, Overrides};
use peanut::domain::intake::FileState;
use peanut::domain::search::{Hit, SearchMode, SearchRequest};
use peanut::runtime::shutdown::Shutdown;
use peanut::runtime::wiring::{House, RunningWorkers, WorkerSet};
use peanut::search::service::{Alike, Who, Wishes};
use tempfile::TempDir;

/// A house that has taken in some files.
struct Filled {
    house: House,
    workers: RunningWorkers,
    shutdown: Shutdown,
    _folder: TempDir,
}

impl Filled {
    async fn with(files: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        for (name, text) in files {
            let path = source.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let house = House::open(config(&folder.path().join("data"))).await.unwrap();
        let shutdown = Shutdown::new();
        let workers = house.try_start_workers(&shutdown, WorkerSet::All).await.unwrap().unwrap();
        let offer = house.intake.offer_paths(&[source.to_str().unwrap().to_owned()]).await.unwrap();
        assert!(offer.refused.is_empty(), "{:?}", offer.refused);
        let filled = Self { house, workers, shutdown, _folder: folder };
        filled.until_read(files.len() as u64).await;
        filled
    }

    async fn until_read(&self, files: u64) {
        let mut pictures = self.house.status().picture();
        let reading = async {
            loop {
                let counts = pictures.borrow_and_update().intake.files_by_state.clone();
                let of = |state| counts.iter().filter(|(held, _)| *held == state).map(|(_, count)| count).sum::<u64>();
                if of(FileState::Indexed) == files {
                    return;
                }
                assert_eq!(of(FileState::Failed) + of(FileState::Skipped), 0, "{counts:?}");
                pictures.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), reading).await.unwrap();
    }

    async fn hits(&self, query: &str, mode: SearchMode) -> Vec<Hit> {
        let request = SearchRequest { query: query.into(), limit: 100, offset: 0, mode };
        self.house.search.search(&request).await.unwrap().hits
    }

    /// The first hit of a search by words and meaning.
    async fn first(&self, query: &str) -> Hit {
        let found = self.hits(query, SearchMode::Hybrid).await;
        found.into_iter().next().unwrap_or_else(|| panic!("nothing for {query}"))
    }

    async fn stop(self) {
        assert_eq!(self.house.store.verify().await.unwrap().problems, Vec::<String>::new());
        self.shutdown.advance();
        self.workers.join(&self.shutdown).await;
        self.house.close().await;
    }
}

fn config(data: &Path) -> Config {
    let overrides = Overrides { data_dir: Some(data.to_owned()), ..Overrides::default() };
    Config::load(&overrides, &Environment::of(&[("HOME", "/nowhere"), ("PEANUT_MODEL", "static")])).unwrap()
}

/// A mail; `attachment` is a file that nobody reads.
fn mail(id: &str, head: &str, subject: &str, body: &str, attachment: Option<&str>) -> String {
    let mut mail = format!(
        "From: Ann Example <ann@example.org>\nDate: Mon, 01 Jan 2024 10:00:00 +0000\nMessage-ID: <{id}@example.org>\n\
         Subject: {subject}\nMIME-Version: 1.0\n{head}\n"
    );
    let _ = match attachment {
        Some(name) => write!(
            mail,
            "Content-Type: multipart/mixed; boundary=b\n\n{}--b\nContent-Type: application/octet-stream; name=\"{name}\"\n\
             Content-Disposition: attachment; filename=\"{name}\"\nContent-Transfer-Encoding: base64\n\nAAECAw==\n--b--\n",
            if body.is_empty() { String::new() } else { format!("--b\nContent-Type: text/plain\n\n{body}\n") },
        ),
        None => write!(mail, "\n{body}\n"),
    };
    mail
}

#[tokio::test]
async fn what_has_no_text_is_found_and_shows_nothing() {
    let files = [
        ("photo.eml", mail("c02", "To: bob@example.org", "Holiday zebrafinch picture", "", Some("quokkasunset.jpg"))),
        ("eom.eml", mail("c03", "To: bob@example.org", "Meeting moved to thursdaywombat (eom)", "", None)),
        ("plain.eml", mail("c04", "To: carl@example.org", "Lunch", "At the usual place.", None)),
        ("heading.md", "# Gooseberry".to_owned()),
        ("text.txt", "Just a line.".to_owned()),
    ];
    let filled = Filled::with(&files).await;
    for (query, title) in [
        ("zebrafinch", "Holiday zebrafinch picture"),
        ("quokkasunset", "Holiday zebrafinch picture"),
        ("thursdaywombat", "Meeting moved to thursdaywombat (eom)"),
        ("gooseberry", "Gooseberry"),
        ("subject:zebrafinch", "Holiday zebrafinch picture"),
        ("has:attachment", "Holiday zebrafinch picture"),
    ] {
        assert_eq!(filled.first(query).await.title, title, "{query}");
    }
    // Every live document is found by its type.
    let counts = filled.house.store.counts().await.unwrap();
    assert_eq!(counts.documents, files.len() as u64);
    for (kind, count) in counts.documents_by_type {
        let found = filled.hits(&format!("type:{}", kind.as_str()), SearchMode::Hybrid).await;
        assert_eq!(found.len() as u64, count, "type:{}", kind.as_str());
    }
    assert_eq!(filled.hits("type:mail to:bob", SearchMode::Hybrid).await.len(), 2);
    assert_eq!(filled.hits("bob", SearchMode::Words).await.len(), 2);
    let photo = filled.first("zebrafinch").await;
    let view = filled.house.store.document(photo.document_id).await.unwrap();
    assert_eq!((view.body().as_str(), photo.snippet.text.as_str()), ("", ""), "nothing is made up");
    let like = filled.house.search.more_like(photo.document_id, 10).await.unwrap();
    assert!(like.hits.iter().all(|hit| hit.document_id != photo.document_id));
    filled.stop().await;
}

#[tokio::test]
async fn names_are_found_below_texts() {
    let recipients: Vec<String> = (0..900).map(|number| format!("Person{number} <p{number}@example.org>")).collect();
    let filler = "Something else altogether, and at length. ".repeat(150);
    let files = [
        ("Zahnarztrechnung_2023-08.md", "# Invoice\n\nPaid in cash.".to_owned()),
        ("minutes.md", format!("# Minutes\n\n{filler}A zahnarztrechnung from dora was mentioned.\n\n{filler}")),
        (
            "mail.eml",
            mail(
                "n1",
                "To: Dora Empfang <dora.empfang@example.org>",
                "photos",
                "here",
                Some("Gletscherspalte_2023.jpg"),
            ),
        ),
        ("list.eml", mail("n2", &format!("To: {}", recipients.join(",\n ")), "News", "The axolotl is well.", None)),
    ];
    let filled = Filled::with(&files).await;
    for (query, title, place) in [
        ("2023-08", "Invoice", "file name"),
        ("gletscherspalte", "photos", "attachment names"),
        ("empfang", "photos", "people"),
        ("person7", "News", "people"),
        ("axolotl", "News", ""),
    ] {
        let hit = filled.first(query).await;
        assert_eq!((hit.title.as_str(), hit.place.as_str()), (title, place), "{query}");
    }
    // A word in a long text comes before the same word in a name.
    for query in ["zahnarztrechnung", "dora"] {
        for mode in [SearchMode::Words, SearchMode::Hybrid] {
            let found = filled.hits(query, mode).await;
            assert!(found.len() >= 2, "{query}");
            assert_eq!(found[0].title, "Minutes", "{query}");
        }
    }
    let news = filled.first("axolotl").await;
    let view = filled.house.store.document(news.document_id).await.unwrap();
    let length: usize = view.chunks.iter().map(|chunk| chunk.text.len()).sum();
    assert!(length < 5_000 && !view.body().contains("Person7"), "{length}");
    assert_eq!(filled.first("with:p899@example.org").await.title, "News");
    filled.stop().await;
}

#[tokio::test]
async fn quotes_and_signatures_are_found_and_do_not_flood() {
    let own =
        ["Fine with me", "Not so sure", "Let us ask Carl", "Thanks", "Noted", "Why now", "Good", "Yes", "No", "Hm"];
    let quote = "> The roofer quotes 8450 euros for galvanised girders\n> and could begin on the second of May.";
    let mut files: Vec<(String, String)> = vec![(
        "original.eml".to_owned(),
        mail(
            "t0",
            "",
            "Offer",
            "The roofer quotes 8450 euros for galvanised girders\nand could begin on the second of May.",
            None,
        ),
    )];
    for (number, own) in own.iter().enumerate() {
        let body = format!("{own}.\n\nOn Mon, 1 Jan 2024 at 09:00, Ann Example <ann@example.org> wrote:\n{quote}");
        let head = "In-Reply-To: <t0@example.org>\nReferences: <t0@example.org>";
        files.push((format!("{number}.eml"), mail(&format!("t{}", number + 1), head, "Re: Offer", &body, None)));
    }
    let body = "Yes, that suits me.\n\nOn Mon, 11 Mar 2024 at 09:00, Dora Beispiel <dora@example.org> wrote:\n\
                > Slate tiles are to be had.\n\n-- \nCarla Muster\nMuster Dachbau GmbH\nTel. +49 30 5550123";
    files.push(("lost.eml".to_owned(), mail("q1", "In-Reply-To: <lost@example.org>", "Re: Roof repair", body, None)));
    let files: Vec<(&str, String)> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let filled = Filled::with(&files).await;
    for query in ["slate", "\"slate tiles\"", "Dachbau", "5550123"] {
        assert_eq!(filled.first(query).await.title, "Re: Roof repair", "{query}");
    }
    for query in ["girders", "galvanised girders", "\"8450 euros\"", "roofer second of May"] {
        for mode in [SearchMode::Words, SearchMode::Hybrid] {
            let found = filled.hits(query, mode).await;
            assert_eq!(found[0].title, "Offer", "{query}: {:?}", found[0]);
            let replies = found.iter().filter(|hit| hit.title == "Re: Offer").count();
            assert_eq!(replies, 10, "{query}: quotes are found all the same");
        }
    }
    filled.stop().await;
}

#[tokio::test]
async fn where_links_lead_is_found_below_texts() {
    let page = "<html><body><h1>Page</h1><p>See <a href=\"https://example.org/quokka/deep-path.html?x=1#part\">here</a>, \
                or <a href=\"files/numbat%20plan.pdf\">the plan</a>.</p></body></html>";
    let alternatives = "To: bob@example.org\nContent-Type: multipart/alternative; boundary=b";
    let body = "--b\nContent-Type: text/plain\n\nClick here.\n--b\nContent-Type: text/html; charset=utf-8\n\n\
                <p>Click <a href=\"https://tracker.example/c?id=1&amp;to=wallaby\">here</a>.</p>\n--b--";
    let files = [
        (
            "links.md",
            "# Links\n\nA [guide][g] and ![a picture](img/bilby-map.png), [ask](mailto:ann.lee@example.org), \
                      [[Echidna Page|that page]].\n\n[g]: https://example.org/guide/potoroo#install\n"
                .to_owned(),
        ),
        ("text.md", "# Text\n\nThe potoroo guide is short; see https://example.org/visible.\n".to_owned()),
        ("page.html", page.to_owned()),
        ("mail.eml", mail("l1", alternatives, "Offer", body, None)),
    ];
    let filled = Filled::with(&files).await;
    for (query, title) in [
        ("https://example.org/guide/potoroo#install", "Links"),
        ("\"https://example.org/guide/potoroo#install\"", "Links"),
        ("bilby-map.png", "Links"),
        ("ann.lee@example.org", "Links"),
        ("echidna", "Links"),
        ("https://example.org/quokka/deep-path.html?x=1#part", "Page"),
        ("\"numbat plan.pdf\"", "Page"),
        ("\"https://tracker.example/c?id=1&to=wallaby\"", "Offer"),
        ("potoroo", "Text"),
        ("\"https://example.org/visible\"", "Text"),
    ] {
        assert_eq!(filled.first(query).await.title, title, "{query}");
    }
    let hit = filled.first("numbat").await;
    assert_eq!((hit.place.as_str(), hit.snippet.text.contains("numbat")), ("links", true));
    let view = filled.house.store.document(hit.document_id).await.unwrap();
    assert!(!view.body().contains("numbat"), "nothing that a reader of the page sees");
    filled.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_only_linked_to_stands_first_when_it_is_pasted() {
    let address = "https://blog.pictures.example/content/images/image02.gif";
    let about = |number: usize| {
        let words = "blog pictures content images gif ".repeat(1 + number % 4);
        (
            format!("about-{number}.md"),
            format!("# Images {number}\n\nhttps example: {words} of the blog, number {number}.\n"),
        )
    };
    let many: Vec<(String, String)> = (0..150).map(about).collect();
    let mut files: Vec<(&str, String)> = many.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    files.push(("curves.md", format!("# Curves\n\nHow points are added is shown [here]({address}).\n")));
    let filled = Filled::with(&files).await;
    for query in [address.to_owned(), format!("\"{address}\"")] {
        let first = filled.first(&query).await;
        assert!(first.source_path.ends_with("curves.md"), "{query}: {}", first.source_path);
    }
    filled.stop().await;
}

#[tokio::test]
async fn documents_alike_stand_in_one_row_and_pages_leave_nothing_out() {
    const NEWS: &str =
        "The wombat release is out: it mends the door, the window and the stairs of the old house by the sea";
    let lists = ["alpha", "beta", "gamma", "delta", "kappa", "omega"];
    let copy = |list: &&str| (format!("{list}.txt"), format!("{NEWS}.\n\nSent to {list}\n"));
    let mut files: Vec<(String, String)> = lists.iter().map(copy).collect();
    files.extend((0..12).map(|n| {
        (format!("other{n}.txt"), format!("A wombat was seen in garden {n}, said neighbour {n}, who likes number {n}."))
    }));
    let files: Vec<(&str, String)> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let filled = Filled::with(&files).await;
    let page = async |offset: usize, alike: Alike| {
        let request = SearchRequest { query: "wombat release".into(), limit: 5, offset, mode: SearchMode::Words };
        let wishes = Wishes { alike, count: true };
        filled.house.search.search_as(Who::Here, &request, wishes).await.unwrap()
    };
    let first = page(0, Alike::Together).await;
    assert_eq!((first.total, first.hits.len()), (Some(18), 5));
    assert_eq!(first.hits.iter().map(|hit| hit.alike.len()).max(), Some(5), "{:?}", first.hits);
    for alike in [Alike::Together, Alike::Apart] {
        let (mut seen, mut offset) = (Vec::new(), Some(0));
        while let Some(at) = offset {
            let answer = page(at, alike).await;
            assert!(!answer.hits.is_empty());
            for hit in answer.hits {
                seen.push(hit.document_id);
                seen.extend(hit.alike.iter().map(|other| other.document_id));
            }
            offset = answer.next_offset;
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((all, seen.len()), (18, 18), "{alike:?}");
    }
    filled.stop().await;
}

#[tokio::test]
async fn forms_of_a_word_stand_before_other_words_of_its_stem() {
    let files = [
        (
            "bays.txt",
            "Two bays for drives, a bay for power, more bays behind: the bays of this case are bays for all."
                .to_owned(),
        ),
        (
            "bayes.txt",
            "A long note on what was learned last year, among it that naive Bayes has an accuracy of nine in ten."
                .to_owned(),
        ),
    ];
    let filled = Filled::with(&files).await;
    for query in ["bayes", "bayes accuracy", "Bayes"] {
        let hits = filled.hits(query, SearchMode::Words).await;
        assert!(hits[0].source_path.ends_with("bayes.txt"), "{query}");
    }
    assert_eq!(filled.hits("bayes", SearchMode::Words).await.len(), 2, "the other is found as well");
    assert!(filled.hits("bay", SearchMode::Words).await[0].source_path.ends_with("bays.txt"));
    filled.stop().await;
}
