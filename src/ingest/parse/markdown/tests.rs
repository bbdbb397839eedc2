use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Parsed {
    parse(text.as_bytes()).unwrap()
}

fn all_text(parsed: &Parsed) -> String {
    parsed.sections.iter().map(|section| section.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn targets(parsed: &Parsed, kind: LinkKind) -> Vec<&str> {
    parsed.links.iter().filter(|link| link.kind == kind).map(|link| link.target.as_str()).collect()
}

#[test]
fn code_and_operators_survive() {
    // Defect 11 of the predecessor: "Use `cargo build` now" was stored as "Use  now.".
    let found = parsed("Use `cargo build` now. a*b and c*d stay.\n\n```sh\nls -l | wc # count\n```\n");
    assert_eq!(all_text(&found), "Use `cargo build` now. a*b and c*d stay.\n\nls -l | wc # count");
    assert!(found.tags.is_empty());
}

#[test]
fn headings_give_places_and_lines() {
    let found = parsed("# Guide\n\nIntro.\n\n## Install\n\nRun it.\n\n### Linux\n\napt\n\n## Use\n\nType.\n");
    let places: Vec<(Vec<String>, u32)> =
        found.sections.iter().map(|section| (section.headings.clone(), section.line.unwrap())).collect();
    let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        places,
        [
            (path(&["Guide"]), 3),
            (path(&["Guide", "Install"]), 7),
            (path(&["Guide", "Install", "Linux"]), 11),
            (path(&["Guide", "Use"]), 15),
        ]
    );
    assert_eq!(found.title.as_deref(), Some("Guide"));
}

#[test]
fn frontmatter_is_read_and_its_lines_count() {
    let text = "---\ntitle: \"My: note\"\ndate: 2024-09-12\ntags: [Work/Q3, '#plan']\naliases: MN\nauthor: Ann <Ann@X.org>\n---\nBody\n";
    let found = parsed(text);
    assert_eq!(found.title.as_deref(), Some("My: note"));
    assert_eq!(found.tags, ["work/q3", "plan"]);
    assert_eq!(found.aliases, ["MN"]);
    assert_eq!(found.people[0].email.as_deref(), Some("ann@x.org"));
    assert_eq!(found.dated_at, crate::ingest::parse::date::parse("2024-09-12"));
    assert_eq!(found.sections[0].line, Some(8));
}

#[test]
fn toml_frontmatter_is_read_too() {
    let found = parsed("+++\ntitle = 'T'\ndate = 2024-09-12\ntags = ['a']\n+++\nBody");
    assert_eq!((found.title.as_deref(), found.tags.len(), found.dated_at.is_some()), (Some("T"), 1, true));
}

#[test]
fn broken_frontmatter_is_text() {
    let found = parsed("---\n{not: [yaml\n---\nBody stays.\n");
    assert!(all_text(&found).contains("Body stays."));
    assert!(found.sections.iter().any(|section| section.headings.iter().any(|heading| heading.contains("not: [yaml"))));
}

#[test]
fn links_of_all_kinds_are_found() {
    let found = parsed("[[Note A#Top|see a]] ![[pic.png]] [b](sub/b%20c.md#x) <https://x.org/y> [m](mailto:a@b.c)\n");
    assert_eq!(targets(&found, LinkKind::Wikilink), ["Note A", "pic.png"]);
    assert_eq!(targets(&found, LinkKind::File), ["sub/b c.md"]);
    assert_eq!(targets(&found, LinkKind::Url), ["https://x.org/y"]);
    assert!(all_text(&found).contains("see a"));
}

#[test]
fn tags_are_words_after_a_hash_and_nothing_else() {
    let found = parsed("#work/q3 and (#plan), not C# nor issue #12, #fff000 or x#y. `#code`\n");
    assert_eq!(found.tags, ["work/q3", "plan"]);
}

#[test]
fn lists_tables_and_html_stay_readable() {
    let found =
        parsed("- one\n- two\n  - deep\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<div>kept</div>\n\n%% gone %% here\n");
    let text = all_text(&found);
    assert!(text.contains("- one\n- two\n  - deep"), "{text}");
    assert!(text.contains("a | b\n1 | 2"), "{text}");
    assert!(text.contains("kept") && !text.contains("<div>") && !text.contains("gone"), "{text}");
}

#[test]
fn headings_with_links_are_concepts() {
    let found = parsed("# Plain\n\nx\n\n## See [docs](d.md)\n\ny\n");
    assert_eq!(found.concept_headings, ["See docs"]);
}

#[test]
fn line_ends_do_not_matter() {
    let text = "---\ntags: [a]\n---\n# T\n\nx [[y]]\n\n```\ncode\n```\n";
    assert_eq!(parsed(text), parsed(&text.replace('\n', "\r\n")));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "\\PC{0,200}|[-+#\\[\\]|`!%*_<>a-z0-9 \n:]{0,200}") {
        let _ = parse(text.as_bytes());
    }
}
