//! Web pages: elements within elements, tags that close nothing, tags that the tree builder moves about.

use super::Case;

fn page(body: String) -> Vec<u8> {
    format!("<!doctype html><html><body>{body}").into_bytes()
}

/// All of them.
pub(crate) const CASES: fn() -> Vec<Case> = || {
    let html = |name, n, make| Case { name, file: "x.html", n, make };
    vec![
        html("page div", 300_000, |n| page("<div>".repeat(n) + "x" + &"</div>".repeat(n))),
        html("page div and what closes nothing", 100_000, |n| page("<div></zz>".repeat(n))),
        html("page div and </p>", 100_000, |n| page("<div></p>".repeat(n))),
        html("page div and </span>", 100_000, |n| page("<span><div></span>".repeat(n))),
        html("page p hides what closes", 100_000, |n| page("<p><span></p><foo></span>".repeat(n))),
        html("page at the bound", 100_000, |n| page("<div>".repeat(399) + &"<div></div>".repeat(n))),
        html("page formatting", 150_000, |n| page("<b><i>".repeat(n))),
        html("page formatting in blocks", 100_000, |n| page("<b><p>".repeat(n))),
        html("page fonts", 100_000, |n| page("<font size=1><p>x".repeat(n))),
        html("page closes across", 100_000, |n| page("<b><div></b>x</div>".repeat(n))),
        html("page links in paragraphs", 100_000, |n| page("<p><a>".repeat(n))),
        html("page links around blocks", 100_000, |n| page("<a href=x><div>".repeat(n))),
        html("page nobr", 100_000, |n| page("<nobr><div>".repeat(n))),
        html("page tables", 80_000, |n| page("<table><tr><td>".repeat(n))),
        html("page rows", 150_000, |n| page("<table>".to_owned() + &"<tr><td>x".repeat(n))),
        html("page tables without cells", 100_000, |n| page("<table>x".repeat(n))),
        html("page text in tables", 150_000, |n| page("<table>".to_owned() + &"x<tr>".repeat(n))),
        html("page formatting in tables", 100_000, |n| page("<table>".to_owned() + &"<b>x</b><tr>".repeat(n))),
        html("page captions", 100_000, |n| page("<table><caption>".repeat(n))),
        html("page cells without table", 200_000, |n| page("<tr><td>x".repeat(n))),
        html("page lists", 100_000, |n| page("<ul><li>".repeat(n))),
        html("page items", 200_000, |n| page("<li>x".repeat(n))),
        html("page items in blocks", 100_000, |n| page("<li><div>x".repeat(n))),
        html("page terms", 200_000, |n| page("<dd>x<dt>".repeat(n))),
        html("page quotes", 200_000, |n| page("<blockquote>".repeat(n))),
        html("page headings", 150_000, |n| page("<h1>x<h2>".repeat(n))),
        html("page sections with headings", 100_000, |n| page("<h2>a</h2>x".repeat(n))),
        html("page buttons", 150_000, |n| page("<button>x".repeat(n))),
        html("page forms", 150_000, |n| page("<form>x</div>".repeat(n))),
        html("page selects", 100_000, |n| page("<select><option>x".repeat(n))),
        html("page raw text in selects", 100_000, |n| page("<select><style><input><foo><foo></style>".repeat(n))),
        html("page templates", 100_000, |n| page("<template>".repeat(n))),
        html("page objects", 100_000, |n| page("<object><p>".repeat(n))),
        html("page frames", 100_000, |n| page("<frameset>".repeat(n))),
        html("page ruby", 100_000, |n| page("<ruby><rt>".repeat(n))),
        html("page unknown elements", 200_000, |n| page("<x-y>".repeat(n))),
        html("page long names", 1_000_000, |n| page(format!("<{0}></{0}>", "a".repeat(n)))),
        html("page pictures", 100_000, |n| page("<svg><g>".repeat(n))),
        html("page rows in pictures", 100_000, |n| page("<svg></math><tr>".repeat(n))),
        html("page titles in pictures", 50_000, |n| {
            page("<svg><foreignObject><title></foreignObject></svg></title>".repeat(n))
        }),
        html("page blocks in pictures", 50_000, |n| page("<svg><p><div><title></div></svg></title>".repeat(n))),
        html("page formulas", 100_000, |n| page("<math><mi>".repeat(n))),
        html("page notes on formulas", 50_000, |n| {
            page("<math><annotation-xml><script><div></script></math>".repeat(n))
        }),
        html("page html", 200_000, |n| page("<html a=b><body c=d>".repeat(n))),
        html("page ends of html", 200_000, |n| page("</body></html>x".repeat(n))),
        html("page attributes", 200_000, |n| {
            page(format!("<p {}>x", (0..n).map(|i| format!("a{i}=b ")).collect::<String>()))
        }),
        html("page many attributes", 3_000, |n| {
            let all: String = (0..200).map(|i| format!("a{i}=b ")).collect();
            page(format!("<p {all}>x").repeat(n / 10))
        }),
        html("page a long attribute", 3_000_000, |n| page(format!("<p class='{}'>x", "a ".repeat(n / 2)))),
        html("page open attributes", 200_000, |n| page("<a b='".repeat(n))),
        html("page links", 100_000, |n| page((0..n).map(|i| format!("<a href=x{i}>l</a>")).collect())),
        html("page entities", 500_000, |n| page("&amp;".repeat(n))),
        html("page open entities", 500_000, |n| page("&am".repeat(n))),
        html("page comments", 300_000, |n| page("<!--".repeat(n))),
        html("page short comments", 300_000, |n| page("<!-->x".repeat(n))),
        html("page CDATA", 150_000, |n| page("<svg><![CDATA[".repeat(n))),
        html("page <", 1_000_000, |n| page("<".repeat(n))),
        html("page </", 500_000, |n| page("</".repeat(n))),
        html("page scripts", 100_000, |n| page("<script><!--<script>".repeat(n))),
        html("page titles", 100_000, |n| page("<title>x".repeat(n))),
        html("page text areas", 100_000, |n| page("<textarea>x</textare".repeat(n))),
        html("page meta", 100_000, |n| {
            format!("<html><head>{}</head><body>x", "<meta name=\"x\" content=\"y\">".repeat(n)).into_bytes()
        }),
        html("page keywords", 200_000, |n| {
            let words: String = (0..n).map(|i| format!("k{i},")).collect();
            format!("<html><head><meta name=keywords content='{words}'></head><body>x").into_bytes()
        }),
        html("page description", 1_000, |n| {
            let text = "ab ".repeat(n * 20);
            format!(
                "<html><head><meta name=description content='{text}c'></head><body>{}",
                format!("<h2>a</h2>{text}").repeat(10)
            )
            .into_bytes()
        }),
        html("page pages within", 30_000, |n| page("<iframe srcdoc='x<iframe srcdoc=y>'></iframe>".repeat(n))),
        html("page ;base64,", 200_000, |n| page("data:a;base64,".repeat(n))),
        html("page preformatted", 2_000_000, |n| page(format!("<pre>{}", "\n ".repeat(n / 2)))),
        html("page blanks", 3_000_000, |n| page(format!("x{}y", " ".repeat(n)))),
        html("page breaks", 300_000, |n| page("<br>".repeat(n) + "x")),
        html("page hidden", 100_000, |n| page("<div hidden>x".repeat(n))),
        html("page menus", 100_000, |n| page("<nav>x</nav>".repeat(n))),
        html("page one line of text", 5_000_000, |n| page("word ".repeat(n / 5))),
    ]
};
