use super::*;

fn text(source: &str) -> String {
    to_text(source)
}

fn page(source: &str) -> Vec<String> {
    parse(source.as_bytes()).unwrap().sections.into_iter().map(|section| section.text).collect()
}

#[test]
fn blocks_lists_and_tables_stay_readable() {
    assert_eq!(text("<p>One\n two</p><p>three<br>four</p>"), "One two\n\nthree\nfour");
    assert_eq!(text("<ul><li>a</li><li>b</li></ul>"), "- a\n- b");
    assert_eq!(text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"), "a | b\nc | d");
    assert_eq!(text("<pre>x\n  y</pre>"), "x\n  y");
}

#[test]
fn script_style_and_comments_go_entities_are_read() {
    assert_eq!(
        text("<style>p{}</style><script>x()</script><!-- no -->a &amp; b &eacute; ver&shy;mut"),
        "a & b é vermut"
    );
}

#[test]
fn the_head_tells_title_author_and_date() {
    let page = b"<html><head><title>My  page</title><meta name=author content='Ann'><meta name=date content=2024-09-12>\
        <meta name=keywords content='a, B'></head><body><nav>menu</nav><h1>T</h1><p>x</p><h2>U</h2><p>y</p></body></html>";
    let found = parse(page).unwrap();
    assert_eq!(found.title.as_deref(), Some("My page"));
    assert_eq!(found.people[0].name.as_deref(), Some("Ann"));
    assert_eq!(found.tags, ["a", "b"]);
    assert!(found.dated_at.is_some());
    let texts: Vec<&str> = found.sections.iter().map(|section| section.text.as_str()).collect();
    assert_eq!(texts, ["T\n\nx", "U\n\ny", "menu"]);
    assert_eq!(found.sections[1].headings, ["T", "U"]);
    assert!(found.sections[2].headings.is_empty());
}

#[test]
fn a_page_without_a_title_has_one_all_the_same() {
    let title = |source: &str| parse(source.as_bytes()).unwrap().title;
    assert_eq!(title("<meta property=og:title content='From afar'><p>x").as_deref(), Some("From afar"));
    assert_eq!(title("<svg><title>Icon</title></svg><h2>Two</h2><h1>One</h1>").as_deref(), Some("Two"));
    assert_eq!(title("<p>x"), None);
    assert_eq!(page("<title>Only a title</title>"), ["Only a title"]);
    assert_eq!(parse(b"<p> </p>"), Err(ParseError::NoText));
}

#[test]
fn every_heading_is_text_once() {
    let menu = "<title>Menu</title><h1>Menu</h1><p>Today.</p><h2>Lobster bisque</h2><h2>Rhubarb crumble</h2><p>With cream.\
        </p><h2>Espresso macchiato</h2>";
    assert_eq!(
        page(menu),
        ["Menu\n\nToday.", "Lobster bisque", "Rhubarb crumble\n\nWith cream.", "Espresso macchiato"]
    );
    let nested =
        "<h1>Journeys</h1><p>Intro.</p><h2>Portugal</h2><h3>Porto</h3><p>Bridges.</p><h2>Spain</h2><h3>Sevilla</h3>";
    assert_eq!(page(nested), ["Journeys\n\nIntro.", "Portugal", "Porto\n\nBridges.", "Spain", "Sevilla"]);
    assert_eq!(
        page("<h2><button>Opens</button></h2><div role=heading aria-level=3>Below</div>x"),
        ["Opens", "Below\n\nx"]
    );
    assert_eq!(text("<h1>a<br>b <img alt=c></h1>d"), "a b c\n\nd");
}

#[test]
fn what_stands_beside_the_text_comes_last() {
    let source = "<body><header>Head</header><nav><a href=/x>Home</a></nav><main><p>Body</p><aside>Margin \
        note</aside><p>More</p></main><footer>Imprint</footer></body>";
    assert_eq!(page(source), ["Head\n\nBody\n\nMore", "Home\n\nMargin note\n\nImprint"]);
    let kinds: Vec<_> = parse(source.as_bytes()).unwrap().sections.into_iter().map(|section| section.kind).collect();
    assert_eq!(kinds, [None, Some(ChunkKind::Aside)]);
    assert_eq!(
        parse(b"<footer>Only this</footer>").unwrap().sections[0].kind,
        None,
        "there is nothing it stands beside"
    );
    assert_eq!(page("<blockquote>Words<footer>Ann Author</footer></blockquote>"), ["Words\n\nAnn Author"]);
    assert_eq!(page("<footer>Only this</footer>"), ["Only this"]);
    assert_eq!(
        page("<p>Seen</p><noscript>Without scripts</noscript><button>Send</button>"),
        ["Seen", "Without scripts\n\nSend"]
    );
    assert_eq!(page("<p hidden>Never shown</p>"), ["Never shown"]);
    assert_eq!(
        page("<p>Shown</p><p hidden>Not shown</p><details><summary>More</summary>Inside</details>"),
        ["Shown\n\nMore\nInside"]
    );
    let described = "<meta name=description content='What it is about'><p>Text";
    assert_eq!(page(described), ["Text", "What it is about"]);
    assert_eq!(page("<meta name=description content='Text here'><p>Text here is said"), ["Text here is said"]);
}

#[test]
fn a_shadow_root_is_content_and_a_template_is_not() {
    for name in ["shadowrootmode=open", "shadowroot=closed", "shadowmode=open"] {
        let source = format!(
            "<my-card><template {name}><style>p{{}}</style><h2>Heading within</h2><p>A limpkin<slot></slot></template>\
            <span>and light</span></my-card><template><p>for scripts</p></template><p>After"
        );
        assert_eq!(page(&source).join("\n\n"), "Heading within\n\nA limpkin\n\nand light\n\nAfter", "{name}");
    }
}

#[test]
fn frames_and_drawings_that_are_saved_with_a_page_are_read() {
    let source = "<p>Outer</p><iframe srcdoc=\"<p>Inner &amp;amp; more</p><script>no()</script>\"></iframe>\
        <svg><style>.a{}</style><title>Chart</title><text>Axis</text><path d='M0'/></svg>";
    assert_eq!(page(source), ["Outer", "Inner & more", "Chart\nAxis"]);
}

#[test]
fn pasted_files_are_no_text() {
    let data = "iVBORw0KGgo".repeat(2_000);
    let source = format!(
        "<p>Before <img alt='stone curlew' src='data:image/png;base64,{data}'> after url(data:x/y;base64,{data}) end"
    );
    assert_eq!(page(&source), ["Before stone curlew after url() end"]);
}

#[test]
fn the_bytes_decide_about_the_declared_character_set() {
    let read = |bytes: &[u8]| parse(bytes).unwrap().sections[0].text.clone();
    assert_eq!(read(b"<meta charset=iso-8859-1><p>gr\xf6\xdfe"), "größe");
    assert_eq!(read("<meta charset=iso-8859-1><p>größe".as_bytes()), "größe");
    assert_eq!(read(b"<meta charset=utf-8><p>gr\xf6\xdfe und m\xfc\xdfig, sch\xf6n"), "größe und müßig, schön");
    assert_eq!(read(b"<meta charset=utf-16><p>gr\xf6\xdfe und m\xfc\xdfig, sch\xf6n"), "größe und müßig, schön");
    assert_eq!(
        read(b"<meta http-equiv=Content-Type content='text/html; charset=windows-1251'><p>\xcf\xf0\xe8\xe2\xe5\xf2"),
        "Привет"
    );
    assert_eq!(read(b"<?xml version='1.0' encoding='windows-1251'?><html><body>\xcf\xf0\xe8\xe2\xe5\xf2"), "Привет");
    assert_eq!(read(b"<meta charset=iso-2022-jp><p>\x1b$B2q5D\x1b(B"), "会議");
    // A page that says Shift_JIS and is not: most of it would be broken.
    assert_eq!(read(b"<meta charset=shift_jis><p>gr\xf6\xdfe und m\xfc\xdfig, sch\xf6n"), "größe und müßig, schön");
    assert_eq!(read(b"\xef\xbb\xbf<meta charset=windows-1252><p>gr\xc3\xb6"), "grö");
}

#[test]
fn depth_attributes_and_open_formatting_are_bounded() {
    let page = format!("{}deep{}", "<div>".repeat(20_000), "</div>".repeat(20_000));
    assert!(text(&page).contains("deep"));
    let tags = |source: &str| limits::bounded(source).0.matches('<').count();
    for count in [1_000, 2_000, 4_000] {
        assert_eq!(tags(&"<div>".repeat(count)), 256);
        assert!(tags(&"<table><tr><td>".repeat(count)) < 300 + 4 * count);
        assert_eq!(tags(&"<p><font size=1>".repeat(count)), 4 * count - 2);
        assert_eq!(tags(&format!("<svg>{}", "<td>".repeat(count))), 1);
        let attributes = (0..count).map(|index| format!(" a{index}='>'")).collect::<Vec<String>>().concat();
        let bounded = limits::bounded(&format!("<p{attributes}>x</p><p>y</p>")).0;
        assert_eq!(bounded.matches('=').count(), 200);
        assert!(bounded.ends_with(">x</p><p>y</p>"));
    }
    let plain = "<!-- <div> --><div a='>' b=\">\" c=d/><script>'<div>'</script><b>x</b></div> a < b <3 </> <?x?>";
    let bounded = "<div a='>' b=\">\" c=d/><x-strong>x</x-strong></div> a &lt; b &lt;3  ";
    assert_eq!(limits::bounded(plain).0, bounded);
    let deep = format!("{}<p>one</p><div>two</div><b>th</b>ree", "<div>".repeat(500));
    assert_eq!(text(&deep), "one\n\ntwo three");
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(source in "\\PC{0,200}|([<>/!='\" -]|<p>|<h1>|</h1>|<svg>|<td|template|shadowroot|a|b){0,80}") {
        let _ = parse(source.as_bytes());
        let _ = limits::bounded(&source);
    }
}

#[test]
fn where_links_lead_is_kept_as_written() {
    let found = parse(
        b"<p><a href=' https://x.org/a?b=1&amp;c=2#part '>a</a> <a href='mailto:ann@x.org'>m</a> <a href='#top'>t</a>\
          <a href='javascript:x()'>j</a> <img src='p.png'></p>",
    );
    let found = found.unwrap();
    assert_eq!(found.targets, ["https://x.org/a?b=1&c=2#part", "ann@x.org"]);
    assert_eq!(found.links.len(), 1);
}
