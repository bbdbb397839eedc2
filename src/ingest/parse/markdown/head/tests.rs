use super::*;

fn head_of(inner: &str) -> Head {
    read(&format!("---\n{inner}\n---\nBody\n")).0
}

fn targets(head: &Head) -> Vec<&str> {
    head.links.iter().map(|link| link.target.as_str()).collect()
}

#[test]
fn what_yaml_refuses_is_read_line_by_line() {
    let day = date::parse("2014-04-30 03:55:32 +0000");
    let head = head_of(
        "date: '2014-04-30 03:55:32 +0000'\ntitle: Fwd: Clever household hints\ntags: [ 'archive', 'email spam' ]\nsource: mail.smtp\n",
    );
    assert_eq!(head.title.as_deref(), Some("Fwd: Clever household hints"));
    assert_eq!((head.tags.clone(), head.dated_at), (vec!["archive".into(), "email spam".into()], day));
    let head = head_of("tags: one\ntitle: Doubled\ntags: two");
    assert_eq!((head.title.as_deref(), head.tags.clone()), (Some("Doubled"), vec!["one".into(), "two".into()]));
    let head = head_of("title: Sprint {{date}}\ncreated: 2024-3-5\ntags:\n\t- tabbed\n\t- \"#two\"");
    assert_eq!(
        (head.title.as_deref(), head.tags.clone()),
        (Some("Sprint {{date}}"), vec!["tabbed".into(), "two".into()])
    );
    assert_eq!(head.dated_at, date::parse("2024-03-05"));
    let head =
        head_of("author: @ann\nwhat: %done\ntitle: {{title}}\naliases: [A, B: C]\nrelated: [[A]], [[B]]\ntags: [x, y");
    assert_eq!((head.title.as_deref(), head.people.len()), (Some("{{title}}"), 1));
    assert_eq!((head.aliases.len(), targets(&head)), (2, vec!["A", "B"]));
    assert!(head.text.contains("what: %done") && head.text.contains("tags: [x, y"), "{}", head.text);
    let head = head_of("title: \"open\nsummary: >\n  folded\n  text\ntags: a");
    assert_eq!(head.tags, ["a"]);
}

#[test]
fn toml_that_is_broken_is_read_line_by_line_too() {
    let (head, _) = read("+++\ntitle = Unquoted: title\ndate = 2024-09-12\ntags = ['a']\n+++\nBody\n");
    assert_eq!((head.title.as_deref(), head.tags.len(), head.dated_at.is_some()), (Some("Unquoted: title"), 1, true));
}

#[test]
fn text_between_rules_is_no_head() {
    for inner in ["Some prose here.\nAnd more of it.", "{not: [yaml", "- a\n- b", "# Title"] {
        assert_eq!(read(&format!("---\n{inner}\n---\nBody\n")).1, 0, "{inner}");
    }
    assert_eq!(read("---\na: b\nno end").1, 0);
    assert_eq!(read("--- \n\n---\nBody").1, 10);
}

#[test]
fn every_property_is_text_with_its_links() {
    let head = head_of(
        "title: The Book\nisbn: 978-3-16-148410-0\nversion: 1.10\nstatus: waiting-for-supplier\nrelated: \"[[Other Book|other]]\"\n\
         up:\n  - \"[[Library#Top]]\"\nunquoted: [[Shelf]]\nsource: https://example.org/a#b\nmap:\n  inner: {deep: [axolotl]}\ncolor: '#red'",
    );
    assert_eq!(targets(&head), ["Other Book", "Library", "Shelf", "https://example.org/a"]);
    for kept in ["978-3-16-148410-0", "1.10", "waiting-for-supplier", "other", "Library#Top", "Shelf", "axolotl"] {
        assert!(head.text.contains(kept), "{kept} in {}", head.text);
    }
    assert!(!head.text.contains("The Book") && !head.text.contains("[[") && head.tags.is_empty());
}

#[test]
fn tags_dates_and_people_come_in_many_forms() {
    let tags = |text: &str| head_of(&format!("tags: {text}")).tags;
    assert_eq!(tags("timeline, story-event, Akt2"), ["timeline", "story-event", "akt2"]);
    assert_eq!(tags("alpha beta"), ["alpha", "beta"]);
    assert_eq!(tags("\"#a #b/c\""), ["a", "b/c"]);
    assert_eq!(tags("['#with-hash', 📌, '[[Topic]]', 2024]"), ["with-hash", "📌", "topic", "2024"]);
    assert_eq!(names("birds, [[field work]], #x"), ["birds", "field work", "x"]);
    let march = date::parse("2024-03-05");
    for written in
        ["2024-3-5", "5 March 2024", "March 5, 2024", "[2024-03-05]", "'[[2024-03-05]]'", "2024-03-05T00:00:00Z"]
    {
        assert_eq!(head_of(&format!("Date Created: {written}")).dated_at, march, "{written}");
    }
    assert_eq!(head_of("date: soon\ncreated: 2024-03-05").dated_at, march);
    let people = |text: &str| {
        let people = head_of(&format!("author: {text}")).people;
        people.into_iter().map(|person| (person.name, person.email)).collect::<Vec<_>>()
    };
    let both = vec![(Some("Ann Lee".to_owned()), Some("ann@x.org".to_owned()))];
    for written in
        ["Ann Lee <Ann@X.org>", "Ann Lee ann@x.org", "{name: Ann Lee, email: ann@x.org}", "[Ann Lee (ann@x.org)]"]
    {
        assert_eq!(people(written), both, "{written}");
    }
    assert_eq!(people("\"[[Ann Lee]]\""), [(Some("Ann Lee".to_owned()), None)]);
}

#[test]
fn depth_and_repetition_are_bounded() {
    for count in [1_000, 100_000] {
        let head = head_of(&format!("tags: {}{}\ntitle: T", "[".repeat(count), "]".repeat(count)));
        assert_eq!(head.title.as_deref(), Some("T"));
        assert!(head.text.len() <= 2 * count + 10);
        let (head, _) = read(&format!("+++\na={}{}\n+++\nBody", "[".repeat(count), "]".repeat(count)));
        assert!(head.title.is_none());
    }
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, of) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"]) {
        let nine = vec![format!("*{of}"); 9].join(",");
        bomb = [bomb, format!("{name}: &{name} [{nine}]\n")].concat();
    }
    assert!(head_of(&format!("{bomb}tags: *h\ntitle: T")).tags.len() < 1_000);
}
