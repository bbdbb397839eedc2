use super::*;

/// The elements that are open at the deepest place of a source, as a browser counts them.
fn deepest(source: &str) -> usize {
    let page = scraper::Html::parse_document(&bounded(source).0);
    let mut deepest = 0;
    for node in page.tree.nodes() {
        deepest = deepest.max(node.ancestors().take(10_000).count());
    }
    deepest
}

fn text(source: &str) -> String {
    let page = scraper::Html::parse_document(&bounded(source).0);
    page.root_element().text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_gets_past_the_bound() {
    // Each of these made a tree as deep as it is long, or one that was built in the square of its length.
    for pattern in [
        "<div></zz>",
        "<div></p>",
        "<span><div></span>",
        "<p><span></p><foo></span>",
        "<b><div></b>x",
        "<a href=x><div>",
        "<font><p>",
        "<nobr><div>",
        "<li><div>",
        "<table><tr><td>",
        "<table>x<b>",
        "<table><caption>",
        "<button><p>",
        "<form><div></form>",
        "<select><style><input><foo><foo></style>",
        "<template><td>",
        "<object><p>",
        "<ruby><rt>",
        "<svg><g>",
        "<svg></math><tr>",
        "<svg><foreignObject><title></foreignObject></svg></title>",
        "<svg><p><div><title></div></svg></title>",
        "<math><annotation-xml><script><div></script></math>",
        "<math><mi><span>",
        "<noscript><div>",
        "<frameset><div>",
        "<h1><span><h2>",
        "<x-y></x>",
        "<!-- --!><div>",
        "<<b>div>",
    ] {
        let found = deepest(&pattern.repeat(3_000));
        // Rows and bodies of tables come with a table.
        assert!(found <= 3 * DEEPEST + 10, "{found} deep: {pattern}");
    }
}

#[test]
fn what_a_reader_sees_stays() {
    for (source, seen) in [
        ("a<b>b<i>c</b>d</i>e", "abcde"),
        ("<p>one<div>two</p>three</div>", "onetwothree"),
        ("x<!-- <b> -->y<!-->z<!--->w<!-- a --!>v", "xyzwv"),
        ("1 < 2 <3 </ x>4<? p>5", "1 < 2 <3 45"),
        ("a<script>if (a < b) '</b>'</script>c<style>x</style>d", "acd"),
        ("<textarea>a <b> &amp; c</textarea>", "a <b> & c"),
        ("<xmp>a <b> &amp;</xmp>", "a <b> &amp;"),
        ("a<plaintext><b>c &amp;", "a<b>c &amp;"),
        ("<svg><title>t</title><![CDATA[<x>]]></svg>u", "t<x>u"),
        ("<</zz>div>a", "<div>a"),
        ("<tr><td>a<td>b", "a b"),
        ("<a href=x>l<a href=y>m</a>n", "lmn"),
        ("a</br>b", "ab"),
        ("a<b title='>'>c</b>", "ac"),
        ("never ended <b title='x", "never ended"),
    ] {
        assert_eq!(text(source), seen, "{source}");
    }
}

#[test]
fn every_element_is_closed_where_it_ends() {
    assert_eq!(bounded("<div><b>x</div>y").0, "<div><x-strong>x</x-strong></div>y");
    assert_eq!(bounded("<ul><li>a<li>b</ul>").0, "<ul><li>a</li><li>b</li></ul>");
    assert_eq!(bounded("<table><tr><td>a<td>b<tr></table>").0, "<table><tr><td>a</td><td>b</td></tr><tr></tr></table>");
    assert_eq!(bounded("<p>a<p>b</div>").0, "<p>a</p><p>b");
    assert_eq!(bounded("<A HREF='u' class=c>x</a>").0, "<a HREF='u'></a><x-a HREF='u' class=c>x</x-a>");
}

#[test]
fn elements_and_attributes_are_counted() {
    let many = "<u>x</u>".repeat(MOST_ELEMENTS + 5);
    let (bounded, is_cut) = bounded(&many);
    assert_eq!(
        (is_cut, bounded.matches("<span").count(), bounded.matches('x').count()),
        (true, MOST_ELEMENTS - 1, MOST_ELEMENTS + 5)
    );
    let attributes = (0..1_000).map(|number| format!(" a{number}=b")).collect::<Vec<String>>().concat();
    assert_eq!(super::bounded(&format!("<p{attributes}>x")).0.matches("=b").count(), 200);
}
