use proptest::prelude::*;

use crate::domain::LinkKind;

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
            (path(&["Guide"]), 1),
            (path(&["Guide", "Install"]), 5),
            (path(&["Guide", "Install", "Linux"]), 9),
            (path(&["Guide", "Use"]), 13),
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
fn a_note_of_properties_only_is_read() {
    assert_eq!(all_text(&parsed("---\ntitle: Evergreen\nstage: seed\n---\n")), "Evergreen\nstage: seed");
    assert_eq!(all_text(&parsed("---\nstage: seed\n---\n")), "stage: seed");
    assert_eq!(parse(b"---\n---\n\n"), Err(ParseError::NoText));
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
fn every_heading_is_text_once_and_a_place() {
    let found = parsed(
        "# Garden plan\n\nSome words.\n\n## Order the gooseberry bushes\n\n## Repair the trellis\n\nUse oak.\n\nTwo\nlines\n---\n",
    );
    let texts: Vec<&str> = found.sections.iter().map(|section| section.text.as_str()).collect();
    let expected =
        ["Garden plan\n\nSome words.", "Order the gooseberry bushes", "Repair the trellis\n\nUse oak.", "Two lines"];
    assert_eq!(texts, expected);
    assert_eq!(found.sections[2].headings, ["Garden plan", "Repair the trellis"]);
    assert_eq!(all_text(&parsed("# One\n")), "One");
    assert_eq!(all_text(&parsed("# One\n\n## One\n\n## One\n")), "One\nOne\nOne");
    let long = format!("# {}\n{}", "long ".repeat(10_000), "## a\n".repeat(1_000));
    let places: usize = parsed(&long).sections.iter().flat_map(|section| &section.headings).map(String::len).sum();
    assert!(places < 300 * 1_001, "{places}");
}

#[test]
fn marks_in_headings_count_like_those_in_text() {
    let found =
        parsed("# About [[Target]] #headtag\n\ntext\n\n## See [[Other note|another]]\n\n## `[[no]] #no` %% no %%\n");
    assert_eq!(targets(&found, LinkKind::Wikilink), ["Target", "Other note"]);
    assert_eq!(found.tags, ["headtag"]);
    assert_eq!(found.title.as_deref(), Some("About Target #headtag"));
    assert_eq!(all_text(&found), "About Target #headtag\n\ntext\nSee another\n`[[no]] #no`");
}

#[test]
fn code_is_never_read() {
    let blocks = [
        "if [[ -n \"$a\" && -n \"$b\" ]]; then\n  echo equal   #deploytag\nfi\nfor f in *.bat; do echo \"%%a\"; done",
        "%% Section one\nx = kestrel(1);\n\n%% Section two\ny = merlin(2);",
        "%%{init: {\"theme\": \"dark\"}}%%\ngraph TD; Nightjar-->Dotterel\n%%\nid:: 65f0a1b2-1111\n{{query x}}\n%%",
        "#include <stdio.h>\n#define MAXLEN 80\n<!-- kept -->",
    ];
    for code in blocks {
        let indented = code.lines().map(|line| format!("    {line}\n")).collect::<Vec<String>>().concat();
        let quoted = code.lines().map(|line| format!("> {line}\n")).collect::<Vec<String>>().concat();
        for (source, code) in [
            (format!("a\n\n```sh\n{code}\n```\n\nb"), code),
            (format!("a\n\n~~~~\n{code}\n~~~~\n\nb"), code),
            (format!("a\n\n{indented}\nb"), code),
            (format!("a\n\n> ```\n{quoted}> ```\n\nb"), code),
            (format!("- a\n\n  ```\n{}  ```\n\n- b", indented.replace("    ", "  ")), code),
            (format!("a\n\n````\n```\n{code}\n```\n````\n\nb"), code),
        ] {
            let found = parsed(&source);
            assert!(all_text(&found).contains(code), "{source}\n=>\n{}", all_text(&found));
            assert!(found.tags.is_empty() && found.links.is_empty(), "{source}: {found:?}");
        }
    }
    let found = parsed(
        "A real [[Link]] and #realtag. 100%% sure, 50%% less. `[[no]] #no %% x %%` ``a ` #b`` and \\[[no]] \\#no\n",
    );
    assert_eq!((targets(&found, LinkKind::Wikilink), found.tags.clone()), (vec!["Link"], vec!["realtag".to_owned()]));
    let text = "A real Link and #realtag. 100%% sure, 50%% less. `[[no]] #no %% x %%` ``a ` #b`` and [[no]] #no";
    assert_eq!(all_text(&found), text);
}

#[test]
fn comments_go_and_nothing_else() {
    let text = |source: &str| all_text(&parsed(source));
    assert_eq!(text("a %% b\nc %% d"), "a  d");
    assert_eq!(text("a %% one\n\nb stays\n\n%% two"), "a %% one\n\nb stays\n\n%% two");
    assert_eq!(text("a\n\n%%\nhidden\n\n# hidden\n\n```\nhidden\n```\n%%\n\nb"), "a\n\nb");
    assert_eq!(text("a\n\n%%\n\nb"), "a\n\n%%\n\nb");
    assert_eq!(text("a\n\n%%\n\nb\n\n```\n%%\n```\n"), "a\n\n%%\n\nb\n\n%%");
    assert_eq!(text("a <!-- one\ntwo --> b"), "a  b");
    assert_eq!(text("a\n\n<!-- a lammergeier\n\n# and\n\nends here --> b\n\nc"), "a\n\n b\n\nc");
    assert_eq!(text("<div>\nx <!-- gone\n\ngone too -->after\n\n</div>\n\nend"), "x\n\nafter\n\nend");
    assert!(text("a\n\n<!-- never closed\n\nb [[c]]").contains("b c"));
    let hidden = parsed("Seen\n\n%%\n[[no]] [no](no.md) #no\n%%\n");
    assert!(hidden.links.is_empty() && hidden.tags.is_empty(), "{hidden:?}");
}

#[test]
fn html_is_read_and_what_is_no_html_stays() {
    let text = |source: &str| all_text(&parsed(source));
    assert_eq!(
        text("a <b>c</b><br>d &amp; Vec<String> and <your name>, Option<T>"),
        "a c\nd & Vec<String> and <your name>, Option<T>"
    );
    assert_eq!(text("<table><tr><td>a</td><td>b</td></tr></table>\n\nx"), "a | b\n\nx");
    assert_eq!(text("before\n<p align=center>\n  <img src=x.png alt=Logo>\n</p>\n\nafter"), "before\n\nLogo\n\nafter");
    assert_eq!(targets(&parsed("see <a href=\"https://x.org/\">x</a>"), LinkKind::Url), ["https://x.org/"]);
}

#[test]
fn images_embeds_and_footnotes_stay_readable() {
    let source = "![wiring diagram|300](w.png) ![[x.png|300x200]] ![[y.png|shown name|100]] ![[Note#Part]] word[^1] ^[inline godwit]\n\n\
        > [!note]- Title\n> callout\n\n$$\nE = mc^2\n$$\n\ncost $10 for [[Apples]] and 20$ more\n\n[^1]: knotbird\n";
    let text = all_text(&parsed(source));
    assert!(text.starts_with("wiring diagram x.png shown name Note#Part word[^1] ^[inline godwit]"), "{text}");
    for kept in ["[!note]- Title\ncallout", "E = mc^2", "cost $10 for Apples and 20$ more", "knotbird"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    assert_eq!(targets(&parsed(source), LinkKind::Wikilink), ["x.png", "y.png", "Note", "Apples"]);
    let data =
        format!("Before ![](data:image/png;base64,{0}) data:image/png;base64,{0} after", "iVBORw0KGgo".repeat(3_000));
    assert_eq!(all_text(&parsed(&data)), "Before   after");
}

#[test]
fn emoji_and_other_scripts_make_tags() {
    let found =
        parsed("#📌 #status/🌱seedling #idea💡 #2024/review #привет #日本語 #a/b/c #हिन्दी #naïve: #x, #2024 #-\n");
    assert_eq!(
        found.tags,
        ["📌", "status/🌱seedling", "idea💡", "2024/review", "привет", "日本語", "a/b/c", "हिन्दी", "naïve", "x"]
    );
}

#[test]
fn properties_of_logseq_are_read_and_its_inner_marks_go() {
    let source = "title:: Ibis\ntags:: birds, [[field work]]\nalias:: Threskiornis, Sacred\n\n- Saw a spoonbill #[[Tax office]] #steuer\n  \
        id:: 65f0a1b2-aaaa-bbbb-cccc-0123456789ab\n  collapsed:: true\n  status:: open\n- {{query (and [[todo]] #no)}} left\n- {{embed [[Page]]}} ((65f0a1b2-aaaa-bbbb-cccc-0123456789ab))\n\
        - DONE x\n  :LOGBOOK:\n  CLOCK: [2024]\n  :END:\n- std::vector and a::b stay\n- #+BEGIN_QUERY\n  {:query [x]}\n  #+END_QUERY\n";
    let found = parsed(source);
    assert_eq!(found.title.as_deref(), Some("Ibis"));
    assert_eq!(found.tags, ["birds", "field work", "tax office", "steuer"]);
    assert_eq!(found.aliases, ["Threskiornis", "Sacred"]);
    assert_eq!(targets(&found, LinkKind::Wikilink), ["field work", "Tax office", "Page"]);
    let text = all_text(&found);
    for gone in ["65f0a1b2", "collapsed", "query", "QUERY", "LOGBOOK", "CLOCK", "todo"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    for kept in [
        "tags:: birds, field work",
        "- Saw a spoonbill #Tax office #steuer\nstatus:: open",
        "left",
        "std::vector and a::b stay",
    ] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn paragraphs_of_an_item_are_not_glued() {
    assert_eq!(all_text(&parsed("- a\n\n  b\n\n- [x] c\n\n  > d\n")), "- a\nb\n- [x] c\nd");
}

#[test]
fn what_nests_without_end_costs_no_more_than_it_is_long() {
    for (open, rest) in [
        ("* ", "a"),
        ("> - ", "a"),
        ("1. ", "a"),
        (">", "a"),
        ("[[a|", ""),
        ("%% a", ""),
        ("<!-- ", ""),
        ("((", ""),
        ("{{query ", ""),
    ] {
        let sizes = [2_000, 4_000].map(|count| all_text(&parsed(&format!("{}{rest}", open.repeat(count)))).len());
        assert!(sizes[1] <= 2 * sizes[0] + 200 && sizes[1] <= 4 * 8_000 * 4, "{open}: {sizes:?}");
    }
    assert!(all_text(&parsed(&format!("{}deep", "* ".repeat(100_000)))).len() < 500_000);
    let rule = format!("a\n\n{}\n\nb", "- ".repeat(200));
    assert_eq!(all_text(&parsed(&rule)), "a\n\nb");
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

#[test]
fn a_file_too_large_for_a_note_keeps_its_text() {
    let parsed = parse(format!("# Title\n\n{}", "words of a dump\n".repeat((17 << 20) / 16)).as_bytes()).unwrap();
    assert!(parsed.sections[0].text.ends_with("words of a dump"));
    assert_eq!(parsed.left_out, ["its marks were not read: a note of more than 16 MiB is taken as plain text"]);
}

#[test]
fn a_heading_as_long_as_a_page_is_no_title_of_that_length() {
    // It stood with every piece of the text: a file of 2 MB took 8 GB.
    let parsed = parse(format!("{}===\n\nrest\n", "a\n".repeat(500_000)).as_bytes()).unwrap();
    assert_eq!(parsed.title.map(|title| title.chars().count()), Some(500));
    assert_eq!(parsed.sections[0].text.len(), 1_000_000 - 1 + "\n\nrest".len());
}

#[test]
fn where_links_lead_is_kept_as_written() {
    let found = parsed(
        "[a](https://x.org/a#part) ![b](img/b%20c.png) [[Page#Part|that]] [[Plain]] [m](mailto:ann@x.org) [s](#here) \
         <a href=\"https://x.org/raw?q=1#r\"><img src=\"badge.svg\"></a> <!-- https://x.org/hidden -->\n\n\
         [unused]: https://x.org/unused \"Title\"\n\n<p><a href='b.html'>b</a></p>\n",
    );
    let expected = [
        "https://x.org/a#part",
        "img/b%20c.png",
        "ann@x.org",
        "https://x.org/raw?q=1#r",
        "badge.svg",
        "Page#Part",
        "b.html",
        "https://x.org/unused",
    ];
    assert_eq!(found.targets, expected);
    assert_eq!(targets(&found, LinkKind::File), ["img/b c.png", "b.html"]);
}
