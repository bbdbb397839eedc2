//! Markdown, plain text, canvases: marks without end, nesting, heads, lines as long as the file.

use super::Case;

/// All of them.
pub(crate) const CASES: fn() -> Vec<Case> = || {
    let note = |name, n, make| Case { name, file: "x.md", n, make };
    let text = |name, n, make| Case { name, file: "x.txt", n, make };
    vec![
        note("note [[", 500_000, |n| "[[".repeat(n).into()),
        note("note [[a|", 300_000, |n| "[[a|".repeat(n).into()),
        note("note nested brackets", 500_000, |n| format!("{}a{}", "[".repeat(n), "]".repeat(n)).into()),
        note("note ![", 500_000, |n| "![".repeat(n).into()),
        note("note [a](", 300_000, |n| "[a](".repeat(n).into()),
        note("note [a](((", 300_000, |n| format!("[a]({}", "(".repeat(n)).into()),
        note("note [a](<b", 200_000, |n| "[a](<b".repeat(n).into()),
        note("note [a](b \"", 200_000, |n| "[a](b \"".repeat(n).into()),
        note("note <", 500_000, |n| format!("{}a", "<".repeat(n)).into()),
        note("note <a", 300_000, |n| "<a ".repeat(n).into()),
        note("note <!--", 300_000, |n| "<!--".repeat(n).into()),
        note("note a <!--", 300_000, |n| "a <!-- ".repeat(n).into()),
        note("note CDATA", 200_000, |n| "a <![CDATA[".repeat(n).into()),
        note("note <?", 300_000, |n| "a <?".repeat(n).into()),
        note("note <!A", 300_000, |n| "a <!A ".repeat(n).into()),
        note("note attributes", 200_000, |n| format!("<a {}>", "b=\"c\" ".repeat(n)).into()),
        note("note open attributes", 200_000, |n| "<a b=\"".repeat(n).into()),
        note("note blocks of html", 150_000, |n| "<div>\n\n".repeat(n).into()),
        note("note lines of html", 200_000, |n| "<div>\n".repeat(n).into()),
        note("note details", 100_000, |n| "<details>\n\na\n\n".repeat(n).into()),
        note("note comments of blocks", 100_000, |n| "<!-- a\n\nb\n\n".repeat(n).into()),
        note("note &a", 500_000, |n| "&a".repeat(n).into()),
        note("note emphasis", 300_000, |n| "*a_ ".repeat(n).into()),
        note("note nested emphasis", 300_000, |n| format!("{}b{}", "*a **".repeat(n), "** *".repeat(n)).into()),
        note("note stars", 1_000_000, |n| "*".repeat(n).into()),
        note("note a**", 300_000, |n| "a**b_".repeat(n).into()),
        note("note ~~", 300_000, |n| "~~a ".repeat(n).into()),
        note("note backslashes", 1_000_000, |n| "\\".repeat(n).into()),
        note("note $", 500_000, |n| "$a ".repeat(n).into()),
        note("note $$", 300_000, |n| "$$a ".repeat(n).into()),
        note("note {$", 300_000, |n| "${a$}".repeat(n).into()),
        note("note runs of backticks", 2_000_000, |n| {
            (0..n.isqrt()).map(|i| format!("{}a", "`".repeat(i))).collect::<String>().into()
        }),
        note("note fences", 300_000, |n| "```\n".repeat(n).into()),
        note("note fences that grow", 2_000_000, |n| {
            (3..n.isqrt()).map(|i| format!("{}\n", "~".repeat(i))).collect::<String>().into()
        }),
        note("note footnotes", 300_000, |n| "[^a".repeat(n).into()),
        note("note definitions of footnotes", 200_000, |n| "[^a]: ".repeat(n).into()),
        note("note named footnotes", 60_000, |n| {
            (0..n).map(|i| format!("[^{i}]: a[^{}]\n\n", i + 1)).collect::<String>().into()
        }),
        note("note definitions", 100_000, |n| {
            let all: String = (0..n).map(|i| format!("[a{i}]: b\n")).collect();
            format!("{all}\n{}", "[a1]".repeat(n)).into()
        }),
        note("note definitions with long targets", 1_000, |n| {
            format!("[a]: {}\n\n{}", "b".repeat(n), "[a] ".repeat(n)).into()
        }),
        note("note open definitions", 200_000, |n| "[a\n]: ".repeat(n).into()),
        note("note setext", 500_000, |n| format!("{}===", "a\n".repeat(n)).into()),
        note("note headings", 200_000, |n| "# a\n".repeat(n).into()),
        note("note headings of six levels", 100_000, |n| {
            (0..n).map(|i| format!("{} h{i}\n\ntext\n\n", "#".repeat(1 + i % 6))).collect::<String>().into()
        }),
        note("note headings with links", 100_000, |n| {
            (0..n).map(|i| format!("# a [[l{i}]]\n")).collect::<String>().into()
        }),
        note("note a long heading", 2_000_000, |n| format!("# {}\n\ntext\n", "word ".repeat(n / 5)).into()),
        note("note heading attributes", 300_000, |n| format!("# a {{{}}}\n", ".b ".repeat(n)).into()),
        note("note star lists", 100_000, |n| format!("{}a", "* ".repeat(n)).into()),
        note("note quotes", 500_000, |n| format!("{}a", ">".repeat(n)).into()),
        note("note quotes in lists", 100_000, |n| format!("{}a", "> - ".repeat(n)).into()),
        note("note lists by indent", 1_000_000, |n| {
            (0..n.isqrt()).map(|i| format!("{}* a\n", " ".repeat(2 * i))).collect::<String>().into()
        }),
        note("note lines of quotes and lists", 5_000, |n| format!("{}a\n", "> ".repeat(59)).repeat(n).into()),
        note("note lists of numbers", 100_000, |n| format!("{}a", "1. ".repeat(n)).into()),
        note("note tasks", 200_000, |n| "- [x] ".repeat(n).into()),
        note("note blank items", 200_000, |n| "-\n\n".repeat(n).into()),
        note("note table of one line", 200_000, |n| {
            format!("{}\n{}\n{}", "a|".repeat(n), "-|".repeat(n), "b|".repeat(n)).into()
        }),
        note("note table with short rows", 2_000, |n| {
            format!("{}\n{}\n{}", "a|".repeat(n), "-|".repeat(n), "b|\n".repeat(n)).into()
        }),
        note("note tables", 100_000, |n| "|a|\n|-|\n|b|\n\n".repeat(n).into()),
        note("note pipes", 500_000, |n| format!("{}\n{}", "|".repeat(n), "|-".repeat(n)).into()),
        note("note tags", 200_000, |n| (0..n).map(|i| format!("#t{i} ")).collect::<String>().into()),
        note("note #a/", 500_000, |n| "#a/".repeat(n).into()),
        note("note wikilinks", 200_000, |n| (0..n).map(|i| format!("[[c{i}]] ")).collect::<String>().into()),
        note("note {{query", 300_000, |n| "{{query ".repeat(n).into()),
        note("note ((", 500_000, |n| "((".repeat(n).into()),
        note("note %%", 500_000, |n| "%% a".repeat(n).into()),
        note("note lines of %%", 300_000, |n| "%%\n".repeat(n).into()),
        note("note a::", 500_000, |n| "a:: ".repeat(n).into()),
        note("note properties", 200_000, |n| "a:: b\n".repeat(n).into()),
        note("note drawers", 200_000, |n| ":LOGBOOK:\n".repeat(n).into()),
        note("note queries", 200_000, |n| "#+BEGIN_QUERY\n".repeat(n).into()),
        note("note ;base64,", 200_000, |n| "data:a;base64,".repeat(n).into()),
        note("note head of brackets", 500_000, |n| {
            format!("---\ntags: {}{}\n---\nx\n", "[".repeat(n), "]".repeat(n)).into()
        }),
        note("note head of maps", 2_000_000, |n| {
            format!("---\n{}---\nx\n", (0..n.isqrt()).map(|i| format!("{}a:\n", " ".repeat(i))).collect::<String>())
                .into()
        }),
        note("note head of lists", 2_000_000, |n| {
            format!("---\na:\n{}---\nx\n", (0..n.isqrt()).map(|i| format!("{}-\n", " ".repeat(i))).collect::<String>())
                .into()
        }),
        note("note head of - - -", 15_000, |n| format!("---\na:\n  {}b\n---\nx\n", "- ".repeat(n)).into()),
        note("note head of ? ? ?", 15_000, |n| format!("---\n{}b\n---\nx\n", "? ".repeat(n)).into()),
        note("note head of keys", 100_000, |n| {
            format!("---\n{}---\nx\n", (0..n).map(|i| format!("k{i}: v\n")).collect::<String>()).into()
        }),
        note("note head of tags", 200_000, |n| {
            format!("---\ntags: [{}]\naliases: [{0}]\n---\nx\n", (0..n).map(|i| format!("t{i},")).collect::<String>())
                .into()
        }),
        note("note head of one line", 3_000_000, |n| format!("---\na: {}\n---\nx\n", "b".repeat(n)).into()),
        note("note head of toml", 500_000, |n| format!("+++\na={}{}\n+++\nx\n", "[".repeat(n), "]".repeat(n)).into()),
        note("note head of toml tables", 20_000, |n| {
            format!("+++\n{}\n+++\nx\n", (0..n).map(|i| format!("[a{i}]\nb=1\n")).collect::<String>()).into()
        }),
        note("note head of dotted toml", 200_000, |n| format!("+++\n{}a=1\n+++\nx\n", "a.".repeat(n)).into()),
        note("note head of anchors", 400, |n| {
            let all: String = (1..n).map(|i| format!("a{i}: &a{i} [*a{0},*a{0}]\n", i - 1)).collect();
            format!("---\na0: &a0 [x,x]\n{all}---\nx\n").into()
        }),
        note("note head of two fields in one", 400, |n| {
            format!("---\n{}---\nx\n", format!("a: {}\n", "{a: [".repeat(n)).repeat(20)).into()
        }),
        note("note blanks", 5_000_000, |n| format!("# a\n\n{}x", " ".repeat(n)).into()),
        note("note newlines", 5_000_000, |n| format!("# a{}x", "\n".repeat(n)).into()),
        note("note tabs", 1_000_000, |n| "\t".repeat(n).into()),
        note("note accents", 1_000_000, |n| format!("# a\n\na{}", "\u{301}".repeat(n)).into()),
        note("note words with accents", 300_000, |n| format!("a{}", "\u{301}\u{323}\u{345} ".repeat(n)).into()),
        note("note joiners", 1_000_000, |n| "\u{1f468}\u{200d}".repeat(n / 4).into()),
        text("text form feeds", 3_000_000, |n| format!("x{}y", "\u{c}".repeat(n)).into()),
        text("text one word", 50_000_000, |n| "a".repeat(n).into()),
        text("text one line", 20_000_000, |n| "word ".repeat(n / 5).into()),
        text("text one line of signs", 5_000_000, |n| "a,b;".repeat(n / 4).into()),
        text("text one line of ideographs", 3_000_000, |n| "\u{4f1a}\u{8b70}".repeat(n / 6).into()),
        text("text emoji", 2_000_000, |n| "\u{1f95c}".repeat(n / 4).into()),
        text("text zero width", 3_000_000, |n| format!("x{}", "\u{200b}".repeat(n / 3)).into()),
        text("text soft hyphens", 3_000_000, |n| "a\u{ad}".repeat(n / 3).into()),
        text("text csv", 8_000_000, |n| "a,b\n".repeat(n / 4).into()),
        text("text empty lines", 5_000_000, |n| format!("a{}b", "\n".repeat(n)).into()),
        text("text colours", 500_000, |n| format!("x{}", "\u{1b}[31m".repeat(n)).into()),
        text("text open sequences", 500_000, |n| {
            format!("xxxxxxxxxxxxxx{}", "\u{1b}]0;aaaaaaaaaaaaaaaa".repeat(n / 10)).into()
        }),
        text("text of two bytes", 4_000_000, |n| [b"\xff\xfe".to_vec(), b"a\0".repeat(n / 2)].concat()),
        text("text of escapes", 3_000_000, |n| b"\x1b$B%O\x1b(B".repeat(n / 8)),
        text("text in no charset", 3_000_000, |n| b"\xc3\xe9\xf0 \x81".repeat(n / 5)),
        Case {
            name: "canvas nested",
            file: "x.canvas",
            n: 500_000,
            make: |n| format!("{{\"nodes\":{}", "[".repeat(n)).into(),
        },
        Case {
            name: "canvas cards",
            file: "x.canvas",
            n: 50_000,
            make: |n| format!("{{\"nodes\":[{}{{}}]}}", "{\"text\":\"# a [[b]] #c\"},".repeat(n)).into(),
        },
        Case {
            name: "canvas one card",
            file: "x.canvas",
            n: 500_000,
            make: |n| format!("{{\"nodes\":[{{\"text\":\"{}\"}}]}}", "[[".repeat(n)).into(),
        },
        Case {
            name: "canvas keys",
            file: "x.canvas",
            n: 100_000,
            make: |n| format!("{{{}\"nodes\":[]}}", (0..n).map(|i| format!("\"k{i}\":1,")).collect::<String>()).into(),
        },
        Case {
            name: "drawing elements",
            file: "x.excalidraw",
            n: 50_000,
            make: |n| {
                format!("{{\"type\":\"excalidraw\",\"elements\":[{}{{}}]}}", "{\"text\":\"a #b\"},".repeat(n)).into()
            },
        },
        Case {
            name: "drawing nested",
            file: "x.excalidraw",
            n: 500_000,
            make: |n| format!("{{\"elements\":{}", "{\"a\":".repeat(n)).into(),
        },
    ]
};
